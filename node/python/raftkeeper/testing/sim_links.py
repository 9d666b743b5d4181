"""The links between whole nodes: what TCP connections do, on the simulated network.

One link for each pair. In order and complete while it lives; it ends when a process dies (a reset,
or silence), when the network is cut for too long, or for no reason. A message of the core may be
lost on it all the same, because a full queue drops it; a group may not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from raftkeeper.raft import Member, MemberId
from raftkeeper.storage import SnapshotMeta
from raftkeeper.testing.sim_snapshots import receive_snapshot

if TYPE_CHECKING:
    from raftkeeper.testing.sim_full_node import FullNode
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

LOOK_US = 20_000
SILENCE_US = 400_000
"""A link over which nothing gets for so long is given up."""
FETCH_US = 30_000
DROP_PER_MILLE = 5
RESET_PER_MILLE = 1
"""By each look: a link that ends for no reason."""


@dataclass(slots=True)
class Link:
    """Between two processes, by the machines' numbers."""

    ends: tuple["FullNode", "FullNode"]
    free_at_us: dict[int, int] = field(default_factory=dict)
    """By sender: nothing arrives before what was sent before it."""
    parked: dict[int, list[tuple[str, tuple[Any, ...]]]] = field(default_factory=dict)
    """By sender: what waits for the network to carry it."""
    silent_since_us: int = 0
    alive: bool = True

    def other(self, machine: "Machine") -> "FullNode":
        one, two = self.ends
        return two if one.machine is machine else one


