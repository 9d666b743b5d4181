"""Clients of the core alone: they propose payloads that are all different, and ask for reads.

A write counts as acknowledged when the node it was given to applies that very entry. What it promises
is kept in the ledger of the checkers.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft import Entry, NotLeader
from raftkeeper.testing.sim_core_node import CoreNode

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

CALM_WRITES = 5
"""So many writes must be acknowledged after the last fault."""


class CoreClients:
    """All of them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance.stream("clients")
        self._count = 0
        self._token = 0
        self._waiting: dict[tuple[int, int], tuple[int, int]] = {}
        """(machine, index) to (term, number of the write)."""
        self._reads: dict[int, int] = {}
        """Token to machine."""
        self._calm_writes = 0
        self._calm_reads = 0
        self._calming = False

    def start(self) -> None:
        self._write()
        self._read()

    def calm(self) -> None:
        self._calming = True

    def waits_for(self) -> str:
        if self._calm_writes < CALM_WRITES:
            return "no writes are acknowledged"
        return "" if self._calm_reads else "no reads are granted"

    def node_gone(self, machine: "Machine") -> None:
        for key in [key for key in self._waiting if key[0] == machine.number]:
            del self._waiting[key]
        for token in [token for token, at in self._reads.items() if at == machine.number]:
            del self._reads[token]

    def applied(self, machine: "Machine", entry: Entry) -> None:
        """Called for every entry that a node applies."""
        waiting = self._waiting.pop((machine.number, entry.index), None)
        if waiting is None or waiting[0] != entry.term:
            return
        self._calm_writes += self._calming
        self._world.watch.acknowledged(machine, entry)

    def read_done(self, token: int, index: int | None) -> None:
        if self._reads.pop(token, None) is not None and index is not None:
            self._world.watch.read_served(token, index)
            self._calm_reads += self._calming

    def _write(self) -> None:
        """Through whoever thinks it leads."""
        world, chance = self._world, self._chance
        world.loop.after(1 + chance.below(2 * world.options.write_pause_us), self._write)
        machine = chance.pick(world.machines) if chance.happens(200) else world.leader()
        node = machine.node if machine is not None else None
        if machine is None or machine.loop is None or not isinstance(node, CoreNode):
            return
        self._count += 1
        length = chance.below(world.options.payload_bytes_max)
        payload = b"write %d " % self._count + bytes(length)
        machine.loop.soon(self._propose, machine, node, payload)

    def _propose(self, machine: "Machine", node: CoreNode, payload: bytes) -> None:
        index = node.propose(payload)
        if index is not None:
            self._waiting[machine.number, index] = (node.core.term, self._count)

    def _read(self) -> None:
        world, chance = self._world, self._chance
        world.loop.after(1 + chance.below(2 * world.options.read_pause_us), self._read)
        machine = chance.pick(world.machines)
        if machine.loop is not None and isinstance(machine.node, CoreNode):
            self._token += 1
            machine.loop.soon(self._ask, machine, machine.node, self._token)

    def _ask(self, machine: "Machine", node: CoreNode, token: int) -> None:
        self._world.watch.read_asked(token)
        self._reads[token] = machine.number
        try:
            node.read(token)
        except NotLeader:
            self._reads.pop(token, None)
