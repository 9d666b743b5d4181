"""Committed is never lost, and what a client was told is in everybody's history at the end."""

import zlib
from typing import TYPE_CHECKING

from raftkeeper.raft import Entry, RaftCore
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class NeverLost(Checker):
    """Every member's committed log agrees with the one history there is."""

    def __init__(self) -> None:
        self._history: dict[int, int] = {}
        """Index to term of what anybody took for committed."""
        self._told: dict[int, tuple[int, int]] = {}
        """Index to (term, checksum) of what was acknowledged."""
        self._applied: dict[int, tuple[int, int]] = {}
        self.last = 0

    def committed(self, machine: "Machine", core: RaftCore, before: int) -> None:
        for index in range(before + 1, core.commit_index + 1):
            term = core.term_at(index)
            if term is None or index < core.first_index:
                continue
            known = self._history.setdefault(index, term)
            if known != term:
                self.broken(
                    f"{machine.name} commits entry {index} of term {term}, but it was committed of"
                    f" term {known}"
                )
        self.last = max(self.last, core.commit_index)

    def applied(self, machine: "Machine", entry: Entry, digest: int) -> None:
        self._applied[entry.index] = (entry.term, zlib.crc32(entry.payload))

    def acknowledged(self, machine: "Machine", entry: Entry) -> None:
        self._told[entry.index] = (entry.term, zlib.crc32(entry.payload))

    def at_end(self) -> None:
        leader = self.world.leader()
        if leader is None or leader.node is None:
            self.broken("nobody leads at the end")
        core = leader.node.core
        if core.commit_index < self.last:
            self.broken(f"entry {self.last} was committed, the log ends at {core.commit_index}")
        for index, told in self._told.items():
            if self._applied.get(index) != told:
                self.broken(f"entry {index} was acknowledged as {told} and is not in the history")
            term = core.term_at(index)
            if term is not None and index >= core.first_index and term != told[0]:
                self.broken(f"entry {index} of term {told[0]} was acknowledged, the log has {term}")
