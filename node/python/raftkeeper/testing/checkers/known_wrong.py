"""A member that knows its state to be wrong serves nobody, also after a start, until it has another's."""

from typing import TYPE_CHECKING

from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class KnownWrong(Checker):
    """What a member was told outlives its process."""

    def __init__(self) -> None:
        self._wrong: set[int] = set()
        """By id, which is another for another disk."""

    def contradicted(self, machine: "Machine") -> None:
        self._wrong.add(machine.member)

    def replaced(self, machine: "Machine") -> None:
        self._wrong.discard(machine.member)

    def serves(self, machine: "Machine") -> None:
        if machine.member in self._wrong:
            self.broken(f"{machine.name} takes a client and was told that its state is wrong")
