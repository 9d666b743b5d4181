"""Committed entries that cannot be applied at once: the log at a start, or all that comes meanwhile.

They are applied in order, a slice of time at each turn, so that health is told and votes are
answered while a long log is read. It remembers which entries wait and not what is in them: they are
read from the log on disk in their turn. The core lets go of what it has handed over, applied or not, so
a long wait costs no memory. It must not apply while the engine's state is being replaced.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from raftkeeper._engine import Engine
from raftkeeper.raft import EntryKind, Index, Ready
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import Loop
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

LogRecord = tuple[int, int, int, bytes]


@dataclass(slots=True)
class _Stretch:
    """Entries first..last, and the records once they are being read."""

    first: Index
    last: Index
    records: Iterator[LogRecord] | None = None


class Backlog:
    """Entries in the order of their indexes; those that the engine has already are passed over."""

    def __init__(
        self,
        engine: Engine,
        loop: Loop,
        clock: Clock,
        guarded: Callable[..., None],
        *,
        read: Callable[[Index, Index], Iterator[LogRecord]],
        on_entry: Callable[[int, int], None],
        on_slice: Callable[[], None],
    ) -> None:
        self.blocked = False
        self._engine = engine
        self._loop = loop
        self._clock = clock
        self._guarded = guarded
        self._read = read
        self._on_entry = on_entry
        self._on_slice = on_slice
        self._waiting: deque[_Stretch] = deque()
        self._due = False

    @property
    def is_empty(self) -> bool:
        """Nothing waits, so what is committed next may be applied at once."""
        return not self._waiting and not self.blocked

    def add(self, first: Index, last: Index) -> None:
        """Durable entries, behind everything that waits."""
        newest = self._waiting[-1] if self._waiting else None
        if newest is not None and newest.records is None and newest.last + 1 == first:
            newest.last = last
        else:
            self._waiting.append(_Stretch(first, last))
        self._work_soon()

    def postpone(self, ready: Ready) -> None:
        """What a Ready commits and is not in memory, or has others waiting before it."""
        if ready.committed_cold is not None:
            first, last = ready.committed_cold
            log.info("log.replay", first_index=first, last_index=last)
            self.add(first, last)
        if ready.committed:
            self.add(ready.committed[0].index, ready.committed[-1].index)

    def put_first(self, first: Index, last: Index) -> None:
        """Durable entries, before everything that waits."""
        self._waiting.appendleft(_Stretch(first, last))
        self._work_soon()

    def clear(self) -> None:
        """All of it is in a snapshot."""
        self._waiting.clear()

    def block(self, *, blocked: bool) -> None:
        """Whether the engine's state is being replaced."""
        self.blocked = blocked
        self._work_soon()

    def _work_soon(self) -> None:
        if not self._due and not self.blocked and self._waiting:
            self._due = True
            self._loop.call_soon(self._guarded, self._work)

    def _work(self) -> None:
        self._due = False
        if self.blocked:
            return
        engine, now_us = self._engine, self._clock.now_us()
        until_us = now_us + limits.REPLAY_SLICE_US
        while self._waiting and self._clock.now_us() < until_us:
            stretch = self._waiting[0]
            if stretch.records is None:
                stretch.records = self._read(stretch.first, stretch.last)
            for index, _, kind, payload in stretch.records:
                if index <= engine.applied_index:
                    continue
                engine.apply(index, payload if kind == EntryKind.BATCH else b"", now_us)
                self._on_entry(index, len(payload))
                if self._clock.now_us() >= until_us:
                    break
            else:
                self._waiting.popleft()
        self._work_soon()
        self._on_slice()
