"""What the tree shows is what was written: each write once, nothing lost, ephemerals with their session.

Every write carries data of its own, so whatever is read names the write that made it.
"""

from itertools import pairwise
from typing import Any

from raftkeeper.testing.checkers.watch import Checker
from raftkeeper.testing.client_wire import EPHEMERAL, NO_NODE, SEQUENTIAL
from raftkeeper.testing.sim_history import Fact, Operation, What


class ExactlyOnce(Checker):
    """No write has taken effect twice, however often it was sent on to a leader."""

    def __init__(self) -> None:
        self._effects: dict[bytes, tuple[str, int]] = {}
        """Data to the (path, mzxid) it was seen at."""
        self._queued: dict[bytes, str] = {}
        self._sequential: dict[bytes, Operation] = {}
        self._refused: set[bytes] = set()

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if operation is None or fact.what is not What.ANSWERED:
            return
        if operation.is_refused and operation.data:
            self._refused.add(operation.data)
        if operation.error:
            return
        if operation.data in self._refused:
            self.broken(f"the write {operation.data!r} was refused, and is at {operation.path}")
        if operation.kind == "create" and operation.flags == SEQUENTIAL:
            self._sequential[operation.data] = operation
        if operation.stat is None or b"." not in operation.data:
            return
        effect = (operation.made or operation.path, operation.stat.mzxid)
        known = self._effects.setdefault(operation.data, effect)
        if known != effect:
            self.broken(f"the write {operation.data!r} took effect at {known} and at {effect}")
        if operation.kind == "get" and operation.path.startswith("/q/"):
            self._queued[operation.data] = operation.path

    def at_end(self) -> None:
        for data, operation in self._sequential.items():
            if self._queued.get(data) != operation.made:
                self.broken(
                    f"{operation.made} of {data!r} was acknowledged with zxid {operation.zxid}, and"
                    f" at the end it is {self._queued.get(data, 'gone')}"
                )


class StateAsOf(Checker):
    """A read at some zxid shows the last write to its path up to there, and a set counts by one."""

    def __init__(self) -> None:
        self._writes: dict[str, list[Operation]] = {}
        self._reads: list[Operation] = []
        self._unknown: dict[str, list[Operation]] = {}

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if operation is None:
            return
        if fact.what is What.UNKNOWN and operation.is_write:
            self._unknown.setdefault(operation.path, []).append(operation)
        elif fact.what is What.ANSWERED:
            if operation.is_write and not operation.error:
                self._writes.setdefault(operation.made or operation.path, []).append(operation)
            elif operation.kind == "get":
                self._reads.append(operation)

    def at_end(self) -> None:
        for writes in self._writes.values():
            writes.sort(key=lambda operation: operation.zxid)
        for path, writes in self._writes.items():
            self._check_versions(path, writes)
        for read in self._reads:
            self._check_read(read)

    def _check_read(self, read: Operation) -> None:
        last = None
        for write in self._writes.get(read.path, ()):
            if write.zxid > read.zxid:
                break
            last = write
        if last is None or read.path in self.expiring(read.path):
            return
        if read.error == NO_NODE:
            deleted = [op for op in self._unknown.get(read.path, ()) if op.kind == "delete"]
            if last.kind != "delete" and not deleted:
                self.broken(
                    f"{read.path} is not there at zxid {read.zxid}, but was written at {last.zxid}"
                )
        elif read.stat is not None and read.stat.mzxid < last.zxid:
            self.broken(
                f"{read.path} shows zxid {read.stat.mzxid} at zxid {read.zxid}, but was written at"
                f" {last.zxid}"
            )

    @staticmethod
    def expiring(path: str) -> frozenset[str]:
        """Ephemerals may go at any time."""
        return frozenset({path}) if path.startswith("/e") else frozenset()

    def _check_versions(self, path: str, writes: list[Operation]) -> None:
        """Between two acknowledged sets there is room for the unanswered ones only."""
        unknown = sum(operation.kind == "set" for operation in self._unknown.get(path, ()))
        for before, after in pairwise(writes):
            if before.stat is None or after.stat is None or after.kind != "set":
                continue
            if before.stat.czxid != after.stat.czxid:
                continue
            more = after.stat.version - before.stat.version - 1
            if not 0 <= more <= unknown:
                self.broken(
                    f"{path} has version {after.stat.version} at zxid {after.zxid} after"
                    f" {before.stat.version} at {before.zxid}, with {unknown} sets unanswered"
                )


class Ephemerals(Checker):
    """They are there as long as their session, and no longer."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[int, Operation]] = {}
        """Path to the id of the session that made it last, as far as is known."""
        self._expired: set[int] = set()
        self._seen: dict[str, tuple[Operation, bool]] = {}
        """The last read of each, and whether its owner was told expired before that read: a session may
        end later, of a client that has nothing more to do.
        """

    def client(self, what: Any) -> None:
        fact: Fact = what
        operation = fact.operation
        if fact.what is What.EXPIRED:
            self._expired.add(fact.session_id)
        if operation is None or fact.what is not What.ANSWERED or operation.error:
            return
        if operation.kind == "create" and operation.flags == EPHEMERAL:
            self._made[operation.made] = (fact.session_id, operation)
        elif operation.kind == "get" and operation.path.startswith("/e"):
            gone = operation.stat is not None and operation.stat.owner in self._expired
            self._seen[operation.path] = (operation, gone)

    def at_end(self) -> None:
        for path, (read, gone) in self._seen.items():
            if read.stat is not None and gone:
                self.broken(f"{path} of the expired session {read.stat.owner:x} is still there")
        for path, (session, operation) in self._made.items():
            if session not in self._expired and path not in self._seen:
                self.broken(
                    f"{path} was made at zxid {operation.zxid}, session {session:x} lives, and it is"
                    " gone"
                )
