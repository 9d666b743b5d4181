"""Runs a scenario of several members: what they say to each other, step by step, for review.

Nothing happens by itself: messages wait in the network until they are delivered or dropped, and what
a member hands to its disk is durable only after `persist` or `settle`. M is a member, `where` any of
from=M to=M kind=Name.

    nodes 3 learners=4         members that belong to one ensemble, their founding durable
    limits name=1              of RaftConfig, for all members to come
    new 5                      a member with an empty disk, which belongs to nothing
    elect M                    M stands, the others having forgotten their leader, and all settles
    forget M                   M hears nothing for an election timeout, and does not stand either
    campaign M / tick M 3      M stands for election / lives through three ticks
    timeout M 7                its election timeout from now on
    propose M text             an entry / read M 7: a linearizable read with token 7
    change M add A | promote X | remove X | replace X Y | priority X P | raise L   at its present config
    transfer M X               hands leadership over; X 0: to the best
    unfit M X why              M, which leads, hears that X should not; without why: that it may
    preferred M                whom M, which leads, should hand over to
    unreachable M X            M's connection to X broke
    deliver where              what was sent before is delivered, in order
    repeat where / drop where  delivered and kept / lost
    cut M X / heal             between the two, or M and all, everything is lost / nothing is
    persist M / apply M        what was handed over so far / all that is committed
    cold M                     what M is to read from its disk for others is read
    settle                     all of the above for everybody, until nothing more happens
    crash M / restart M        what was not persisted is gone
    snapshot M keep=2          of the applied state; the log before goes, but for `keep` entries
    fetch M                    the snapshot M was told to fetch arrives, is durable and offered to it
    state M… / log M           the numbers / the entries
    followers M                what M, which leads, knows of the others
"""

from collections.abc import Callable

from tests.raft.transcript import show_effects, show_followers, show_message, show_state
from tests.unit.raft.cluster_member import Disk

from raftkeeper.raft import (
    AddLearner,
    Change,
    ChangeRefused,
    ColdSend,
    Entry,
    InvariantBroken,
    Membership,
    Message,
    NotLeader,
    Promote,
    RaftConfig,
    RaftCore,
    RaiseLevel,
    Ready,
    Remove,
    Replace,
    SnapshotFetch,
    SnapshotMeta,
    TransferRefused,
    Update,
    check_core,
    mark_unfit,
)

SETTLE_ROUNDS_MAX = 100


class Node:
    """One member's disk and core, and what is on the way from one to the other."""

    def __init__(self, member_id: int, limits: dict[str, int]) -> None:
        self.id = member_id
        self.limits = limits
        self.disk = Disk()
        self.core: RaftCore | None = None

    @property
    def alive(self) -> RaftCore:
        assert self.core is not None, f"member {self.id} has crashed"
        return self.core

    def start(self) -> None:
        config = RaftConfig(self.id, **{"nonce": 0, **self.limits})
        self.core = RaftCore(config, self.disk.recover())
        self.to_persist: list[Ready] = []
        self.to_send: list[tuple[int, Message]] = []
        self.to_apply: list[Entry] = []
        self.to_read: list[ColdSend] = []
        self.fetch: SnapshotFetch | None = None

    def take(self) -> tuple[list[Message], list[str]]:
        """All Readys there are: what to send at once, and what is worth telling."""
        messages: list[Message] = []
        lines: list[str] = []
        while self.alive.has_ready:
            ready = self.alive.ready()
            self.to_persist += (
                [ready] if ready.hard_state or ready.entries or ready.restored else []
            )
            self.to_send += [(ready.number, held) for held in ready.messages_after_persist]
            if ready.committed_cold:
                first, last = ready.committed_cold
                self.to_apply += [self.disk.log[index] for index in range(first, last + 1)]
            self.to_apply += ready.committed
            self.to_read += ready.sends_cold
            self.fetch = ready.snapshot_fetch or self.fetch
            messages += ready.messages
            lines += show_effects(self.id, ready)
        return messages, lines

    def persist(self) -> list[Message]:
        for ready in self.to_persist:
            self.disk.write(ready)
        sent = [message for _, message in self.to_send]
        number = self.to_persist[-1].number if self.to_persist else 0
        self.to_persist, self.to_send = [], []
        self.alive.persisted(number)
        return sent

    def read_cold(self) -> list[str]:
        done = [f"{self.id} reads {cold.first}..{cold.last} for {cold.to}" for cold in self.to_read]
        for cold in self.to_read:
            found = [self.disk.log[index] for index in range(cold.first, cold.last + 1)]
            self.alive.cold_read(cold, found)
        self.to_read = []
        return done


