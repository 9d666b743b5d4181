"""One client session over asyncio: requests go out in a pipeline, replies come back in order.

It connects, attaches again after a crash with its id and password, and reports every reply to its
owner. It does not retry anything: what was not answered when the connection broke stays `unanswered`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from raftkeeper.testing import client_wire

REPLY_DEADLINE_S = 30.0
"""A server on a busy machine answers within milliseconds; this long means that it hangs."""


class SessionGoneError(Exception):
    """The server does not know the session any more."""


class WrongReplyError(Exception):
    """A reply that no correct server gives: out of order, an error where none can be, an old zxid."""


class ConnectionLostError(Exception):
    """The connection broke; what was sent and not answered may or may not have taken effect."""


Handler = Callable[[client_wire.Reply], None]


class Session:
    """Its id, password and last zxid outlive its connections."""

    def __init__(self, name: str, port: int, timeout_ms: int) -> None:
        self.name = name
        self.timeout_ms = timeout_ms
        self.id = 0
        self.last_zxid = 0
        self.contact_s = 0.0
        """When the server last answered, by the loop's clock."""
        self.on_event: Handler | None = None
        self._port = port
        self._password = bytes(16)
        self._xid = 0
        self._waiting: deque[tuple[int, Handler]] = deque()
        self._progress = asyncio.Event()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self.wrong: Exception | None = None
        """What the server did wrong, if it did: checked by `raise_wrong`."""

    async def connect(self) -> None:
        """Opens the session, or attaches to it again. SessionGoneError when it has ended."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        hello = client_wire.connect(self.timeout_ms, self.id, self._password, self.last_zxid)
        self._writer.write(hello)
        try:
            body = await asyncio.wait_for(self._read_frame(), REPLY_DEADLINE_S)
        except (asyncio.IncompleteReadError, ConnectionError) as lost:
            await self.drop()
            raise ConnectionLostError(f"{self.name}: no answer to connect") from lost
        connected = client_wire.parse_connected(body)
        if connected.timeout_ms <= 0:
            await self.drop()
            raise SessionGoneError(f"{self.name}: session {self.id:#x} is gone")
        if self.id not in {0, connected.session}:
            raise WrongReplyError(
                f"{self.name}: asked for {self.id:#x}, got {connected.session:#x}"
            )
        self.id, self._password = connected.session, connected.password
        self.timeout_ms = connected.timeout_ms
        self._waiting.clear()
        self._touch()
        self._task = asyncio.create_task(self._receive(), name=self.name)

    @property
    def connected(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def outstanding(self) -> int:
        return len(self._waiting)

    def send(self, build: Callable[[int], bytes], handler: Handler) -> None:
        """Queues one request; `handler` gets its reply. Nothing is sent on a broken connection."""
        self._xid = self._xid + 1 if self._xid < (1 << 30) else 1
        self._waiting.append((self._xid, handler))
        writer = self._writer
        if writer is not None and self.connected and not writer.transport.is_closing():
            writer.write(build(self._xid))

    async def ask(self, build: Callable[[int], bytes]) -> client_wire.Reply:
        """Sends one request and waits for its reply."""
        return (await self.ask_all([build]))[0]

    async def ask_all(self, builds: list[Callable[[int], bytes]]) -> list[client_wire.Reply]:
        """Sends all requests at once and waits for all replies."""
        replies: list[client_wire.Reply] = []
        for build in builds:
            self.send(build, replies.append)
        await self.wait_until(lambda: len(replies) == len(builds))
        return replies

    async def ping(self) -> None:
        """Tells the server that the session lives."""
        await self.ask(lambda xid: client_wire.read(xid, client_wire.GET_CHILDREN, "/"))

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Waits for replies until `condition` holds; ConnectionLostError when they end before."""
        while not condition():
            self.raise_wrong()
            if not self.connected:
                raise ConnectionLostError(self.name)
            self._progress.clear()
            if condition() or not self.connected:
                continue
            await asyncio.wait_for(self._progress.wait(), REPLY_DEADLINE_S)
        self.raise_wrong()

    async def wait_closed(self) -> None:
        """Waits until the connection has broken and all that came before has been handled."""
        if self._task is not None:
            await asyncio.wait_for(self._task, REPLY_DEADLINE_S)
        self.raise_wrong()

    async def close(self) -> None:
        """Ends the session in order; ConnectionLostError leaves it open whether it has ended."""
        await self.ask(lambda xid: client_wire.request(xid, client_wire.CLOSE_SESSION))
        await self.drop()

    async def drop(self) -> None:
        """Breaks the connection and leaves the session to its deadline."""
        if self._writer is not None:
            self._writer.transport.abort()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._waiting.clear()

    def raise_wrong(self) -> None:
        if self.wrong is not None:
            raise self.wrong

    def _touch(self) -> None:
        self.contact_s = asyncio.get_running_loop().time()

    async def _read_frame(self) -> bytes:
        assert self._reader is not None
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        return await self._reader.readexactly(length)

    async def _receive(self) -> None:
        try:
            while True:
                self._handle(client_wire.parse_reply(await self._read_frame()))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except Exception as wrong:  # shown by raise_wrong in the task that waits
            self.wrong = wrong
        finally:
            if self._writer is not None:
                self._writer.close()
            self._progress.set()

    def _handle(self, reply: client_wire.Reply) -> None:
        self._touch()
        if reply.xid == client_wire.XID_EVENT:
            if self.on_event is not None:
                self.on_event(reply)
            return
        if not self._waiting:
            raise WrongReplyError(f"{self.name}: reply {reply.xid} to no request")
        xid, handler = self._waiting.popleft()
        if reply.xid != xid:
            raise WrongReplyError(f"{self.name}: reply {reply.xid} where {xid} was due")
        if reply.zxid < self.last_zxid:
            raise WrongReplyError(f"{self.name}: zxid {reply.zxid:#x} after {self.last_zxid:#x}")
        self.last_zxid = reply.zxid
        handler(reply)
        self._progress.set()
