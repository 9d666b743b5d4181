"""A member's state goes wrong without a word, as by a fault of memory; the others have to tell it.

What goes wrong is what the member says of its state, over every start, until another's state takes the
place of its own. What clients read stays right, so that all other checkers keep their ground. Never two
at a time: the others must be a majority that says the same.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftkeeper.raft import RaftCore
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World


class StateFaults:
    """Has a stream of chance of its own, so that seeds without these faults live as before."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.chance = world.chance.stream("wrong states")

    def falsify(self) -> None:
        """One that runs, if all are right."""
        running = [machine for machine in self._world.running() if hasattr(machine.node, "driver")]
        if running and not any(machine.is_wrong for machine in self._world.machines):
            machine = self.chance.pick(running)
            machine.trace("goes wrong", f"the state of member {machine.member}")
            machine.is_wrong = True


def waits_for_healing(core: "RaftCore", machines: "list[Machine]") -> str:
    """Whose state is still wrong, or not served for it, in words; '' when nobody's is."""
    voters = core.membership.voters
    for machine in machines:
        installer = getattr(getattr(machine.node, "driver", None), "installer", None)
        if machine.member not in core.membership.everyone or installer is None:
            continue
        # Of two voters that differ nobody can tell which is wrong.
        is_known = 2 * len(voters - {machine.member}) > len(voters)
        if (machine.is_wrong and is_known) or installer.diverged:
            return f"the state of member {machine.member} is wrong and not healed"
    return ""
