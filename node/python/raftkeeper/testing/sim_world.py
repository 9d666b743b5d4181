"""The whole simulation: machines, network, clients, operator, faults and checkers, from one seed.

`run` plays the faults, then ends them all and waits for progress. It raises SimFailure, or returns
when everything that was promised holds and the ensemble works again.
"""

from typing import Protocol

from raftkeeper.raft import Membership, Role
from raftkeeper.raft.membership import Member
from raftkeeper.testing.checkers import CHECKERS
from raftkeeper.testing.checkers.watch import Watch
from raftkeeper.testing.sim_chance import Chance
from raftkeeper.testing.sim_core_clients import CoreClients
from raftkeeper.testing.sim_core_node import CoreNode
from raftkeeper.testing.sim_disk import DiskOptions
from raftkeeper.testing.sim_disk_faults import make_room
from raftkeeper.testing.sim_failure import Kind, SimFailure
from raftkeeper.testing.sim_faults import Faults
from raftkeeper.testing.sim_full_node import FullNode
from raftkeeper.testing.sim_links import LinkKeeper
from raftkeeper.testing.sim_loop import SimLoop
from raftkeeper.testing.sim_machine import Machine, Node
from raftkeeper.testing.sim_network import Network
from raftkeeper.testing.sim_operator import Operator
from raftkeeper.testing.sim_options import Options
from raftkeeper.testing.sim_releases import Releases
from raftkeeper.testing.sim_sessions import SessionClients
from raftkeeper.testing.sim_state_faults import waits_for_healing
from raftkeeper.testing.sim_trace import Trace

CALM_MAX_US = 20_000_000
"""Progress must come within this much simulated time after the last fault: dozens of elections."""
CALM_STEP_US = 100_000
RESET_PER_MILLE = 800
"""How often the end of a process is noticed by its peers at once (a reset), and not by silence."""


class Clients(Protocol):
    """Whoever uses the ensemble, at either level."""

    def start(self) -> None:
        """Begins to ask for things."""

    def calm(self) -> None:
        """The faults are over: from now on everything asked for must be answered."""

    def waits_for(self) -> str:
        """What is still missing for the end, in words; '' when nothing is."""

    def node_gone(self, machine: Machine) -> None:
        """Its process is gone."""

    def read_done(self, token: int, index: int | None) -> None:
        """A read through the core was served at `index`, or failed."""


