"""What each session may rely on: order, freshness, watches before what they announce."""

from dataclasses import dataclass
from typing import Any

from raftkeeper.testing.checkers.watch import Checker
from raftkeeper.testing.sim_history import TIMEOUT_MS, Fact, Operation, What


class SessionOrder(Checker):
    """Zxids never fall within a session, and each of its writes comes after the one before."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], int] = {}
        self._wrote: dict[tuple[int, int], int] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if fact.what is not What.ANSWERED or operation is None or operation.zxid <= 0:
            return
        key = (fact.session, fact.session_id)
        seen = self._seen.get(key, 0)
        if operation.zxid < seen:
            self.broken(
                f"session c{fact.session} was answered at zxid {operation.zxid} after {seen}"
            )
        self._seen[key] = operation.zxid
        if operation.is_write:
            if operation.zxid <= self._wrote.get(key, 0):
                self.broken(f"two writes of session c{fact.session} have zxid {operation.zxid}")
            self._wrote[key] = operation.zxid


class LinearizableWrites(Checker):
    """Whoever asks after somebody was answered comes later in the one order of writes."""

    def __init__(self) -> None:
        self._zxids: dict[int, Operation] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if fact.what is not What.ANSWERED or operation is None or not operation.is_write:
            return
        if operation.zxid <= operation.floor:
            self.broken(
                f"{operation.kind} {operation.path} of session c{fact.session} has zxid"
                f" {operation.zxid}, but {operation.floor} was answered before it was asked"
            )
        other = self._zxids.setdefault(operation.zxid, operation)
        if other is not operation:
            self.broken(f"two writes have zxid {operation.zxid}")


class SessionLife(Checker):
    """A session that was answered just now has not expired, whoever leads.

    A node that nobody listens to may answer reads a while longer; it closes its connections early
    enough for the bound here.
    """

    def __init__(self) -> None:
        self._answered_us: dict[tuple[int, int], int] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        now_us = self.world.loop.now_us
        key = (fact.session, fact.session_id)
        if fact.what is What.ANSWERED:
            self._answered_us[key] = now_us
        elif fact.what is What.EXPIRED:
            age_ms = (now_us - self._answered_us.get(key, -TIMEOUT_MS * 1000)) // 1000
            if age_ms < TIMEOUT_MS // 4:
                self.broken(
                    f"session {fact.session_id:x} of c{fact.session} was answered {age_ms} ms before"
                    f" it was told expired; its timeout is {TIMEOUT_MS} ms"
                )


class SyncedReads(Checker):
    """What follows a sync sees all that was answered before the sync was asked."""

    def __init__(self) -> None:
        self._floors: dict[int, int] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if operation is None or fact.what is not What.ANSWERED:
            return
        if operation.kind == "sync" and not operation.error:
            floor = max(self._floors.get(fact.session, 0), operation.floor)
            self._floors[fact.session] = floor
        floor = self._floors.get(fact.session, 0)
        if self.world.options.linearizable_reads:
            floor = max(floor, operation.floor)
        if operation.is_read and operation.zxid < floor:
            self.broken(
                f"{operation.kind} {operation.path} of session c{fact.session} shows zxid"
                f" {operation.zxid}, but {floor} was answered before its sync"
            )


@dataclass(slots=True)
class _Watch:
    path: str
    set_zxid: int
    seen_zxid: int


class WatchOrder(Checker):
    """An event comes before any answer that could show what it announces."""

    def __init__(self) -> None:
        self._pending: dict[tuple[int, str], _Watch] = {}
        self._past: list[tuple[int, _Watch]] = []
        self._changes: dict[str, list[int]] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        if fact.what is What.EVENT:
            self._end(fact.session, fact.path)
        elif fact.what is What.EXPIRED:
            for session, path in [key for key in self._pending if key[0] == fact.session]:
                self._end(session, path)
        elif fact.what is What.ANSWERED and fact.operation is not None:
            self._answered(fact.session, fact.operation)

    def at_end(self) -> None:
        for session, path in list(self._pending):
            self._end(session, path)
        for session, watch in self._past:
            for zxid in self._changes.get(watch.path, ()):
                if watch.set_zxid < zxid <= watch.seen_zxid:
                    self.broken(
                        f"session c{session} watched {watch.path} from zxid {watch.set_zxid} on and"
                        f" heard of zxid {watch.seen_zxid} before any event for its change {zxid}"
                    )

    def _answered(self, session: int, operation: Operation) -> None:
        for (owner, _), watch in self._pending.items():
            if owner == session:
                watch.seen_zxid = max(watch.seen_zxid, operation.zxid)
        if operation.is_write and not operation.error:
            path = operation.made or operation.path
            self._changes.setdefault(path, []).append(operation.zxid)
        if operation.kind == "get" and operation.watch and not operation.error:
            key = (session, operation.path)
            if key not in self._pending:
                zxid = operation.zxid
                self._pending[key] = _Watch(operation.path, zxid, zxid)

    def _end(self, session: int, path: str) -> None:
        watch = self._pending.pop((session, path), None)
        if watch is not None:
            self._past.append((session, watch))
