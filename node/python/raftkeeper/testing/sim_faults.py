"""Everything that goes wrong, at random times: one row of events for each kind of fault.

A fault ends by itself after a while, and all of them end with `stop`. What would really lose data
(a majority of disks) is never done: no ensemble survives that.
"""

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from raftkeeper.testing.faulty_files import Survival
from raftkeeper.testing.sim_chance import Chance
from raftkeeper.testing.sim_disk_faults import DiskFaults
from raftkeeper.testing.sim_state_faults import StateFaults

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

DOWN_MAX_US = 600_000
CUT_MAX_US = 900_000
STALL_MAX_US = 700_000
STEPS_MAX = 40
"""A crash at a step of the disk comes within so many steps from now."""


class Faults:
    """Plans them, and does them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance.stream("faults")
        self._stopped = False

    def start(self) -> None:
        pauses = self._world.options.pauses
        disks = DiskFaults(self._world)
        kinds: list[tuple[int, Callable[[], None]]] = [
            (pauses.crash, self._crash),
            (pauses.crash_at_step, self._crash_at_step),
            (pauses.partition, self._partition),
            (pauses.one_way, self._cut_one_way),
            (pauses.stall, self._stall),
            (pauses.wipe, self._wipe),
            (pauses.clock_jump, self._jump),
            (pauses.disk_error, self._disk_error),
            (pauses.transfer, self._world.operator.transfer),
            (pauses.change, self._world.operator.change_wish),
            (pauses.snapshot, self._snapshot),
            (pauses.leader_fault, self._hit_leader),
        ]
        for pause_ms, fault in kinds:
            if pause_ms:
                self._plan(self._chance, pause_ms, fault)
        for pause_ms, fault in ((pauses.full_disk, disks.fill), (pauses.rot, disks.rot)):
            if pause_ms:
                self._plan(disks.chance, pause_ms, fault)
        if pauses.wrong_state and self._world.level == "node":
            states = StateFaults(self._world)
            self._plan(states.chance, pauses.wrong_state, states.falsify)
        self._world.loop.after(50_000, self._restart)

    def stop(self) -> None:
        self._stopped = True

    def _plan(self, chance: Chance, pause_ms: int, fault: Callable[[], None]) -> None:
        delay_us = chance.below(2_000 * pause_ms)
        self._world.loop.after(delay_us, self._happen, chance, pause_ms, fault)

    def _happen(self, chance: Chance, pause_ms: int, fault: Callable[[], None]) -> None:
        if not self._stopped:
            fault()
            self._plan(chance, pause_ms, fault)

    def _restart(self) -> None:
        """Processes that ended by themselves are started again, as a supervisor does."""
        if self._stopped:
            return
        self._world.loop.after(50_000, self._restart)
        for machine in self._world.machines:
            if machine.node is None and self._chance.happens(150):
                machine.start()

    def _running(self) -> "Machine | None":
        running = self._world.running()
        return self._chance.pick(running) if running else None

    def _crash(self) -> None:
        machine = self._running()
        if machine is not None:
            self._crash_this(machine)

    def _crash_this(self, machine: "Machine") -> None:
        machine.crash(self._chance.pick(list(Survival)), "killed or without power")
        self._world.loop.after(self._chance.below(DOWN_MAX_US), machine.start)

    def _crash_at_step(self) -> None:
        machine = self._running()
        if machine is not None:
            machine.files.crash_at = machine.files.steps + self._chance.between(1, STEPS_MAX)

    def _disk_error(self) -> None:
        machine = self._running()
        if machine is not None:
            step = machine.files.steps + self._chance.between(1, STEPS_MAX)
            machine.files.fail_at[step] = errno.EIO
            machine.disk_may_fail = True

    def _partition(self) -> None:
        """Two groups that do not see each other."""
        numbers = [machine.number for machine in self._world.machines]
        side = set(self._chance.sample(numbers, self._chance.between(1, len(numbers))))
        self._cut(
            f"between {sorted(side)} and the rest",
            {(a, b) for a in numbers for b in numbers if (a in side) != (b in side)},
        )

    def _cut_one_way(self) -> None:
        numbers = [machine.number for machine in self._world.machines]
        if len(numbers) < 2:
            return
        one, other = self._chance.sample(numbers, 2)
        if self._chance.happens(500):
            self._cut(f"from {one} to {other}", {(one, other)})
        elif self._chance.happens(500):
            self._cut(f"whatever {one} sends", {(one, to) for to in numbers if to != one})
        else:
            self._cut(f"whatever {one} would hear", {(to, one) for to in numbers if to != one})

    def _cut(self, what: str, pairs: set[tuple[int, int]]) -> None:
        self._world.say("cuts", what)
        self._world.network.cuts |= pairs
        self._world.loop.after(self._chance.below(CUT_MAX_US), self._heal, what, pairs)

    def _heal(self, what: str, pairs: set[tuple[int, int]]) -> None:
        self._world.say("heals", what)
        self._world.network.cuts -= pairs

    def _stall(self) -> None:
        machine = self._running()
        if machine is not None:
            machine.stall(self._chance.below(STALL_MAX_US))

    def _wipe(self) -> None:
        machine = self._running()
        if machine is not None and self._world.operator.may_wipe(machine):
            machine.trace("wiped", f"the disk of member {machine.member} is gone")
            machine.wipe()

    def _jump(self) -> None:
        machine = self._chance.pick(self._world.machines)
        machine.clock.wall_offset_ms += self._chance.between(-3_600_000, 3_600_000)
        machine.trace("wall clock", f"is {machine.clock.wall_offset_ms} ms off")

    def _snapshot(self) -> None:
        machine = self._running()
        if machine is not None and machine.loop is not None and machine.node is not None:
            machine.loop.soon(machine.node.take_snapshot)

    def _hit_leader(self) -> None:
        leader = self._world.leader()
        if leader is None:
            return
        numbers = [machine.number for machine in self._world.machines]
        kind = self._chance.below(4)
        if kind == 0:
            self._crash_this(leader)
        elif kind == 1:
            leader.stall(self._chance.below(STALL_MAX_US))
        elif kind == 2:
            me = leader.number
            self._cut(
                f"leader {me} off",
                {(me, to) for to in numbers if to != me} | {(to, me) for to in numbers if to != me},
            )
        else:
            me = leader.number
            self._cut(f"whatever leader {me} would hear", {(to, me) for to in numbers if to != me})
