"""Which release each machine runs: in some simulations a few begin with the one before, and are updated.

The releases differ in the feature level that they speak and in nothing else. An update is a restart; when
the faults are over all of them are done, and then the level in use must go up.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft import BASE_LEVEL
from raftkeeper.server.feature_level import FEATURE_LEVEL, LOWEST_LEVEL
from raftkeeper.testing.faulty_files import Survival

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

DOWN_MAX_US = 300_000
"""How long an update takes."""


class Releases:
    """Draws them, and plans the updates."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance.stream("releases")
        self._old: list[Machine] = []
        mixed = world.options.mixed_releases and world.level == "node"
        self.newest = FEATURE_LEVEL if mixed else BASE_LEVEL
        for machine in world.machines:
            machine.feature_level = self.newest
        if mixed:
            count = self._chance.below(len(world.machines) + 1)
            self._old = self._chance.sample(world.machines, count)
        for machine in self._old:
            machine.feature_level = LOWEST_LEVEL

    def start(self) -> None:
        """Each is updated at some time before the faults end."""
        for machine in self._old:
            delay_us = self._chance.below(self._world.options.faults_ms * 1000)
            self._world.loop.after(delay_us, self._update, machine)

    def waits_for(self) -> str:
        """What is missing for the newest level to be in use, in words."""
        leader = self._world.leader()
        core = leader.node.core if leader is not None and leader.node is not None else None
        if core is None or core.membership_at(core.commit_index).level >= self.newest:
            return ""
        return f"everybody speaks feature level {self.newest}, and it is not in use"

    def _update(self, machine: "Machine") -> None:
        machine.feature_level = self.newest
        machine.trace("updated", f"to feature level {self.newest}")
        if machine.node is not None:
            machine.crash(self._chance.pick(list(Survival)), "stopped to be updated")
            self._world.loop.after(self._chance.below(DOWN_MAX_US), machine.start)