class ClusterScenario:
    """The members and the network."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.network: list[Message] = []
        self.cuts: set[frozenset[int]] = set()
        self.limits: dict[str, int] = {}

    def do(self, line: str) -> str:
        """One command; what it says. Refusals of a core are answers too."""
        name, *words = line.split()
        command: Callable[[list[str]], list[str]] = getattr(self, f"do_{name}")
        try:
            lines = command(words)
        except (NotLeader, ChangeRefused, TransferRefused, InvariantBroken) as error:
            lines = [f"{type(error).__name__}: {error}"]
        for node in self.nodes.values():
            if node.core is not None:
                lines += self._take(node)
                check_core(node.core)
        return "\n".join(lines) or "ok"

    def do_nodes(self, words: list[str]) -> list[str]:
        learners = [int(word) for word in _options(words).get("learners", "").split(",") if word]
        founders = Membership.of(range(1, int(words[0]) + 1), learners)
        for number in sorted(founders.everyone):
            self.do_new([str(number)])
            self.nodes[number].alive.bootstrap(founders)
            self._take(self.nodes[number])
            self.nodes[number].persist()
        return []

    def do_new(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])] = Node(int(words[0]), self.limits)
        node.start()
        return []

    def do_limits(self, words: list[str]) -> list[str]:
        self.limits = {name: int(value) for name, value in _options(words).items()}
        return []

    # -- one member

    def do_campaign(self, words: list[str]) -> list[str]:
        self._core(words).campaign()
        return []

    def do_forget(self, words: list[str]) -> list[str]:
        core = self._core(words)
        core.set_election_timeout(10 * core.config.election_ticks)
        for _ in range(core.config.election_ticks):
            core.tick()
        core.set_election_timeout(core.config.election_ticks)
        return []

    def do_elect(self, words: list[str]) -> list[str]:
        for number, node in self.nodes.items():
            if number != int(words[0]) and node.core is not None and node.core.leading is None:
                self.do_forget([str(number)])
        self.do_campaign(words)
        self.do_settle([])
        core = self._core(words)
        return [f"{core.role.value} in term {core.term}"]

    def do_tick(self, words: list[str]) -> list[str]:
        core, lines = self._core(words), []
        for _ in range(int(words[1]) if len(words) > 1 else 1):
            core.tick()
            lines += self._take(self.nodes[int(words[0])])
        return lines

    def do_timeout(self, words: list[str]) -> list[str]:
        self._core(words).set_election_timeout(int(words[1]))
        return []

    def do_propose(self, words: list[str]) -> list[str]:
        return [f"index {self._core(words).propose(' '.join(words[1:]).encode())}"]

    def do_read(self, words: list[str]) -> list[str]:
        self._core(words).read_index(int(words[1]))
        return []

    def do_change(self, words: list[str]) -> list[str]:
        core, (verb, *rest) = self._core(words), words[1:]
        changes: dict[str, Callable[[], Change]] = {
            "add": lambda: AddLearner(rest[0].encode(), rest[0]),
            "promote": lambda: Promote(int(rest[0])),
            "remove": lambda: Remove(int(rest[0])),
            "replace": lambda: Replace(int(rest[0]), int(rest[1])),
            "priority": lambda: Update(int(rest[0]), "", "", int(rest[1])),
            "raise": lambda: RaiseLevel(int(rest[0])),
        }
        at = int(_options(words).get("at", core.config_index))
        return [f"index {core.change(changes[verb](), at)}"]

    def do_transfer(self, words: list[str]) -> list[str]:
        self._core(words).transfer(int(words[1]))
        return []

    def do_unfit(self, words: list[str]) -> list[str]:
        mark_unfit(self._core(words), int(words[1]), " ".join(words[2:]))
        return []

    def do_preferred(self, words: list[str]) -> list[str]:
        return [f"member {self._core(words).preferred_leader or 'nobody'}"]

    def do_unreachable(self, words: list[str]) -> list[str]:
        self._core(words).leader_unreachable(int(words[1]))
        return []

    def do_persist(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])]
        self.network += node.persist()
        return [f"durable up to entry {node.alive.persisted_index}"]

    def do_apply(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])]
        if node.to_apply:
            node.alive.applied(node.to_apply[-1].index)
            node.to_apply = []
        return [f"applied up to entry {node.alive.applied_index}"]

    def do_cold(self, words: list[str]) -> list[str]:
        return self.nodes[int(words[0])].read_cold()

    def do_crash(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])]
        node.core = None
        log = f"{min(node.disk.log, default=0)}..{node.disk.last_index}"
        term, vote = node.disk.hard_state
        return [f"on disk: term {term}, vote {vote}, entries {log}"]

    def do_restart(self, words: list[str]) -> list[str]:
        self.nodes[int(words[0])].start()
        return []

    def do_snapshot(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])]
        core, index = node.alive, node.alive.applied_index
        node.disk.snapshot = SnapshotMeta(
            index,
            core.term_at(index) or 0,
            core.membership_at(index),
            core.memberships.index_at(index),
        )
        purged = index - int(_options(words).get("keep", "0"))
        for gone in [kept for kept in node.disk.log if kept <= purged]:
            del node.disk.log[gone]
        core.compact(purged)
        return [f"of entry {index}; the log begins at {core.first_index}"]

    def do_fetch(self, words: list[str]) -> list[str]:
        node = self.nodes[int(words[0])]
        assert node.fetch is not None, "nothing to fetch"
        node.disk.snapshot = self.nodes[node.fetch.sender].disk.snapshot
        node.fetch = None
        if not node.alive.restore(node.disk.snapshot):
            return ["not needed"]
        node.to_apply = []
        return [f"restored to entry {node.disk.snapshot.index}"]

    # -- the network

    def do_deliver(self, words: list[str]) -> list[str]:
        return self._deliver(self._matching(words))

    def do_repeat(self, words: list[str]) -> list[str]:
        matching = self._matching(words)
        lines = self._deliver(matching)
        self.network = matching + self.network
        return lines

    def do_drop(self, words: list[str]) -> list[str]:
        matching = self._matching(words)
        self.network = [message for message in self.network if message not in matching]
        return [f"lost: {show_message(message)}" for message in matching]

    def do_cut(self, words: list[str]) -> list[str]:
        one = int(words[0])
        others = [int(word) for word in words[1:]] or [
            other for other in self.nodes if other != one
        ]
        self.cuts |= {frozenset((one, other)) for other in others}
        return []

    def do_heal(self, _: list[str]) -> list[str]:
        self.cuts.clear()
        return []

    def do_settle(self, _: list[str]) -> list[str]:
        lines: list[str] = []
        for _ in range(SETTLE_ROUNDS_MAX):
            for node in self.nodes.values():
                if node.core is None:
                    continue
                lines += self._take(node)
                if node.to_persist:
                    self.network += node.persist()
                lines += node.read_cold()
                lines += self._take(node)
                self.do_apply([str(node.id)])
            if not self.network:
                return lines
            lines += self._deliver(list(self.network))
        raise AssertionError(f"no rest after {SETTLE_ROUNDS_MAX} rounds")

    # -- looking

    def do_state(self, words: list[str]) -> list[str]:
        chosen = [int(word) for word in words] or sorted(self.nodes)
        lines = []
        for number in chosen:
            core = self.nodes[number].core
            lines += [f"{number}: crashed"] if core is None else show_state(core)
        return lines

    def do_followers(self, words: list[str]) -> list[str]:
        return show_followers(self._core(words))

    def do_log(self, words: list[str]) -> list[str]:
        core = self._core(words)
        terms = [f"{i}/{core.term_at(i)}" for i in range(core.first_index, core.last_index + 1)]
        return [" ".join(terms) or "empty"]

    def _core(self, words: list[str]) -> RaftCore:
        return self.nodes[int(words[0])].alive

    def _take(self, node: Node) -> list[str]:
        messages, lines = node.take()
        self.network += messages
        return lines

    def _matching(self, words: list[str]) -> list[Message]:
        wanted = _options(words)
        return [
            message
            for message in self.network
            if wanted.get("from", str(message.sender)) == str(message.sender)
            and wanted.get("to", str(message.to)) == str(message.to)
            and wanted.get("kind", type(message).__name__) == type(message).__name__
        ]

    def _deliver(self, messages: list[Message]) -> list[str]:
        lines = []
        for message in messages:
            self.network.remove(message)
            node = self.nodes.get(message.to)
            if frozenset((message.sender, message.to)) in self.cuts:
                continue
            if node is not None and node.core is not None:
                lines.append(show_message(message))
                node.core.step(message)
                lines += self._take(node)
        return lines


def _options(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words if "=" in word)
