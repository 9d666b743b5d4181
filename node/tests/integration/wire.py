"""A raw-socket client of the tests: it says exactly the bytes a test wants said, and no more.

Not a client library: no threads, no reconnects, one request at a time unless told otherwise.
"""

import socket
import struct
from dataclasses import dataclass
from typing import Self

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_CHILDREN, PING = 1, 2, 3, 4, 5, 8, 11
CLOSE_SESSION = -11
WORLD_ALL = struct.pack(">ii", 1, 31) + struct.pack(">i5si6s", 5, b"world", 6, b"anyone")
EPHEMERAL, SEQUENTIAL = 1, 2


def buffer(data: bytes) -> bytes:
    """A length and its bytes."""
    return struct.pack(">i", len(data)) + data


def frame(body: bytes) -> bytes:
    """A frame is a buffer too."""
    return buffer(body)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's header and body."""

    xid: int
    zxid: int
    error: int
    body: bytes

    def data(self) -> bytes:
        """The first buffer of the body: a znode's data, a created path."""
        (length,) = struct.unpack_from(">i", self.body)
        return self.body[4 : 4 + length]


class Wire:
    """A connection; `handshake` makes it a session's."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.session = 0
        self.password = bytes(16)
        self.timeout_ms = 0
        self._xid = 0
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.sock.close()

    def handshake(
        self, timeout_ms: int = 10_000, session: int = 0, password: bytes = bytes(16)
    ) -> Self:
        """Asks for a session, or for one it had."""
        request = struct.pack(">iqiq", 0, 0, timeout_ms, session) + buffer(password) + b"\0"
        self.sock.sendall(frame(request))
        reply = self.read_frame()
        _, self.timeout_ms, self.session = struct.unpack_from(">iiq", reply)
        self.password = reply[20:36]
        return self

    def send(self, op: int, body: bytes) -> int:
        """Sends a request and does not wait; its xid."""
        self._xid += 1
        self.sock.sendall(frame(struct.pack(">ii", self._xid, op) + body))
        return self._xid

    def read_reply(self) -> Reply:
        """The next reply or event."""
        data = self.read_frame()
        return Reply(*struct.unpack_from(">iqi", data), data[16:])

    def call(self, op: int, body: bytes) -> Reply:
        """A request and its reply; events in between are skipped."""
        xid = self.send(op, body)
        while (reply := self.read_reply()).xid != xid:
            assert reply.xid == -1, f"reply {reply.xid} before {xid}"
        return reply

    def create(self, path: str, data: bytes = b"", flags: int = 0) -> Reply:
        body = buffer(path.encode()) + buffer(data) + WORLD_ALL + struct.pack(">i", flags)
        return self.call(CREATE, body)

    def get(self, path: str) -> Reply:
        return self.call(GET_DATA, buffer(path.encode()) + b"\0")

    def set(self, path: str, data: bytes) -> Reply:
        body = buffer(path.encode()) + buffer(data) + struct.pack(">i", -1)
        return self.call(SET_DATA, body)

    def exists(self, path: str) -> Reply:
        return self.call(EXISTS, buffer(path.encode()) + b"\0")

    def read_frame(self) -> bytes:
        """One whole frame. Raises EOFError at the end of the stream."""
        (length,) = struct.unpack(">i", self._read(4))
        return self._read(length)

    def at_end(self) -> bool:
        """Whether the server closed the connection, once everything it sent is read."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return True
        return True

    def _read(self, length: int) -> bytes:
        while len(self._received) < length:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError("the server closed the connection")
            self._received += piece
        data, self._received = self._received[:length], self._received[length:]
        return data


def four_letter(port: int, word: str) -> str:
    """The answer to a four-letter command."""
    with socket.create_connection(("127.0.0.1", port), 5.0) as sock:
        sock.sendall(word.encode())
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return answer.decode()
