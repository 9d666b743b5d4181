"""One client's socket: bytes in to the engine, bytes out from it, and pressure in both directions.

`data_received` is the hottest Python of the node: one engine call, one write, no loop over requests.
It must not decide anything about requests, and it never waits.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from raftkeeper.server import limits, socket_queues


class ConnectionEngine(Protocol):
    """What a socket needs of the engine."""

    @property
    def wants(self) -> int:
        """Bits of what is to be done at the end of the loop turn."""

    def connect(self, address: str, now_us: int) -> int:
        """A new connection's id."""

    def certify(self, conn: int, subject: str, *, is_super: bool) -> None:
        """Who it is by its certificate."""

    def feed(self, conn: int, data: bytes, now_us: int) -> bytes:
        """One socket read in, the replies that are ready out."""

    def touch(self, conn: int) -> None:
        """Some of what was written to it has left."""

    def disconnect(self, conn: int) -> None:
        """The socket is gone."""


class Clients:
    """All client sockets of the node, and what they share. Bookkeeping only."""

    def __init__(
        self,
        engine: ConnectionEngine,
        *,
        now_us: Callable[[], int],
        wake: Callable[[], None],
        unsent_bytes_max: int,
        unsent_stall_ms: int,
        on_lost: Callable[["ClientProtocol", str], None],
        super_subject: str = "",
    ) -> None:
        self.engine = engine
        self.now_us = now_us
        self.wake = wake
        self.unsent_bytes_max = unsent_bytes_max
        self.unsent_stall_us = unsent_stall_ms * 1000
        self.on_lost = on_lost
        self.super_subject = super_subject
        """Whose certificate passes every ACL; '' for nobody's."""
        self.by_conn: dict[int, ClientProtocol] = {}
        self.writes: dict[int, Callable[[bytes], None]] = {}
        self.stopping = False
        self._gone = asyncio.Event()
        self.slow: set[ClientProtocol] = set()
        """Those with unsent bytes above the mark, or closing with something unsent."""

    def sweep(self) -> None:
        """Closes those that took nothing for too long. Call it about every second."""
        now_us = self.now_us()
        for client in tuple(self.slow):
            client.check_stall(now_us)

    def pause_all(self) -> None:
        """No client is read any more: the node stops."""
        self.stopping = True
        for client in tuple(self.by_conn.values()):
            client.hold()

    async def wait_none(self) -> None:
        """Waits until every client is gone."""
        while self.by_conn:
            self._gone.clear()
            await self._gone.wait()

    def remove(self, conn: int) -> bool:
        """Forgets a client; False when it was forgotten before."""
        self.writes.pop(conn, None)
        known = self.by_conn.pop(conn, None) is not None
        self._gone.set()
        return known

    def close_all(self) -> None:
        """Closes every socket after what is written to it."""
        for client in tuple(self.by_conn.values()):
            client.close("")

    def abort_all(self) -> None:
        """Closes every socket at once."""
        for client in tuple(self.by_conn.values()):
            client.abort("")


