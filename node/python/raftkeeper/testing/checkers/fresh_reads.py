"""Linearizable reads: whoever asks sees everything that anybody knew to be committed before."""

from typing import TYPE_CHECKING

from raftkeeper.raft import RaftCore
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class FreshReads(Checker):
    """An entry is acknowledged only when some leader knows it committed, so that is the measure."""

    def __init__(self) -> None:
        self._last = 0
        self._asked: dict[int, int] = {}
        self._granted: dict[int, int] = {}

    def committed(self, machine: "Machine", core: RaftCore, before: int) -> None:
        self._last = max(self._last, core.commit_index)

    def read_asked(self, token: int) -> None:
        self._asked.setdefault(token, self._last)  # asked again: the first time counts

    def granted(self, machine: "Machine", token: int, index: int) -> None:
        asked = self._asked.get(token, 0)
        if index < asked:
            self.broken(
                f"{machine.name} may serve a read at entry {index}, but {asked} was committed when"
                " it was asked for"
            )
        self._granted[token] = index

    def read_served(self, token: int, index: int) -> None:
        granted = self._granted.pop(token, None)
        if granted is None or index < granted:
            self.broken(f"a read was served at entry {index}, granted was {granted}")