class World:
    """One simulation."""

    def __init__(self, options: Options, *, level: str = "core") -> None:
        self.options = options
        self.level = level
        self.chance = Chance(options.seed)
        self.loop = SimLoop()
        self.trace = Trace()
        self.network = Network(
            self.loop, self.chance.stream("network"), options.network, self.trace
        )
        self.disk_options = options.disk
        self.links = LinkKeeper(self)
        self.by_member: dict[int, Machine] = {}
        self.machines = [
            Machine(self, number) for number in range(1, options.voters + options.spares + 1)
        ]
        self.releases = Releases(self)
        founders = self.machines[: options.voters]
        self.founders = frozenset(machine.number for machine in founders)
        for machine in founders:
            machine.bind(machine.number)
        self.first_membership = Membership.found(
            (Member(machine.number, machine.incarnation, machine.name) for machine in founders),
            min(machine.feature_level for machine in founders),
        )
        self.watch = Watch(self, [checker() for checker in CHECKERS])
        self.clients: Clients = self._make_clients()
        self.operator = Operator(self)
        self.faults = Faults(self)
        self.calming = False

    def run(self) -> None:
        """From the first start to the proof of progress."""
        for machine in self.machines:
            machine.start()
        self.clients.start()
        if self.level == "node":
            self.links.start()
        self.operator.start()
        self.faults.start()
        self.releases.start()
        self.loop.run_until(self.options.faults_ms * 1000)
        self._calm()
        self.watch.at_end()

    # -- what the parts ask

    def make_node(self, machine: Machine) -> Node:
        return FullNode(machine) if self.level == "node" else CoreNode(machine)

    def founds(self, machine: Machine) -> bool:
        """Whether it is one of the first, on its first disk: all of these found the same ensemble."""
        return machine.member in self.founders and machine.incarnations == 1

    def leader(self) -> Machine | None:
        """Of those who think they lead, the one of the newest term."""
        leaders = [
            machine
            for machine in self.machines
            if machine.node is not None and machine.node.core.role is Role.LEADER
        ]
        return max(leaders, key=lambda machine: machine.node.core.term, default=None)  # type: ignore[union-attr]

    def running(self) -> list[Machine]:
        return [machine for machine in self.machines if machine.node is not None]

    def linked(self, one: Machine, other: Machine) -> bool:
        """Both ways."""
        return self.network.is_open(one.number, other.number) and self.network.is_open(
            other.number, one.number
        )

    def say(self, what: str, details: object = "") -> None:
        self.trace.add(self.loop.now_us, "--", what, details)

    def announce_gone(self, machine: Machine) -> None:
        """Peers may notice that its connections broke."""
        if self.level == "node":
            noticed = machine.chance.happens(RESET_PER_MILLE)
            self.links.process_gone(machine, noticed=noticed)
            return
        for peer in self.running():
            noticed = self.linked(peer, machine) and machine.chance.happens(RESET_PER_MILLE)
            if noticed and peer.loop is not None and peer.node is not None:
                peer.loop.after(200, peer.node.peer_reset, machine.member)

    def fail(self, kind: Kind, checker: str, sentence: str) -> None:
        """Ends the simulation; the last lines of the trace say how everybody stands."""
        for machine in self.machines:
            machine.trace("stands", describe(machine))
        raise SimFailure(kind, checker, sentence)

    # -- inside

    def _make_clients(self) -> Clients:
        return SessionClients(self) if self.level == "node" else CoreClients(self)

    def _calm(self) -> None:
        """No more faults; everybody is started; then it must go on."""
        self.calming = True
        self.say("calm", "no more faults from here on")
        self.faults.stop()
        self.network.calm()
        self.disk_options = DiskOptions()
        for machine in self.machines:
            machine.files.crash_at = None
            machine.files.fail_at.clear()
            make_room(machine)
        self.clients.calm()
        deadline_us = self.loop.now_us + CALM_MAX_US
        while waits := self._waits_for():
            if self.loop.now_us >= deadline_us:
                self.fail(Kind.LIVENESS, "progress", waits)
            # Not only once: the last fault may be one that a process has not noticed yet.
            for machine in self.machines:
                machine.start()
            self.loop.run_until(self.loop.now_us + CALM_STEP_US)

    def _waits_for(self) -> str:
        """What is still missing for the end of the simulation."""
        leader = self.leader()
        if leader is None or leader.node is None:
            return "nobody leads"
        core = leader.node.core
        if core.membership.is_joint or core.commit_index < core.config_index:
            return "a change of the membership does not end"
        waits = (
            self.operator.waits_for()
            or self.releases.waits_for()
            or waits_for_healing(core, self.machines)
            or self.clients.waits_for()
        )
        if waits:
            return waits
        for member in sorted(core.membership.everyone):
            machine = self.by_member.get(member)  # nobody's yet, if it was added just now
            node = machine.node if machine is not None and machine.member == member else None
            if node is None or node.core.applied_index < core.commit_index:
                return f"member {member} does not catch up with entry {core.commit_index}"
        return ""


def describe(machine: Machine) -> str:
    """What there is to know of a member that does not get on."""
    if machine.node is None or not hasattr(machine.node, "core"):
        return f"member {machine.member or '(none)'}, not running"
    core = machine.node.core
    membership = core.membership
    return (
        f"member {machine.member}, {core.role.value} of term {core.term}, vote {core.vote}, leader"
        f" {core.leader_id}, log {core.first_index}..{core.last_index} of term"
        f" {core.term_at(core.last_index)}, commit {core.commit_index}, applied {core.applied_index},"
        f" voters {sorted(membership.voters)}, before {sorted(membership.outgoing)}, learners"
        f" {sorted(membership.learners)}"
    )
