"""Replaces the engine's whole state by a snapshot, in slices, with no client connected meanwhile.

Used when the log of the others no longer reaches back to this member, and when its state turned out
to differ from theirs. Clients are cut off first: what they have read and watch belongs to the old
state, and their sessions live on at other members.
"""

from collections.abc import Callable, Iterator

from raftkeeper._engine import Engine
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import ClientSockets, Loop, Snapshots
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import SnapshotMeta

log = get_logger(__name__)


class Restorer:
    """One at a time; a newer snapshot takes the place of one that is being loaded."""

    def __init__(
        self,
        engine: Engine,
        loop: Loop,
        clock: Clock,
        snapshots: Snapshots | None,
        guarded: Callable[..., None],
    ) -> None:
        self._engine = engine
        self._loop = loop
        self._clock = clock
        self._snapshots = snapshots
        self._guarded = guarded
        self._meta: SnapshotMeta | None = None
        self._pieces: Iterator[bytes] | None = None
        self._on_done: Callable[[SnapshotMeta], None] | None = None
        self._round = 0

    @property
    def running(self) -> bool:
        """Whether the engine's state is not to be touched."""
        return self._meta is not None

    def begin(
        self,
        meta: SnapshotMeta,
        clients: ClientSockets | None,
        on_done: Callable[[SnapshotMeta], None],
    ) -> None:
        """Starts; `on_done` comes in a later turn."""
        self._meta, self._pieces, self._on_done = meta, None, on_done
        self._round += 1
        if clients is not None:
            clients.abort_all()
        log.info("snapshot.restore", index=meta.index, zxid=f"0x{meta.zxid:x}")
        self._loop.call_soon(self._guarded, self._wait_for, clients, self._round)

    def _wait_for(self, clients: ClientSockets | None, number: int) -> None:
        """Until the last client is gone; aborted sockets are, a turn later."""
        if number != self._round or self._snapshots is None or self._meta is None:
            return
        if clients is not None and clients.by_conn:
            clients.abort_all()
            self._loop.call_later(
                limits.CLIENTS_GONE_POLL_S, self._guarded, self._wait_for, clients, number
            )
            return
        self._pieces = self._snapshots.read(self._meta)
        self._engine.restore_begin()
        self._slice(number)

    def _slice(self, number: int) -> None:
        if number != self._round or self._pieces is None or self._meta is None:
            return
        until_us = self._clock.now_us() + limits.RESTORE_SLICE_US
        for piece in self._pieces:
            self._engine.restore_piece(piece)
            if self._clock.now_us() >= until_us:
                self._loop.call_later(limits.RESTORE_PAUSE_S, self._guarded, self._slice, number)
                return
        while self._engine.restore_more(limits.RESTORE_CHECK_ZNODES):
            if self._clock.now_us() >= until_us:
                self._loop.call_later(limits.RESTORE_PAUSE_S, self._guarded, self._slice, number)
                return
        self._engine.restore_end()
        meta, on_done = self._meta, self._on_done
        self._meta = self._pieces = self._on_done = None
        if on_done is not None:
            on_done(meta)
