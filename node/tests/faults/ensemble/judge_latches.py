"""Rules for znodes that are created and deleted: there or not, as the last of the two says.

Their folder counts both in its cversion, and names the last in its pzxid.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .history import NO_NODE, NODE_EXISTS, NONE, OK, Kind, Record
from .sightings import Sightings


class _Step(NamedTuple):
    """Something known about a latch at a zxid. Changes sort before observations."""

    zxid: int
    observed: bool
    there: bool
    """After a change; at an observation."""
    czxid: int
    """NONE when it is not known."""
    done_by_us: int
    record: Record


@dataclass(slots=True)
class _Latch:
    steps: list[_Step] = field(default_factory=list)
    hidden_creates_us: list[int] = field(default_factory=list)
    hidden_deletes_us: list[int] = field(default_factory=list)


def judge_latches(records: Iterable[Record], seen: Sightings) -> Iterator[str]:
    """Complaints about each latch and about their folder."""
    latches: defaultdict[int, _Latch] = defaultdict(_Latch)
    parents: list[Record] = []
    for record in records:
        if record.kind == Kind.PARENT:
            if record.done:
                parents.append(record)
        else:
            yield from _take(latches[record.number], record, seen)
    for number, latch in latches.items():
        latch.steps.sort()
        yield from _judge_latch(f"latch {number}", latch)
    yield from _judge_parent(parents, latches.values())


def _take(latch: _Latch, record: Record, seen: Sightings) -> Iterator[str]:
    def step(*, observed: bool, there: bool, czxid: int = NONE) -> None:
        latch.steps.append(_Step(record.zxid, observed, there, czxid, record.returned_us, record))

    match record.kind, record.error:
        case Kind.CREATE, 0:
            step(observed=False, there=True, czxid=record.czxid)
        case Kind.DELETE, 0:
            step(observed=False, there=False)
        case Kind.GET, 0:
            step(observed=True, there=True, czxid=record.czxid)
        case Kind.CREATE, error if error == NODE_EXISTS:
            step(observed=True, there=True)
        case ((Kind.DELETE | Kind.GET), error) if error == NO_NODE:
            step(observed=True, there=False)
        case Kind.CREATE, _ if not record.answered:
            revealed = seen.revealed.get(record.value)
            if revealed is None:
                latch.hidden_creates_us.append(record.invoked_us)
            else:
                at = revealed.zxid
                latch.steps.append(_Step(at, False, True, at, revealed.seen_us, record))
        case Kind.DELETE, _ if not record.answered:
            latch.hidden_deletes_us.append(record.invoked_us)
        case _, error if error != OK and record.answered:
            yield f"no such error can be: {record}"


def _judge_latch(name: str, latch: _Latch) -> Iterator[str]:
    """Walks through what is known; where two things do not fit, a hidden change must lie between."""
    creates_us, deletes_us = sorted(latch.hidden_creates_us), sorted(latch.hidden_deletes_us)
    creates = deletes = 0
    there, czxid = False, NONE
    for step in latch.steps:
        if step.zxid <= 0:
            continue
        before = step.there if step.observed else not step.there
        if there and not before:
            deletes += 1
            if deletes > bisect_right(deletes_us, step.done_by_us):
                yield f"{name} was gone and nobody deleted it: {step.record}"
                deletes -= 1
        elif before and not there:
            if step.observed and step.czxid != NONE:
                yield f"{name} was shown although it was deleted since: {step.record}"
                continue
            creates += 1
            if creates > bisect_right(creates_us, step.done_by_us):
                yield f"{name} was there and nobody made it: {step.record}"
                creates -= 1
            czxid = NONE
        elif step.observed and there and NONE not in {czxid, step.czxid} and czxid != step.czxid:
            yield f"{name} was shown as of {step.czxid:#x}, it is of {czxid:#x}: {step.record}"
        there = step.there
        if not there:
            czxid = NONE
        elif step.czxid != NONE:
            czxid = step.czxid


def _judge_parent(parents: list[Record], latches: Iterable[_Latch]) -> Iterator[str]:
    changes: list[int] = []
    hidden = 0
    for latch in latches:
        changes += [step.zxid for step in latch.steps if not step.observed]
        hidden += len(latch.hidden_creates_us) + len(latch.hidden_deletes_us)
    changes.sort()
    highest = 0
    for record in sorted((r for r in parents if r.zxid), key=lambda r: r.zxid):
        count = bisect_right(changes, record.zxid)
        if not count <= record.version <= count + hidden:
            yield (
                f"the folder has counted {record.version} changes of {count} known ones and at"
                f" most {hidden} unknown: {record}"
            )
        if record.version < highest:
            yield f"the folder's count went back from {highest}: {record}"
        highest = max(highest, record.version)
        if count and record.mzxid < changes[count - 1]:
            yield f"the folder's pzxid does not know {changes[count - 1]:#x}: {record}"
