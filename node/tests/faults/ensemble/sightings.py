"""What reads reveal of writes: which unanswered ones were done, and which are shown that never were.

Each write carries a value of its own, so that a read names the write it shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .history import NONE, SYSTEM_ERROR, WRITES, History, Kind, Record, Space


class Final(NamedTuple):
    """What one node shows after everything has calmed down, read behind a sync."""

    node: int
    queue: frozenset[int]
    ephemerals: frozenset[int]


class Revealed(NamedTuple):
    """An unanswered write that somebody saw done."""

    record: Record
    zxid: int
    version: int
    """NONE when only the other half of its multi was seen."""
    seen_us: int
    """It was done by then."""


@dataclass(slots=True)
class Sightings:
    """The result of one pass over the history."""

    history: History
    revealed: dict[int, Revealed] = field(default_factory=dict)
    """By value."""
    complaints: list[str] = field(default_factory=list)
    acknowledged_writes: int = 0
    unanswered: int = 0
    synced_reads: int = 0

    def of(self, space: Space) -> Iterator[Record]:
        """The records of one family of znodes, without the writes that a node took nothing of."""
        return (
            record
            for record in self.history
            if record.space == space and record.error != SYSTEM_ERROR
        )


def sight(history: History) -> Sightings:
    """Finds the write behind each value that was shown."""
    seen = Sightings(history)
    writers: dict[int, int] = {}
    for position, record in enumerate(history):
        if record.kind in WRITES:
            seen.acknowledged_writes += record.done
            seen.unanswered += not record.answered
            if record.value != NONE:
                writers[record.value] = position
        elif record.kind == Kind.GET:
            seen.synced_reads += record.synced_us != NONE and record.done
    for record in history:
        if record.kind == Kind.GET and record.done:
            _look(seen, writers, record)
    for one in tuple(seen.revealed.values()):
        partner = one.record.partner
        if partner != NONE and partner not in seen.revealed:
            other = history[writers[partner]]
            seen.revealed[partner] = Revealed(other, one.zxid, NONE, one.seen_us)
    return seen


def _look(seen: Sightings, writers: dict[int, int], read: Record) -> None:
    where = f"{Space(read.space).name.lower()} {read.number}"
    position = writers.get(read.value)
    if position is None:
        seen.complaints.append(f"{where} showed value {read.value}, which nobody wrote")
        return
    writer = seen.history[position]
    if (writer.space, writer.number) != (read.space, read.number):
        seen.complaints.append(f"{where} showed value {read.value}, written to another znode")
    elif writer.done:
        if writer.zxid not in {0, read.mzxid}:
            seen.complaints.append(
                f"{where}: value {read.value} was written by {writer.zxid:#x}"
                f" and shown as of {read.mzxid:#x}"
            )
    elif writer.answered:
        seen.complaints.append(
            f"{where} showed value {read.value}, whose write was refused ({writer.error})"
        )
    else:
        _reveal(seen, writer, read, where)


def _reveal(seen: Sightings, writer: Record, read: Record, where: str) -> None:
    known = seen.revealed.get(writer.value)
    if known is None:
        seen.revealed[writer.value] = Revealed(writer, read.mzxid, read.version, read.returned_us)
        return
    if known.zxid != read.mzxid:
        seen.complaints.append(
            f"{where}: value {writer.value} was done twice, by {known.zxid:#x} and {read.mzxid:#x}"
        )
    if read.returned_us < known.seen_us:
        seen.revealed[writer.value] = known._replace(seen_us=read.returned_us)