class LinkKeeper:
    """Makes and ends all links."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance.stream("links")
        self._aside = world.chance.stream("links aside")
        self._links: dict[tuple[int, int], Link] = {}

    def start(self) -> None:
        self._world.loop.after(LOOK_US, self._look)

    def find(self, machine: "Machine", other: "Machine") -> Link | None:
        pair = (min(machine.number, other.number), max(machine.number, other.number))
        return self._links.get(pair)

    def end(self, link: Link, *, reset: bool, told: "tuple[FullNode, ...] | None" = None) -> None:
        """Both sides hear of it, unless their process is gone."""
        if not link.alive:
            return
        link.alive = False
        one, two = link.ends
        self._links.pop((one.machine.number, two.machine.number), None)
        self._world.say("link ends", f"{one.machine.name}-{two.machine.name} reset={reset}")
        for node in told or link.ends:
            peer = link.other(node.machine)
            if cast("Any", node.machine.node) is node:
                node.loop.after(200, node.link_lost, peer.member, reset)

    def process_gone(self, machine: "Machine", *, noticed: bool) -> None:
        """The other side hears a reset, or nothing for a while."""
        for link in [link for link in self._links.values() if self._is_end(link, machine)]:
            peer = link.other(machine)
            open_to_peer = noticed and self._world.linked(machine, peer.machine)
            if open_to_peer:
                self.end(link, reset=True, told=(peer,))
            else:
                self._links.pop((link.ends[0].machine.number, link.ends[1].machine.number), None)
                link.alive = False
                peer.loop.after(SILENCE_US, peer.link_lost, machine.member, False)

    def transmit(
        self, link: Link, sender: "FullNode", what: str, arguments: tuple[Any, ...]
    ) -> None:
        """In order, now or when the network carries it again."""
        me, peer = sender.machine, link.other(sender.machine)
        parked = link.parked.setdefault(me.number, [])
        if parked or not self._world.network.is_open(me.number, peer.machine.number):
            parked.append((what, arguments))
            return
        options = self._world.network.options
        delay_us = options.delay_min_us + self._chance.below(options.delay_jitter_us)
        if self._chance.happens(options.loss_per_mille):
            delay_us += 200_000  # sent again by TCP
        now_us = self._world.loop.now_us
        at_us = max(link.free_at_us.get(me.number, 0), now_us + delay_us)
        link.free_at_us[me.number] = at_us
        self._world.trace.add(now_us, f"{me.name}>{peer.machine.name}", what, arguments[-1])
        peer.loop.after(at_us - now_us, self._arrive, link, peer, what, arguments)

    def whisper(
        self, link: Link, sender: "FullNode", what: str, arguments: tuple[Any, ...]
    ) -> None:
        """A word on which nothing rests: it may be lost and overtake others. Its chances are its own,
        so that the lives of seeds that are written down do not change with how often it is said.
        """
        me, peer = sender.machine, link.other(sender.machine)
        if self._world.network.is_open(me.number, peer.machine.number):
            options = self._world.network.options
            delay_us = options.delay_min_us + self._aside.below(options.delay_jitter_us)
            peer.loop.after(delay_us, self._arrive, link, peer, what, arguments)

    def _arrive(self, link: Link, peer: "FullNode", what: str, arguments: tuple[Any, ...]) -> None:
        if link.alive:
            getattr(peer.driver.peers, what)(*arguments)

    def _look(self) -> None:
        world = self._world
        world.loop.after(LOOK_US, self._look)
        for link in list(self._links.values()):
            self._tend(link)
        nodes = [machine.node for machine in world.machines if machine.node is not None]
        for at, one in enumerate(nodes):
            for two in nodes[at + 1 :]:
                self._connect(one, two)

    def _tend(self, link: Link) -> None:
        one, two = link.ends
        world = self._world
        if world.linked(one.machine, two.machine):
            link.silent_since_us = world.loop.now_us
            for node in link.ends:
                waiting, link.parked[node.machine.number] = (
                    link.parked.get(node.machine.number, []),
                    [],
                )
                for what, arguments in waiting:
                    self.transmit(link, node, what, arguments)
        elif world.loop.now_us - link.silent_since_us > SILENCE_US:
            self.end(link, reset=False)
        strangers = not (one.knows(two) or two.knows(one))
        if strangers or (not world.calming and self._chance.happens(RESET_PER_MILLE)):
            self.end(link, reset=True)

    def _connect(self, one: Any, two: Any) -> None:
        world = self._world
        if self.find(one.machine, two.machine) is not None:
            return
        if not world.linked(one.machine, two.machine) or not (one.knows(two) or two.knows(one)):
            return
        if one.refuses(two) or two.refuses(one) or self._chance.happens(300):
            return
        link = Link((one, two), silent_since_us=world.loop.now_us)
        self._links[one.machine.number, two.machine.number] = link
        world.say("link", f"{one.machine.name}-{two.machine.name}")
        for node in link.ends:
            node.loop.soon(node.link_up, link, link.other(node.machine).member)

    @staticmethod
    def _is_end(link: Link, machine: "Machine") -> bool:
        return machine in (link.ends[0].machine, link.ends[1].machine)


class SimLinks:
    """One node's view of its links; `server.ensemble.ports.PeerLinks`."""

    def __init__(self, node: "FullNode") -> None:
        self._node = node
        self._keeper = node.world.links
        self._chance = node.chance
        self._fetch_number = 0
        self.members: dict[MemberId, Member] = {}

    def set_members(self, members: Mapping[MemberId, Member], level: int) -> None:
        self.members = dict(members)

    def is_up(self, member: MemberId) -> bool:
        return self._link(member) is not None

    def level_of(self, member: MemberId) -> int:
        link = self._link(member)
        return link.other(self._node.machine).feature_level if link is not None else 0

    def send(self, message: Any) -> None:
        self._node.world.watch.sent(self._node.machine, message)
        if not self._chance.happens(DROP_PER_MILLE):
            self._transmit(message.to, "on_message", message)

    def send_group(self, to: MemberId, term: int, number: int, group: bytes) -> None:
        self._transmit(to, "on_group", self._node.member, term, number, group)

    def send_touches(self, to: MemberId, term: int, touches: bytes) -> None:
        self._transmit(to, "on_touches", self._node.member, term, touches)

    def send_fitness(self, to: MemberId, term: int, unfit: str) -> None:
        link = self._link(to)
        if link is not None:
            said = (self._node.member, term, unfit)
            self._keeper.whisper(link, self._node, "on_fitness", said)

    def send_digest(self, to: MemberId, index: int, zxid: int, digest: int) -> None:
        link = self._link(to)
        if link is not None:
            said = (self._node.member, index, zxid, digest)
            self._keeper.whisper(link, self._node, "on_digest", said)

    def send_ask(self, to: MemberId, number: int, body: bytes) -> None:
        self._transmit(to, "on_ask", self._node.member, number, body)

    def send_answer(self, to: MemberId, number: int, error: int, config_index: int) -> None:
        self._transmit(to, "on_answer", self._node.member, number, error, config_index)

    def drop(self, member: MemberId, reason: str) -> None:
        link = self._link(member)
        if link is not None:
            self._node.machine.trace("drops", f"the link to {member}: {reason}")
            self._keeper.end(link, reset=True)

    def fetch_snapshot(self, sender: MemberId, covers_index: int) -> None:
        self._fetch_number += 1
        delay_us = self._chance.below(FETCH_US)
        self._node.loop.after(delay_us, self._fetch, self._fetch_number, sender, covers_index)

    def cancel_fetch(self) -> None:
        self._fetch_number += 1

    def _fetch(self, number: int, sender: MemberId, covers_index: int) -> None:
        link = self._link(sender)
        peer = link.other(self._node.machine) if link else None
        gives = peer is not None and not peer.driver.installer.diverged
        newest = peer.data.snapshots.newest() if peer and gives else None
        if number != self._fetch_number:
            return
        if peer is None or newest is None or newest.index < covers_index:
            if peer is not None:
                peer.loop.soon(peer.look_at_snapshot)
            self._node.driver.peers.on_snapshot(None)
            return
        data = newest.read(0, newest.size)
        newest.close()
        # A try that ends in the middle leaves a part, from which the next one goes on.
        whole = not self._chance.happens(200)
        future = self._node.executor.submit(self._receive, newest.index, newest.term, data, whole)
        future.add_done_callback(
            lambda _: self._node.loop.soon(self._received, number, future, peer)
        )

    def _receive(self, index: int, term: int, data: bytes, whole: bool) -> SnapshotMeta | None:
        receipt = self._node.data.snapshots.receive(index, term, len(data))
        if not whole:
            receipt.add(data[receipt.offset : max(receipt.offset, len(data) // 2)])
            receipt.close()
            return None
        return receive_snapshot(self._node.data.snapshots, index, term, data)

    def _received(self, number: int, future: Any, sender: "FullNode") -> None:
        meta = future.result()
        if meta is None and cast("Any", sender.machine.node) is sender:
            sender.loop.soon(sender.look_at_snapshot)
        if number == self._fetch_number:
            self._node.driver.peers.on_snapshot(meta)

    def _transmit(self, to: MemberId, what: str, *arguments: Any) -> None:
        link = self._link(to)
        if link is not None:
            self._keeper.transmit(link, self._node, what, arguments)

    def _link(self, member: MemberId) -> Link | None:
        machine = self._node.world.by_member.get(member)
        if machine is None or machine.member != member:
            return None
        link = self._keeper.find(self._node.machine, machine)
        return link if link is not None and self._node in link.ends else None
