"""What all clients of a run share: the history, the counters, and which znodes there are to ask for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from .history import History, Record
from .wire_session import now_us

ROOT = "/faults"
REGISTERS = 24
"""Few enough for clients to meet at them, enough for batches to hold several."""
LATCHES = 12
PARENT = f"{ROOT}/latches"
QUEUE = f"{ROOT}/queue"
EPHEMERALS = f"{ROOT}/ephemerals"
RECENT_EPHEMERALS = 200


def register_path(number: int) -> str:
    return f"{ROOT}/registers/r{number}"


def latch_path(number: int) -> str:
    return f"{PARENT}/l{number}"


def ephemeral_path(number: int) -> str:
    return f"{EPHEMERALS}/e{number}"


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A session whose client went away without a word."""

    number: int
    id: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class LostSession:
    """A session that was gone when its client came back to it."""

    id: int
    moment_s: float
    """Of the run."""
    silence_s: float
    """Since a server last answered it."""
    closing: bool
    """Its close was asked for and never answered, so it may well be gone."""


@dataclass(slots=True)
class Second:
    """What was acknowledged within one second of the run."""

    writes: int = 0
    reads: int = 0
    lost: int = 0
    """Operations that were never answered."""


@dataclass(slots=True)
class Board:
    """One run's."""

    history: History = field(default_factory=History)
    started_us: int = field(default_factory=now_us)
    seconds: list[Second] = field(default_factory=list)
    acknowledged_writes: int = 0
    last_write_us: int = 0
    """When the last write was acknowledged."""
    longest_gap_us: int = 0
    """Between two acknowledged writes, since it was last set to 0."""
    recent_ephemerals: deque[int] = field(
        default_factory=lambda: deque[int](maxlen=RECENT_EPHEMERALS)
    )
    load_ended_s: int = 0
    """Seconds of the run after this one are those of the last look."""
    reconnects: int = 0
    lost_sessions: list[LostSession] = field(default_factory=list)
    # Threads take from these too; `next` of a count cannot be torn.
    _values: Iterator[int] = field(default_factory=lambda: count(1))
    _sessions: Iterator[int] = field(default_factory=lambda: count(1))
    _ephemerals: Iterator[int] = field(default_factory=lambda: count(1))

    def next_value(self) -> int:
        return next(self._values)

    def next_session(self) -> int:
        return next(self._sessions)

    def next_ephemeral(self) -> int:
        return next(self._ephemerals)

    def take(self, record: Record, *, write: bool) -> None:
        """Into the history, and into the counters of its second."""
        self.history.add(record)
        second = self._second()
        if not record.answered:
            second.lost += 1
        elif write:
            self.acknowledged_writes += 1
            second.writes += 1
            now = record.returned_us
            self.longest_gap_us = max(self.longest_gap_us, now - self.last_write_us)
            self.last_write_us = now
        else:
            second.reads += 1

    def mark_gap(self) -> None:
        """The longest gap is counted from now on."""
        self.longest_gap_us = 0
        self.last_write_us = now_us()

    def gap_s(self) -> float:
        """The longest time without an acknowledged write since the mark, one that lasts included."""
        return max(self.longest_gap_us, now_us() - self.last_write_us) / 1e6

    def elapsed_s(self) -> float:
        return (now_us() - self.started_us) / 1e6

    def _second(self) -> Second:
        at = int(self.elapsed_s())
        while len(self.seconds) <= at:
            self.seconds.append(Second())
        return self.seconds[at]
