"""A small client of the ZooKeeper protocol: one connection, one request at a time, sessions that move.

Runs inside a pod with nothing but Python's standard library, so it must import nothing of ours. It
hides nothing: an answer that did not come is `Unknown`, and what that means is for the caller.
"""

import asyncio
import ssl
import struct

OK, NO_NODE, NODE_EXISTS = 0, -101, -110
CREATE, EXISTS, GET_DATA, SET_DATA, GET_CHILDREN, SYNC, CLOSE = 1, 3, 4, 5, 8, 9, -11
# An answer that takes longer will not come: the server, or the way to it, is gone.
ANSWER_TIMEOUT_S = 4.0
CONNECT_TIMEOUT_S = 2.0
SESSION_TIMEOUT_MS = 15_000
FRAME_BYTES_MAX = 16 * 1024 * 1024
WORLD_ALL = struct.pack(">i", 1) + struct.pack(">i", 31) + b"\0\0\0\5world\0\0\0\6anyone"


class Unknown(Exception):
    """The connection ended before the answer: the request was done, or was not."""


class Expired(Exception):
    """The service has ended the session."""


class Client:
    """A session, on one connection after the other; `tls` with the name that the server must have."""

    def __init__(self, host: str, port: int, tls: tuple[ssl.SSLContext, str] | None = None) -> None:
        self._address = (host, port)
        self._tls = tls
        self._session, self._password, self._zxid, self._xid = 0, b"\0" * 16, 0, 0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def connected(self) -> bool:
        return self._writer is not None

    async def connect(self) -> None:
        """A new connection for the session; OSError when nobody takes it, Expired when it is over."""
        await self.drop()
        (host, port), (context, name) = self._address, self._tls or (None, None)
        opening = asyncio.open_connection(host, port, ssl=context, server_hostname=name)
        try:
            self._reader, self._writer = await asyncio.wait_for(opening, CONNECT_TIMEOUT_S)
            greeting = struct.pack(">iqiq", 0, self._zxid, SESSION_TIMEOUT_MS, self._session)
            self._send(greeting + _buffer(self._password) + b"\0")
            answer = await self._frame()
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            await self.drop()
            raise OSError(str(error) or type(error).__name__) from error
        _, timeout, session = struct.unpack_from(">iiq", answer)
        if timeout <= 0:
            await self.drop()
            self._session, self._password = 0, b"\0" * 16
            raise Expired
        self._session, self._password = session, answer[20:36]

    async def drop(self) -> None:
        """End the connection; the session goes on."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def close(self) -> None:
        """End the session."""
        if self._writer is not None:
            try:
                await self._ask(CLOSE, b"")
            except Unknown:
                pass  # the server may close before we have read its answer
        await self.drop()

    async def create(self, path: str, data: bytes) -> int:
        """The error code."""
        body = _string(path) + _buffer(data) + WORLD_ALL + struct.pack(">i", 0)
        return (await self._ask(CREATE, body))[0]

    async def set_data(self, path: str, data: bytes) -> int:
        """The error code."""
        return (await self._ask(SET_DATA, _string(path) + _buffer(data) + struct.pack(">i", -1)))[0]

    async def get_data(self, path: str) -> tuple[int, bytes, int]:
        """Error code, data, and the zxid of its creation."""
        error, answer = await self._ask(GET_DATA, _string(path) + b"\0")
        if error != OK:
            return error, b"", 0
        length = max(0, struct.unpack_from(">i", answer)[0])
        return OK, answer[4 : 4 + length], struct.unpack_from(">q", answer, 4 + length)[0]

    async def children(self, path: str) -> tuple[int, set[str]]:
        """Error code and names."""
        error, answer = await self._ask(GET_CHILDREN, _string(path) + b"\0")
        names: set[str] = set()
        if error == OK:
            at = 4
            for _ in range(struct.unpack_from(">i", answer)[0]):
                length = struct.unpack_from(">i", answer, at)[0]
                names.add(answer[at + 4 : at + 4 + length].decode())
                at += 4 + length
        return error, names

    async def exists(self, path: str) -> bool:
        """Whether it is there for everybody: asked behind a `sync`."""
        await self.sync(path)
        error, _ = await self._ask(EXISTS, _string(path) + b"\0")
        if error not in {OK, NO_NODE}:
            raise Unknown(f"exists: {error}")
        return error == OK

    async def sync(self, path: str) -> None:
        """What others were promised before is seen here after."""
        error, _ = await self._ask(SYNC, _string(path))
        if error != OK:
            raise Unknown(f"sync: {error}")

    async def _ask(self, operation: int, body: bytes) -> tuple[int, bytes]:
        if self._writer is None:
            raise Unknown("not connected")
        self._xid += 1
        xid = self._xid
        try:
            self._send(struct.pack(">ii", xid, operation) + body)
            answer = await self._frame()
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            await self.drop()
            raise Unknown(str(error) or type(error).__name__) from error
        got, zxid, code = struct.unpack_from(">iqi", answer)
        if got != xid:
            await self.drop()
            raise AssertionError(f"answer {got} to request {xid}: answers out of order")
        if zxid > 0:
            self._zxid = zxid
        return code, answer[16:]

    def _send(self, content: bytes) -> None:
        assert self._writer is not None
        self._writer.write(_buffer(content))

    async def _frame(self) -> bytes:
        assert self._reader is not None
        head = await asyncio.wait_for(self._reader.readexactly(4), ANSWER_TIMEOUT_S)
        length = struct.unpack(">i", head)[0]
        if not 0 <= length <= FRAME_BYTES_MAX:
            raise OSError(f"a frame of {length} bytes")
        return await asyncio.wait_for(self._reader.readexactly(length), ANSWER_TIMEOUT_S)


def _buffer(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content


def _string(text: str) -> bytes:
    return _buffer(text.encode())
