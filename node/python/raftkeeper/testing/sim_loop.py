"""Simulated time: one heap of things to come, and what each machine sees of it.

Nothing here reads a real clock. A machine's view can stall (nothing runs, then everything that is
due at once), die (what it had planned never runs), and its wall clock can jump.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Step = Callable[..., Any]

WALL_START_MS = 1_700_000_000_000
"""What wall clocks say at the beginning; any time will do."""


class Planned:
    """Something to come."""

    __slots__ = ("arguments", "order", "step", "when_us")

    def __init__(self, when_us: int, order: int, step: Step | None, arguments: Any) -> None:
        self.when_us = when_us
        self.order = order
        self.step = step
        self.arguments = arguments

    def cancel(self) -> None:
        self.step = None

    def __lt__(self, other: "Planned") -> bool:
        if self.when_us != other.when_us:
            return self.when_us < other.when_us
        return self.order < other.order


class SimLoop:
    """The world's clock."""

    __slots__ = ("_heap", "_order", "now_us", "steps")

    def __init__(self) -> None:
        self.now_us = 0
        self.steps = 0
        self._order = 0
        self._heap: list[Planned] = []

    def at(self, when_us: int, step: Step, *arguments: Any) -> Planned:
        self._order += 1
        planned = Planned(max(when_us, self.now_us), self._order, step, arguments)
        heappush(self._heap, planned)
        return planned

    def after(self, delay_us: int, step: Step, *arguments: Any) -> Planned:
        return self.at(self.now_us + delay_us, step, *arguments)

    def run_until(self, until_us: int) -> None:
        """Everything that is due up to then; the clock stands there afterwards."""
        heap = self._heap
        while heap and heap[0].when_us <= until_us:
            planned = heappop(heap)
            if planned.step is None:
                continue
            self.now_us = planned.when_us
            self.steps += 1
            planned.step(*planned.arguments)
        self.now_us = until_us


class MachineLoop:
    """One life of one machine: what it plans dies with it.

    `guard` runs each step, so that whatever a step raises ends in one place.
    """

    __slots__ = ("_guard", "_loop", "_parked", "alive", "stalled_until_us")

    def __init__(self, loop: SimLoop, guard: Callable[[Step, tuple[Any, ...]], None]) -> None:
        self._loop = loop
        self._guard = guard
        self._parked: list[tuple[Step, tuple[Any, ...]]] = []
        self.alive = True
        self.stalled_until_us = 0

    def now_us(self) -> int:
        return self._loop.now_us

    def soon(self, step: Step, *arguments: Any) -> Planned:
        return self._loop.after(1, self._run, step, arguments)

    def after(self, delay_us: int, step: Step, *arguments: Any) -> Planned:
        return self._loop.after(delay_us, self._run, step, arguments)

    def _run(self, step: Step, arguments: tuple[Any, ...]) -> None:
        if not self.alive:
            return
        if self._parked or self._loop.now_us < self.stalled_until_us:
            # In the order they were due, also when one stall follows on another.
            if not self._parked:
                self._loop.at(self.stalled_until_us, self._go_on)
            self._parked.append((step, arguments))
            return
        self._guard(step, arguments)

    def _go_on(self) -> None:
        """The stall is over, unless there was another one meanwhile."""
        if self._loop.now_us < self.stalled_until_us:
            self._loop.at(self.stalled_until_us, self._go_on)
            return
        parked, self._parked = self._parked, []
        for step, arguments in parked:
            if self.alive:
                self._guard(step, arguments)


class MachineClock:
    """What a machine's clocks say: the monotonic one is true, the wall clock may jump."""

    __slots__ = ("_loop", "wall_offset_ms")

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.wall_offset_ms = 0

    def now_us(self) -> int:
        return self._loop.now_us

    def wall_ms(self) -> int:
        return WALL_START_MS + self._loop.now_us // 1000 + self.wall_offset_ms
