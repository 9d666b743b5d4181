"""One TCP connection that speaks frames: length, then payload. It decodes nothing.

Every wait has a deadline. The end of a connection, however the server brings it about, is a value
(`None`), because to be hung up on is one of the answers that are compared.
"""

from __future__ import annotations

import socket
import struct

REPLY_DEADLINE_S = 10.0
"""A server that answers later than this has not answered."""

FRAME_BYTES_MAX = 64 * 1024 * 1024
"""Above anything a test asks for; a longer one is a broken stream."""


class Silence(Exception):
    """No frame came before the deadline."""


class Connection:
    """A client's socket. `receive` returns one frame's payload, or None once the server hung up."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=REPLY_DEADLINE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def send_frame(self, payload: bytes) -> bool:
        """False when the server is found to have hung up."""
        return self.send_bytes(struct.pack(">i", len(payload)) + payload)

    def send_bytes(self, data: bytes) -> bool:
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def receive(self, deadline_s: float = REPLY_DEADLINE_S) -> bytes | None:
        head = self._read(4, deadline_s)
        if head is None:
            return None
        (length,) = struct.unpack(">i", head)
        if not 0 <= length <= FRAME_BYTES_MAX:
            raise ValueError(f"the server sent a frame of length {length}")
        return self._read(length, deadline_s)

    def silent_for(self, seconds: float) -> bool:
        """True if neither a byte nor the server's hang-up came in this time."""
        try:
            self._received += self._recv(seconds)
        except Silence:
            return True
        return False

    def close(self) -> None:
        self._socket.close()

    def _read(self, count: int, deadline_s: float) -> bytes | None:
        while len(self._received) < count:
            piece = self._recv(deadline_s)
            if not piece:
                return None
            self._received += piece
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def _recv(self, deadline_s: float) -> bytes:
        self._socket.settimeout(deadline_s)
        try:
            return self._socket.recv(65_536)
        except TimeoutError as late:
            raise Silence from late
        except OSError:
            return b""
