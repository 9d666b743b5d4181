"""Leader completeness (Raft, figure 3): who is elected holds all that earlier terms committed.

And what keeps it so: a leader counts copies of entries of its own term only (5.4.2).
"""

from typing import TYPE_CHECKING

from raftkeeper.raft import RaftCore, Role
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class LeaderCompleteness(Checker):
    """The last entry that each term's leader committed is enough: log matching does the rest."""

    def __init__(self) -> None:
        self._marks: dict[int, tuple[int, int]] = {}
        """Term of a leader to the (index, term) of the last entry it committed."""
        self._elected_at: dict[int, int] = {}

    def committed(self, machine: "Machine", core: RaftCore, before: int) -> None:
        if core.role is not Role.LEADER:
            return
        term = core.term_at(core.commit_index)
        if term is None:
            return
        self._marks[core.term] = (core.commit_index, term)
        if term != core.term and self._elected_at[machine.number] != self.world.loop.steps:
            self.broken(
                f"{machine.name}, leader of term {core.term}, commits entry {core.commit_index} of"
                f" term {term} without one of its own behind it"
            )

    def leads(self, machine: "Machine", core: RaftCore) -> None:
        self._elected_at[machine.number] = self.world.loop.steps
        for committed_in, (index, term) in self._marks.items():
            if committed_in >= core.term or index < core.first_index:
                continue
            if core.term_at(index) != term:
                self.broken(
                    f"{machine.name} leads term {core.term} with entry {index} of term"
                    f" {core.term_at(index)}, but term {committed_in} committed it of term {term}"
                )
