"""One client session over asyncio, for volume: requests go out in a pipeline, replies come in order.

A session outlives its connections and goes to whichever node it is sent to. What was not answered when
a connection ends is told to its owner as `None`, once and in order; nothing is tried again here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from raftkeeper.testing import client_wire

CONNECT_DEADLINE_S = 2.0
"""A node that hangs must not hold up a client that could go to another."""

Handler = Callable[["client_wire.Reply | None"], None]


class SessionGoneError(Exception):
    """The server says that the session has ended."""


class NotConnectedError(Exception):
    """The node took no connection, or did not let the session in."""


class WrongOrderError(Exception):
    """A reply that belongs to no request, or to another one than is due."""


def now_us() -> int:
    return time.monotonic_ns() // 1000


class _Pipe(asyncio.Protocol):
    """One connection: cuts frames out of what comes."""

    def __init__(self, owner: WireSession) -> None:
        self.transport: asyncio.Transport
        self._owner = owner
        self._held = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        held = self._held
        held += data
        at = 0
        while len(held) - at >= 4:
            end = at + 4 + int.from_bytes(held[at : at + 4], "big")
            if len(held) < end:
                break
            self._owner.take(self, bytes(held[at + 4 : end]))
            at = end
        del held[:at]

    def connection_lost(self, error: Exception | None) -> None:
        self._owner.forget(self)


class WireSession:
    """Its number, id, password and last zxid outlive its connections."""

    def __init__(self, number: int, timeout_ms: int) -> None:
        self.number = number
        self.timeout_ms = timeout_ms
        self.id = 0
        self.last_zxid = 0
        self.node = 0
        self.contact_us = 0
        """When a server last answered."""
        self.wrong: WrongOrderError | None = None
        self._password = bytes(16)
        self._xid = 0
        self._waiting: deque[tuple[int, Handler]] = deque()
        self._pipe: _Pipe | None = None
        self._greeting: asyncio.Future[bytes] | None = None
        self._progress = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._pipe is not None

    @property
    def outstanding(self) -> int:
        return len(self._waiting)

    async def connect(self, node: int, host: str, port: int) -> None:
        """Opens the session, or goes on with it at this node."""
        loop = asyncio.get_running_loop()
        self._greeting = loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                _, pipe = await loop.create_connection(lambda: _Pipe(self), host, port)
                self._pipe = pipe
                pipe.transport.write(
                    client_wire.connect(self.timeout_ms, self.id, self._password, self.last_zxid)
                )
                body = await self._greeting
        except (OSError, TimeoutError, NotConnectedError) as error:
            self.drop()
            raise NotConnectedError(str(error)) from error
        finally:
            self._greeting = None
        connected = client_wire.parse_connected(body)
        if connected.timeout_ms <= 0:
            self.drop()
            raise SessionGoneError
        self.id, self._password = connected.session, connected.password
        self.timeout_ms = connected.timeout_ms
        self.node = node
        self.contact_us = now_us()

    def send(self, build: Callable[[int], bytes], handler: Handler) -> None:
        """Sends one request; `handler` gets its reply, or None."""
        if self._pipe is None:
            handler(None)
            return
        self._xid = self._xid + 1 if self._xid < (1 << 30) else 1
        self._waiting.append((self._xid, handler))
        self._pipe.transport.write(build(self._xid))

    async def settled(self, deadline_s: float) -> bool:
        """Whether everything was answered in time and the connection is still there."""
        try:
            async with asyncio.timeout(deadline_s):
                while self._waiting and self._pipe is not None:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            self.drop()
        if self.wrong is not None:
            raise self.wrong
        return self._pipe is not None

    def drop(self) -> None:
        """Ends the connection, not the session."""
        pipe = self._pipe
        if pipe is not None:
            pipe.transport.abort()
            self.forget(pipe)

    def forget(self, pipe: _Pipe) -> None:
        """The connection is gone. A late word of an earlier one means nothing."""
        if pipe is not self._pipe:
            return
        self._pipe = None
        if self._greeting is not None and not self._greeting.done():
            self._greeting.set_exception(NotConnectedError("closed before the greeting"))
        waiting, self._waiting = self._waiting, deque()
        for _, handler in waiting:
            handler(None)
        self._progress.set()

    def take(self, pipe: _Pipe, body: bytes) -> None:
        """One frame of the connection."""
        if pipe is not self._pipe:
            return
        if self._greeting is not None:
            if not self._greeting.done():
                self._greeting.set_result(body)
            return
        reply = client_wire.parse_reply(body)
        if not self._waiting or self._waiting[0][0] != reply.xid:
            self.wrong = WrongOrderError(
                f"session {self.id:#x} got a reply {reply.xid} out of turn"
            )
            self.drop()
            return
        self.contact_us = now_us()
        _, handler = self._waiting.popleft()
        self.last_zxid = max(self.last_zxid, reply.zxid)
        handler(reply)
        if not self._waiting:
            self._progress.set()
