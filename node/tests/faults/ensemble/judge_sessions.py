"""Rules for the queue and for ephemerals: nothing acknowledged is missing, nothing outlives its session.

What every node shows in the end is judged here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from .history import NO_NODE, NONE, OK, Kind, Record, Space
from .sightings import Final, Sightings


def judge_queue(records: Iterable[Record], finals: Sequence[Final]) -> Iterator[str]:
    """Numbers go up with the zxids; in the end every node shows each acknowledged one."""
    numbers: set[int] = set()
    acknowledged: list[tuple[int, int]] = []
    unanswered = 0
    for record in records:
        if record.done:
            if record.number in numbers:
                yield f"the number {record.number} was given twice: {record}"
            numbers.add(record.number)
            acknowledged.append((record.zxid, record.number))
        elif record.answered:
            yield f"no such error can be: {record}"
        else:
            unanswered += 1
    acknowledged.sort()
    for (low, first), (high, second) in pairwise(acknowledged):
        if second <= first:
            yield f"number {second} was given at {high:#x}, after {first} at {low:#x}"
    for final in finals:
        missing = sorted(numbers - final.queue)
        if missing:
            yield f"node {final.node} has lost {len(missing)} acknowledged entries: {missing[:5]}…"
        extra = len(final.queue - numbers)
        if extra > unanswered:
            yield f"node {final.node} shows {extra} entries more, {unanswered} were unanswered"
        if final.queue != finals[0].queue:
            yield f"nodes {finals[0].node} and {final.node} show different queues"


class _Lives:
    """How long each session is known to have lived, in zxids and in time."""

    def __init__(self, seen: Sightings) -> None:
        self.closed_zxid: dict[int, int] = {}
        self.expired_us: dict[int, int] = {}
        self.alive_zxid: dict[int, int] = {}
        for record in seen.history:
            if record.kind == Kind.CLOSE:
                if record.done:
                    self.closed_zxid[record.session] = record.zxid
            elif record.kind == Kind.EXPIRED:
                self.expired_us[record.session] = record.returned_us
            elif record.answered:
                known = self.alive_zxid.get(record.session, 0)
                self.alive_zxid[record.session] = max(known, record.zxid)


def judge_ephemerals(seen: Sightings, finals: Sequence[Final]) -> Iterator[str]:
    """There from their creation to the end of their session, neither less nor more."""
    lives = _Lives(seen)
    made: dict[int, Record] = {}
    unanswered: set[int] = set()
    reads: list[Record] = []
    for record in seen.of(Space.EPHEMERAL):
        if record.kind == Kind.GET:
            reads.append(record)
        elif record.kind == Kind.CREATE:
            if record.done:
                made[record.number] = record
            elif record.answered:
                yield f"no such error can be: {record}"
            else:
                unanswered.add(record.number)
    for read in reads:
        creation = made.get(read.number)
        if creation is not None and read.zxid:
            yield from _judge_read(read, creation, lives)
    for final in finals:
        yield from _judge_final(final, made, unanswered, lives)
        if final.ephemerals != finals[0].ephemerals:
            yield f"nodes {finals[0].node} and {final.node} show different ephemerals"


def _judge_read(read: Record, creation: Record, lives: _Lives) -> Iterator[str]:
    owner = creation.session
    if read.error == OK:
        closed = lives.closed_zxid.get(owner)
        if closed is not None and read.zxid >= closed:
            yield f"ephemeral {read.number} outlived the end of its session at {closed:#x}: {read}"
        expired = lives.expired_us.get(owner)
        if expired is not None and NONE != read.synced_us > expired:
            yield f"ephemeral {read.number} outlived the expiry of its session: {read}"
        if read.zxid < creation.zxid:
            yield f"ephemeral {read.number} was shown before it was made: {read}"
    elif read.error == NO_NODE and creation.zxid <= read.zxid < lives.alive_zxid.get(owner, 0):
        yield f"ephemeral {read.number} was gone while its session lived: {read}"


def _judge_final(
    final: Final, made: dict[int, Record], unanswered: set[int], lives: _Lives
) -> Iterator[str]:
    for number, creation in made.items():
        ended = creation.session in lives.closed_zxid or creation.session in lives.expired_us
        if ended == (number in final.ephemerals):
            fate = "is there, its session is not" if ended else "is lost, its session lives"
            yield f"node {final.node}: ephemeral {number} {fate}: {creation}"
    for number in final.ephemerals - made.keys() - unanswered:
        yield f"node {final.node}: ephemeral {number} was never made"
