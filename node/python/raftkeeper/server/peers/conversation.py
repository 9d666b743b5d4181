"""A connection on which two members speak in turns: greetings, surveys, snapshots.

Frames are read when somebody waits for one; meanwhile the other end is held back. Every wait has a
deadline. Links, which never wait, take such a connection over after the greetings (see `link`).
"""

import asyncio
import socket
from typing import cast

from raftkeeper.server.peers import limits
from raftkeeper.server.peers.frames import FrameError, FrameReader, frame


class ConversationOver(Exception):
    """The other end is gone, silent for too long, or speaks nonsense. The text says which."""


class Conversation(asyncio.Protocol):
    """One socket. `receive` and `send` are for one task at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer = "unknown"
        self.error: Exception | None = None
        self._reader = FrameReader(limits.HELLO_BYTES_MAX)
        self._waiter: asyncio.Future[None] | None = None
        self._over = False
        self._held = False
        self._may_write = asyncio.Event()
        self._may_write.set()

    # ---- for the task that speaks ----------------------------------------------------------------

    async def receive(self, bytes_max: int, timeout_s: float) -> bytes:
        """The next frame's body."""
        self._reader.bytes_max = bytes_max
        try:
            async with asyncio.timeout(timeout_s):
                while not (bodies := self._reader.bodies(1)):
                    if self._over:
                        raise ConversationOver(self._why())
                    self._hold(hold=False)
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            raise ConversationOver("no answer in time") from None
        except FrameError as error:
            raise ConversationOver(str(error)) from error
        return bodies[0]

    def say(self, body: bytes) -> None:
        """Sends one frame without waiting."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(frame(body))

    async def send(self, body: bytes, timeout_s: float) -> None:
        """Sends one frame, and waits until the other end has taken most of what was sent."""
        if self._over:
            raise ConversationOver(self._why())
        self.say(body)
        try:
            async with asyncio.timeout(timeout_s):
                await self._may_write.wait()
        except TimeoutError:
            raise ConversationOver("takes nothing any more") from None

    def close(self) -> None:
        """Closes after what was sent."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Closes at once."""
        if self.transport is not None:
            self.transport.abort()

    def hand_over(self, owner: asyncio.Protocol) -> bytes:
        """Gives the socket to its next owner, with what was read too far."""
        assert self.transport is not None
        self.transport.set_protocol(owner)
        self._hold(hold=False)
        return self._reader.take_rest()

    # ---- for the loop ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open, TLS included."""
        self.transport = cast("asyncio.Transport", transport)
        peername = transport.get_extra_info("peername")
        if peername:
            self.peer = f"{peername[0].removeprefix('::ffff:')}:{peername[1]}"

    def data_received(self, data: bytes) -> None:
        """More of it; nobody asked yet means that the other end waits."""
        self._reader.add(data)
        if self._waiter is None or self._waiter.done():
            self._hold(hold=True)
        self._wake()

    def eof_received(self) -> None:
        """The other end says no more; the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; what was read before can still be received."""
        self._over = True
        self.error = exc
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        """Enough is on its way."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It went out."""
        self._may_write.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _hold(self, *, hold: bool) -> None:
        transport = self.transport
        if hold != self._held and transport is not None and not transport.is_closing():
            self._held = hold
            if hold:
                transport.pause_reading()
            else:
                transport.resume_reading()

    def _why(self) -> str:
        return f"the connection ended: {self.error}" if self.error else "the connection was closed"


def prepare(sock: socket.socket) -> None:
    """The options of every socket between members."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limits.STALL_TIMEOUT_MS)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, limits.KEEPALIVE_PROBES)
