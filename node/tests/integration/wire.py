"""A raw-socket client of the tests: it says exactly the bytes a test wants said, and no more.

Not a client library: no threads, no reconnects, one request at a time unless told otherwise.
"""

import socket
from typing import Self

from raftkeeper.testing import client_wire
from raftkeeper.testing.client_wire import Reply


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
        self.sock.sendall(client_wire.connect(timeout_ms, session, password))
        connected = client_wire.parse_connected(self.read_frame())
        self.timeout_ms, self.session, self.password = connected
        return self

    def send(self, op: int, body: bytes) -> int:
        """Sends a request and does not wait; its xid."""
        self._xid += 1
        self.sock.sendall(client_wire.request(self._xid, op, body))
        return self._xid

    def read_reply(self) -> Reply:
        """The next reply or event."""
        return client_wire.parse_reply(self.read_frame())

    def call(self, op: int, body: bytes) -> Reply:
        """A request and its reply; events in between are skipped."""
        xid = self.send(op, body)
        while (reply := self.read_reply()).xid != xid:
            assert reply.xid == client_wire.XID_EVENT, f"reply {reply.xid} before {xid}"
        return reply

    def create(self, path: str, data: bytes = b"", flags: int = client_wire.PERSISTENT) -> Reply:
        return self.call(client_wire.CREATE, client_wire.create_body(path, data, flags))

    def get(self, path: str) -> Reply:
        return self.call(client_wire.GET_DATA, client_wire.read_body(path))

    def set(self, path: str, data: bytes) -> Reply:
        return self.call(client_wire.SET_DATA, client_wire.set_body(path, data))

    def exists(self, path: str) -> Reply:
        return self.call(client_wire.EXISTS, client_wire.read_body(path))

    def read_frame(self) -> bytes:
        """One whole frame. Raises EOFError at the end of the stream."""
        return self._read(int.from_bytes(self._read(4), "big"))

    def at_end(self) -> bool:
        """Whether the server closed the connection, once everything it sent is read."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
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