class ClientProtocol(asyncio.Protocol):
    """One connection that spoke the client protocol. Made by `first_bytes` with its socket open."""

    __slots__ = (
        "_clients",
        "_engine",
        "_feed",
        "_held",
        "_hold_engine",
        "_now_us",
        "_progress_us",
        "_reason",
        "_slow",
        "_sock",
        "_unread",
        "_unsent",
        "_write",
        "address",
        "conn",
        "peer",
        "transport",
    )

    def __init__(
        self,
        clients: Clients,
        transport: asyncio.Transport,
        address: str,
        peer: str,
        subject: str = "",
    ) -> None:
        self._clients = clients
        self._engine = clients.engine
        self._feed = clients.engine.feed
        self._now_us = clients.now_us
        self.transport = transport
        self.address = address
        self.peer = peer
        self._held = False  # the transport is not read
        self._hold_engine = False  # because the engine said so
        self._slow = False  # because the client does not take its answers
        self._sock: socket_queues.Socket = transport.get_extra_info("socket")
        self._unread = 0
        self._unsent = 0
        self._progress_us = 0
        self._reason = ""
        self.conn = self._engine.connect(address, self._now_us())
        if subject:
            self._engine.certify(self.conn, subject, is_super=subject == clients.super_subject)
        clients.by_conn[self.conn] = self
        self._write: Callable[[bytes], None] = transport.write
        clients.writes[self.conn] = self._write
        transport.set_write_buffer_limits(
            high=limits.WRITE_HIGH_WATER_BYTES, low=limits.WRITE_LOW_WATER_BYTES
        )

    # ---- the hot path ----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """One socket read."""
        replies = self._feed(self.conn, data, self._now_us())
        if replies:
            self._write(replies)
        if self._engine.wants:
            self._clients.wake()

    # ---- pressure --------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """More is unsent than the mark: read nothing, and count what is added from now on."""
        self._slow = True
        self._watch_progress()
        self._set_write(self._write_counted)
        self._clients.slow.add(self)
        self._update_reading()

    def resume_writing(self) -> None:
        """The client took its answers."""
        self._engine.touch(self.conn)
        self._slow = False
        self._set_write(self.transport.write)
        if not self.transport.is_closing():
            self._clients.slow.discard(self)
        self._update_reading()
        self._continue()

    def hold(self) -> None:
        """The engine has enough of this connection for now.

        It may have kept something back only because the answers were many: then it goes on with an
        empty feed, when these have left; at once if none of them is waiting, because no event of
        the transport would come.
        """
        self._hold_engine = True
        self._update_reading()
        self._continue()

    def release(self) -> None:
        """The engine takes more of it again, unless the node stops."""
        self._hold_engine = self._clients.stopping
        self._update_reading()

    def check_stall(self, now_us: int) -> None:
        """Aborts the connection when its client took nothing for too long.

        One that takes something, or says something that is not read now, is there: its session lives.
        """
        unread, unsent = self._look()
        if unsent < self._unsent:
            self._progress_us = now_us
        elif now_us - self._progress_us > self._clients.unsent_stall_us:
            self.abort("takes no answers: client.unsent_stall_ms")
        if unsent < self._unsent or unread > self._unread:
            self._engine.touch(self.conn)
        self._unread, self._unsent = unread, unsent

    def _watch_progress(self) -> None:
        self._progress_us = self._now_us()
        self._unread, self._unsent = self._look()

    def _look(self) -> tuple[int, int]:
        """Bytes that are not read, and bytes that the client has not taken, wherever they lie."""
        unread, untaken = socket_queues.look(self._sock)
        # TLS reads ahead of whoever does not want to read.
        ahead: Callable[[], int] | None = getattr(self.transport, "get_read_buffer_size", None)
        if ahead is not None:
            unread += ahead()
        return unread, untaken + self.transport.get_write_buffer_size()

    def _write_counted(self, data: bytes) -> None:
        unsent = self.transport.get_write_buffer_size() + len(data)
        if unsent > self._clients.unsent_bytes_max:
            self.abort("takes no answers: client.unsent_bytes_max")
        else:
            self._unsent += len(data)
            self.transport.write(data)

    def _set_write(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        if self.conn in self._clients.writes:
            self._clients.writes[self.conn] = write

    def _update_reading(self) -> None:
        hold = self._hold_engine or self._slow
        if hold != self._held and not self.transport.is_closing():
            self._held = hold
            if hold:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _continue(self) -> None:
        """Takes up what the engine kept back while the answers were many."""
        if self._hold_engine and not self._slow and not self.transport.is_closing():
            self.data_received(b"")

    # ---- the end ---------------------------------------------------------------------------------

    def close(self, reason: str) -> None:
        """Closes after what is written; whoever does not read it is aborted by the sweep."""
        self._reason = self._reason or reason
        if not self.transport.is_closing():
            self._watch_progress()
            self._clients.slow.add(self)
            self.transport.close()

    def abort(self, reason: str) -> None:
        """Closes at once."""
        self._reason = self._reason or reason
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: the engine forgets the connection, not the session."""
        clients = self._clients
        clients.slow.discard(self)
        if clients.remove(self.conn):
            self._engine.disconnect(self.conn)
            clients.on_lost(self, self._reason or (str(exc) if exc else ""))
            if self._engine.wants:
                clients.wake()


def as_transport(transport: asyncio.BaseTransport) -> asyncio.Transport:
    """The loop hands out the base class; a TCP socket is always the full one."""
    return cast("asyncio.Transport", transport)
