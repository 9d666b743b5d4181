"""What the kernel holds of a socket: bytes that nobody has read yet, and bytes that its peer has not taken.

Of a socket that is not read for a while, these tell whether there is still somebody at the other end.
"""

import fcntl
import struct
import termios
from typing import NamedTuple, Protocol


class Socket(Protocol):
    """What is needed of one."""

    def fileno(self) -> int:
        """Its descriptor, -1 once it is closed."""


class Queues(NamedTuple):
    """In bytes."""

    unread: int
    untaken: int


def look(sock: Socket) -> Queues:
    """Both queues as they are now; of a closed socket they are empty."""
    fd = sock.fileno()
    if fd < 0:
        return Queues(0, 0)
    return Queues(_count(fd, termios.FIONREAD), _count(fd, termios.TIOCOUTQ))


def _count(fd: int, request: int) -> int:
    count: int = struct.unpack("i", fcntl.ioctl(fd, request, bytes(4)))[0]
    return count
