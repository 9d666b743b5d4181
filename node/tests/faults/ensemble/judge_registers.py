"""Rules for znodes that are only ever set: versions count the sets, and reads show the last one.

A read with zxid z in its header shows the state after all writes up to z, none less and none more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .history import BAD_VERSION, NONE, OK, Kind, Record
from .sightings import Sightings


class Write(NamedTuple):
    """One that was done. NONE as a version: nobody saw which it made."""

    zxid: int
    version: int
    value: int
    done_by_us: int


@dataclass(slots=True)
class _Register:
    writes: list[Write] = field(default_factory=list)
    hidden_us: list[int] = field(default_factory=list)
    """When writes were asked for of which nobody knows whether they were done."""
    observations: list[Record] = field(default_factory=list)


def judge_registers(records: Iterable[Record], seen: Sightings) -> Iterator[str]:
    """Complaints about each register."""
    registers: defaultdict[int, _Register] = defaultdict(_Register)
    for record in records:
        yield from _take(registers[record.number], record, seen)
    for number, register in registers.items():
        register.writes.sort()
        name = f"register {number}"
        yield from _judge_chain(name, register)
        yield from _judge_observations(name, register)


def _take(register: _Register, record: Record, seen: Sightings) -> Iterator[str]:
    if record.kind == Kind.GET:
        if record.error == OK:
            register.observations.append(record)
        elif record.answered:
            yield f"register {record.number} was not there: {record}"
    elif record.error == OK:
        if record.expected != NONE and record.version != record.expected + 1:
            yield f"a set on version {record.expected} made version {record.version}: {record}"
        write = Write(record.mzxid, record.version, record.value, record.returned_us)
        register.writes.append(write)
    elif record.answered:
        if record.error != BAD_VERSION or record.expected == NONE:
            yield f"no such error can be: {record}"
        elif record.zxid:
            register.observations.append(record)
    elif (revealed := seen.revealed.get(record.value)) is not None:
        write = Write(revealed.zxid, revealed.version, record.value, revealed.seen_us)
        register.writes.append(write)
    else:
        register.hidden_us.append(record.invoked_us)


def _judge_chain(name: str, register: _Register) -> Iterator[str]:
    """Versions go up by one with each write; what lies between must be explained by hidden ones."""
    hidden_us = sorted(register.hidden_us)
    used = 0
    unseen = 0
    before: Write | None = None
    for write in register.writes:
        if before is not None and write.zxid == before.zxid:
            yield f"{name}: two writes at {write.zxid:#x}"
        if write.version == NONE:
            unseen += 1
            continue
        if before is not None:
            between = write.version - before.version - 1 - unseen
            if between < 0:
                yield (
                    f"{name}: version {write.version} at {write.zxid:#x} after version"
                    f" {before.version} at {before.zxid:#x}, with {unseen} more between"
                )
            used += max(between, 0)
            if used > bisect_right(hidden_us, write.done_by_us):
                yield (
                    f"{name}: version {write.version} at {write.zxid:#x} after version"
                    f" {before.version} at {before.zxid:#x}: nobody wrote what lies between"
                )
                used -= between
        before, unseen = write, 0


def _judge_observations(name: str, register: _Register) -> Iterator[str]:
    writes = register.writes
    zxids = [write.zxid for write in writes]
    for record in register.observations:
        if record.error == BAD_VERSION:
            yield from _judge_refusal(name, writes, zxids, record)
            continue
        at = bisect_right(zxids, record.zxid or record.mzxid) - 1
        if at < 0 or (record.zxid and writes[at].zxid != record.mzxid):
            newest = f"{writes[at].zxid:#x}" if at >= 0 else "nothing"
            yield f"{name}: a read at {record.zxid:#x} should show {newest}: {record}"
        elif record.zxid and writes[at].version not in {NONE, record.version}:
            yield f"{name}: version {writes[at].version} was shown as {record.version}: {record}"


def _judge_refusal(
    name: str, writes: list[Write], zxids: list[int], record: Record
) -> Iterator[str]:
    """A wrong version was refused although nothing could have changed it."""
    at = bisect_right(zxids, record.zxid) - 1
    if at < 0 or writes[at].version != record.expected:
        return
    follows = writes[at + 1].version if at + 1 < len(writes) else NONE
    if follows == record.expected + 1:
        yield f"{name}: version {record.expected} was refused and was right: {record}"
