"""Judges a history: is it one that a linearizable service with ordered sessions could have given?

The zxid in each reply says where the operation stands among all writes, so one pass in the order of
zxids is enough, without a search. What was never answered may have taken effect or not: it counts
as done where somebody saw it, and elsewhere it may explain what else nobody can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .history import History, Space
from .judge_latches import judge_latches
from .judge_order import judge_order
from .judge_registers import judge_registers
from .judge_sessions import judge_ephemerals, judge_queue
from .sightings import Final, Sightings, sight

SHOWN_MAX = 20
"""Complaints that are kept: the first ones tell the story."""


@dataclass(slots=True)
class Verdict:
    """Nothing wrong, or what is."""

    complaints: list[str] = field(default_factory=list)
    found: int = 0
    operations: int = 0
    acknowledged_writes: int = 0
    unanswered: int = 0
    unanswered_seen: int = 0
    """Unanswered writes that somebody saw done."""
    synced_reads: int = 0

    @property
    def good(self) -> bool:
        return self.found == 0

    def take(self, complaints: Iterable[str]) -> None:
        for complaint in complaints:
            self.found += 1
            if len(self.complaints) < SHOWN_MAX:
                self.complaints.append(complaint)


def judge(history: History, finals: Sequence[Final] = ()) -> Verdict:
    """Every rule, over the whole history."""
    seen: Sightings = sight(history)
    verdict = Verdict(
        operations=len(history),
        acknowledged_writes=seen.acknowledged_writes,
        unanswered=seen.unanswered,
        unanswered_seen=len(seen.revealed),
        synced_reads=seen.synced_reads,
    )
    verdict.take(seen.complaints)
    verdict.take(judge_order(history, seen))
    verdict.take(judge_registers(seen.of(Space.REGISTER), seen))
    verdict.take(judge_latches(seen.of(Space.LATCH), seen))
    verdict.take(judge_queue(seen.of(Space.QUEUE), finals))
    verdict.take(judge_ephemerals(seen, finals))
    return verdict
