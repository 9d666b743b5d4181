"""The simulated network: loses, delays, repeats and reorders, and is cut one way or both.

Addresses are machine numbers. It carries values and never looks into them; it must not know who
leads. What is under way when a cut begins is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raftkeeper.testing.sim_chance import Chance
from raftkeeper.testing.sim_loop import SimLoop
from raftkeeper.testing.sim_trace import Trace

Receive = Callable[[int, Any], None]


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How bad the network is."""

    delay_min_us: int = 100
    delay_jitter_us: int = 400
    loss_per_mille: int = 0
    repeat_per_mille: int = 0
    late_per_mille: int = 0
    """How many messages take `late_us` more: far behind all that were sent after them."""
    late_us: int = 100_000


class Network:
    """Between machines."""

    def __init__(
        self, loop: SimLoop, chance: Chance, options: NetworkOptions, trace: Trace
    ) -> None:
        self.options = options
        self.cuts: set[tuple[int, int]] = set()
        """(from, to) that carry nothing."""
        self._loop = loop
        self._chance = chance
        self._trace = trace
        self._receivers: dict[int, Receive] = {}

    def attach(self, machine: int, receive: Receive) -> None:
        self._receivers[machine] = receive

    def detach(self, machine: int) -> None:
        self._receivers.pop(machine, None)

    def is_open(self, machine: int, to: int) -> bool:
        return (machine, to) not in self.cuts

    def send(self, machine: int, to: int, message: Any) -> None:
        """At most twice to the receiver, some time later, or never."""
        options, chance = self.options, self._chance
        lost = (machine, to) in self.cuts or chance.happens(options.loss_per_mille)
        arrow = f"m{machine}x>m{to}" if lost else f"m{machine}>m{to}"
        self._trace.add(self._loop.now_us, arrow, type(message).__name__, message)
        if lost:
            return
        self._loop.after(self._delay_us(), self._deliver, machine, to, message)
        if chance.happens(options.repeat_per_mille):
            self._loop.after(self._delay_us(), self._deliver, machine, to, message)

    def calm(self) -> None:
        """The end of all faults."""
        self.cuts.clear()
        self.options = NetworkOptions()

    def _delay_us(self) -> int:
        options, chance = self.options, self._chance
        delay_us = options.delay_min_us + chance.below(options.delay_jitter_us)
        if chance.happens(options.late_per_mille):
            delay_us += chance.below(options.late_us)
        return delay_us

    def _deliver(self, machine: int, to: int, message: Any) -> None:
        receive = self._receivers.get(to)
        if receive is not None and (machine, to) not in self.cuts:
            receive(machine, message)
