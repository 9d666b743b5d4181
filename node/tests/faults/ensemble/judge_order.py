"""Rules about time and sessions, the same for every znode.

Whatever was shown to anybody before a write was asked for has a lower zxid than that write; a read
behind a sync shows at least that much; and a session's operations follow each other as it asked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from .history import NONE, SYSTEM_ERROR, WRITES, History, Kind, Record
from .sightings import Sightings


class Shown:
    """The highest zxid that anybody had been shown by a moment."""

    def __init__(self, history: History) -> None:
        replies = sorted((r.returned_us, r.zxid) for r in history if r.answered and r.zxid > 0)
        self._times_us: list[int] = []
        self._zxids: list[int] = []
        highest = 0
        for returned_us, zxid in replies:
            if zxid > highest:
                highest = zxid
                self._times_us.append(returned_us)
                self._zxids.append(zxid)

    def before(self, moment_us: int) -> int:
        """0 when nothing had been shown yet."""
        at = bisect_left(self._times_us, moment_us)
        return self._zxids[at - 1] if at else 0


def judge_order(history: History, seen: Sightings) -> Iterator[str]:
    """Complaints about real time, syncs and sessions."""
    shown = Shown(history)
    last_of_session: dict[int, int] = {}
    owner_of_zxid: dict[int, Record] = {}
    for record in history:
        zxid = _zxid(record, seen)
        if zxid == 0:
            continue
        write = record.kind in WRITES and record.error != SYSTEM_ERROR
        if write:
            yield from _judge_moment(record, zxid, shown.before(record.invoked_us))
            if _is_done(record, seen):
                yield from _judge_sole(record, owner_of_zxid.setdefault(zxid, record), zxid)
        elif record.synced_us != NONE and zxid < (least := shown.before(record.synced_us)):
            yield (
                f"a read behind a sync showed the state at {zxid:#x}, although {least:#x} had been"
                f" shown before the sync: {record}"
            )
        before = last_of_session.get(record.session, 0)
        if zxid < before or (zxid == before and write and not _is_second_half(record)):
            yield f"session {record.session}: {zxid:#x} after {before:#x}: {record}"
        last_of_session[record.session] = max(before, zxid)


def _judge_moment(record: Record, zxid: int, least: int) -> Iterator[str]:
    if zxid < least or (zxid == least and record.done):
        yield f"{zxid:#x} was asked for after {least:#x} had been shown: {record}"


def _judge_sole(record: Record, first: Record, zxid: int) -> Iterator[str]:
    if first is record:
        return
    if first.partner != record.value or record.partner != first.value or record.value == NONE:
        yield f"{zxid:#x} was given twice: to {first} and to {record}"


def _is_done(record: Record, seen: Sightings) -> bool:
    return record.done or record.value in seen.revealed


def _is_second_half(record: Record) -> bool:
    """A multi has one zxid; its halves are written down one after the other."""
    return record.partner != NONE and record.partner < record.value


def _zxid(record: Record, seen: Sightings) -> int:
    """Where it stands, if that is known."""
    if record.answered:
        # Being told of an expiry says nothing about a zxid.
        return 0 if record.kind == Kind.EXPIRED else record.zxid
    revealed = seen.revealed.get(record.value)
    return revealed.zxid if revealed is not None else 0
