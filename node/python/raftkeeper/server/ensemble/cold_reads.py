"""Reads old entries of the log for members that are far behind, one read at a time and at a rate.

The core asks for them as soon as the member's window allows, which would fill the leader's loop, and
then the processors that members may share, with the past while clients wait for the present. What is
still in memory never comes through here, so a member that is a little behind is not slowed. It must
not decide what is sent.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from raftkeeper.raft import ColdSend, Entry, MemberId, RaftCore, Role
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import Loop
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.storage import Writer


class Host(Protocol):
    """What the driver has, and does for it."""

    core: RaftCore
    writer: Writer
    settings: EnsembleSettings

    def guarded(self, step: Callable[..., object], *arguments: object) -> None:
        """Runs a step; its failure is the end of the node."""

    def look(self) -> None:
        """Does what the core has ready, at the end of the turn."""


class ColdReads:
    """What the core has asked for and has not got; at most one for each member."""

    def __init__(self, host: Host, loop: Loop, clock: Clock) -> None:
        self._host = host
        self._core = host.core
        self._writer = host.writer
        self._loop = loop
        self._clock = clock
        self._bytes_per_s = host.settings.catch_up_bytes_per_s
        self._waiting: dict[MemberId, ColdSend] = {}
        """In the order of asking. A newer one of a member takes the place of one that was given up."""
        self._due = False
        self._debt_bytes = 0.0
        """What was read and is not yet paid for by time."""
        self._paid_us = clock.now_us()
        self._paid_logged = host.writer.bytes_written

    def take(self, asked: Iterable[ColdSend]) -> None:
        """They are answered in later turns."""
        for cold in asked:
            self._waiting.pop(cold.to, None)
            self._waiting[cold.to] = cold
        self._work_soon()

    def _work_soon(self) -> None:
        if self._due or not self._waiting:
            return
        self._due = True
        pause_s = self._pause_s()
        if pause_s:
            self._loop.call_later(pause_s, self._host.guarded, self._work)
        else:
            self._loop.call_soon(self._host.guarded, self._work)

    def _work(self) -> None:
        self._due = False
        if self._waiting and not self._pause_s():
            self._answer(self._waiting.pop(next(iter(self._waiting))))
        self._work_soon()

    def _answer(self, cold: ColdSend) -> None:
        core = self._core
        if core.role is not Role.LEADER or cold.term != core.term:
            return  # nobody waits for it any more, and the log may be another member's now
        entries: list[Entry] = []
        total = cost = 0
        try:
            for record in self._writer.read(cold.first, cold.last):
                entries.append(Entry(*record))
                total += len(record[3])
                cost += max(len(record[3]), limits.COLD_ENTRY_COST_BYTES)
                if total >= core.config.append_bytes_max:
                    break
        except KeyError:
            entries.clear()  # purged meanwhile: the core sends a snapshot then
        self._debt_bytes += cost
        core.cold_read(cold, tuple(entries))
        self._host.look()

    def _pause_s(self) -> float:
        """How long to wait before the next read. No more than one of them can be saved up."""
        if not self._bytes_per_s:
            return 0.0
        now_us, logged = self._clock.now_us(), self._writer.bytes_written
        paid = (now_us - self._paid_us) * self._bytes_per_s / 1e6
        # Else members would never catch up with clients that write faster than this rate.
        times = limits.CATCH_UP_TIMES_LOGGED * len(self._core.members)
        paid += times * (logged - self._paid_logged)
        self._paid_us, self._paid_logged = now_us, logged
        saved_max = self._core.config.append_bytes_max
        self._debt_bytes = max(-saved_max, self._debt_bytes - paid)
        if self._debt_bytes <= 0:
            return 0.0
        needed_s = self._debt_bytes / self._bytes_per_s
        return min(max(needed_s, limits.COLD_READ_PAUSE_MIN_S), limits.COLD_READ_PAUSE_MAX_S)
