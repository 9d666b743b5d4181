"""One leader a term (Raft, figure 3: election safety)."""

from typing import TYPE_CHECKING

from raftkeeper.raft import RaftCore
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class OneLeader(Checker):
    """Not two members, and not one member in two lives: the second does not know the first's log."""

    def __init__(self) -> None:
        self._leaders: dict[int, tuple[int, int]] = {}

    def leads(self, machine: "Machine", core: RaftCore) -> None:
        me = (core.config.member_id, machine.lives)
        leader = self._leaders.setdefault(core.term, me)
        if leader != me:
            self.broken(
                f"members {leader[0]} (life {leader[1]}) and {me[0]} (life {me[1]})"
                f" both lead term {core.term}"
            )
        if core.config.member_id in core.membership.learners:
            self.broken(f"member {me[0]}, a learner, leads term {core.term}")
