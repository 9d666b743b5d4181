"""A cluster of cores under random faults, from one seed: the same seed tells the same story.

No time, no threads: in each step one thing happens somewhere. Messages are lost, repeated and
overtaken; members crash and lose what was not durable; links break one way or both; the membership
changes, leadership is transferred, logs are cut short. At the end the faults stop, and the cluster
must come to rest with everything that was ever acknowledged.

    python -m tests.unit.raft.random_cluster FIRST COUNT      from node/
"""

import sys
from collections.abc import Callable
from random import Random

from tests.unit.raft.cluster_checks import ClusterChecks
from tests.unit.raft.cluster_member import ELECTION_TICKS, Member

from raftkeeper.raft import (
    AddLearner,
    ChangeRefused,
    Membership,
    Message,
    NotLeader,
    Promote,
    RaftCore,
    Remove,
    Replace,
    Role,
    TransferRefused,
    Update,
)

MEMBERS_MAX = 8
IN_FLIGHT_MAX = 400
STEPS = 4000


class RandomCluster:
    """Members, the network between them, and the checks."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.checks = ClusterChecks()
        self.network: list[Message] = []
        self.blocked: set[tuple[int, int]] = set()
        self.proposed: dict[tuple[int, int, int], bytes] = {}
        self.counter = 0
        self.sent: set[str] = set()
        self.installed = 0
        self.replaced = 0
        size = self.random.choice([3, 3, 4, 5])
        founders = Membership.of(range(1, size + 1))
        self.members = {number: Member(number, self.random) for number in sorted(founders.voters)}
        self.loss = self.random.choice([0.0, 0.02, 0.2])
        for member in self.members.values():
            member.start()
            member.alive.bootstrap(founders)
            # Who crashes before its founding is durable founds again; that is another story.
            member.take()
            member.persist()
        self.actions = self._draw_actions()

    def _draw_actions(self) -> list[tuple[Callable[[], None], float]]:
        """What happens, and how often: other seeds, other weather."""
        storm = self.random.choice([0.0, 0.5, 1.0, 4.0])
        weights = [
            (self.deliver, 40, False),
            (self.tick, 20, False),
            (self.persist, 20, True),
            (self.apply, 12, True),
            (self.read_cold, 6, True),
            (self.propose, 12, True),
            (self.read, 4, True),
            (self.snapshot, 2.0, True),
            (self.install, 3.0, True),
            (self.crash, 0.3 * storm, True),
            (self.restart, 1.5 + storm, False),
            (self.cut, 0.5 * storm, True),
            (self.heal, 0.5 + storm / 4, False),
            (self.change, 0.6, True),
            (self.transfer, 0.15, True),
            (self.unreachable, 0.2, True),
        ]
        return [
            (action, weight * (self.random.choice([0.1, 0.3, 1.0, 2.0, 4.0]) if varies else 1))
            for action, weight, varies in weights
        ]

    def run(self, steps: int) -> None:
        """The faulty part."""
        actions = [action for action, _ in self.actions]
        weights = [weight for _, weight in self.actions]
        for action in self.random.choices(actions, weights, k=steps):
            action()

    def settle(self) -> None:
        """The faults stop; before long one leads, and everybody has everything."""
        self.blocked.clear()
        self.loss = 0.0
        for member in self.members.values():
            if member.core is None:
                member.start()
        for rounds in range(40 * ELECTION_TICKS):
            for member in self.members.values():
                self._do(member, RaftCore.tick)
            for _ in range(12):
                self._settle_round()
            leader = self._leader()
            if leader is not None and rounds % 10 == 9:
                self._try(leader, lambda core: core.propose(b"end"))
            if rounds > 3 * ELECTION_TICKS and self._is_at_rest():
                break
        assert self._is_at_rest(), "no progress after the faults stopped"
        self.checks.at_the_end(self._belonging())

    def _settle_round(self) -> None:
        waiting, self.network = self.network, []
        for message in waiting:
            self._deliver(message)
        for member in self.members.values():
            while member.to_persist:
                self._persist(member)
            while member.to_apply:
                self._apply(member)
            while member.to_read_cold:
                self._do(member, lambda _, member=member: member.read_cold())
            if member.fetch is not None:
                self._install(member)

    def _leader(self) -> Member | None:
        leading = [m for m in self.members.values() if m.core and m.core.role is Role.LEADER]
        return max(leading, key=lambda member: member.alive.term, default=None)

    def _belonging(self) -> list[Member]:
        leader = self._leader()
        ids = leader.alive.membership.everyone if leader else frozenset()
        return [self.members[number] for number in sorted(ids)]

    def _is_at_rest(self) -> bool:
        leader = self._leader()
        if leader is None or leader.alive.membership.is_joint:
            return False
        core = leader.alive
        return core.commit_index == core.last_index and all(
            member.alive.applied_index == core.last_index for member in self._belonging()
        )

    # -- what can happen

    def deliver(self) -> None:
        for _ in range(min(self.random.randint(1, 8), len(self.network))):
            # Mostly in order, sometimes not; sometimes twice.
            late = self.random.random() < 0.1
            position = self.random.randrange(len(self.network)) if late else 0
            repeat = self.random.random() < 0.02
            message = self.network[position] if repeat else self.network.pop(position)
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        member = self.members.get(message.to)
        is_cut = (message.sender, message.to) in self.blocked
        if member is None or is_cut or self.random.random() < self.loss:
            return
        self._do(member, lambda core: core.step(message))

    def tick(self) -> None:
        self._do(self._any(), RaftCore.tick)

    def persist(self) -> None:
        member = self._any()
        if member.core is not None and member.to_persist:
            self._persist(member)

    def _persist(self, member: Member) -> None:
        for message in member.persist():
            self._send(member, message)
        self._do(member, lambda _: None)

    def apply(self) -> None:
        member = self._any()
        if member.core is not None and member.to_apply:
            self._apply(member)

    def _apply(self, member: Member) -> None:
        applied = member.apply()
        self.checks.on_applied(member, applied)
        for entry in applied:
            if self.proposed.pop((member.id, entry.index, entry.term), None) is not None:
                self.checks.acknowledged[entry.index] = entry.payload
        self.checks.after_step(member)

    def read_cold(self) -> None:
        member = self._any()
        if member.core is not None and member.to_read_cold:
            self._do(member, lambda _: member.read_cold())

    def propose(self) -> None:
        self.counter += 1
        member, payload = self._any(), b"%d" % self.counter
        index = self._try(member, lambda core: core.propose(payload))
        if index is not None:
            self.proposed[(member.id, index, member.alive.term)] = payload

    def read(self) -> None:
        self.counter += 1
        member, token = self._any(), self.counter
        known = self.checks.commit_known
        if self._try(member, lambda core: core.read_index(token) or 1, pump=False):
            self.checks.reads[(member.id, token)] = known
            self._do(member, lambda _: None)

    def snapshot(self) -> None:
        member = self._any()
        if member.core is not None and member.core.applied_index > 0:
            member.snapshot()
            self.checks.after_step(member)

    def install(self) -> None:
        member = self._any()
        if member.core is not None and member.fetch is not None:
            self._install(member)

    def _install(self, member: Member) -> None:
        assert member.fetch is not None
        source = self.members[member.fetch.sender]
        if source.core is None or self.random.random() < 0.2:
            member.fetch = None
            self._do(member, RaftCore.snapshot_failed)
        else:
            self._do(member, lambda _: member.install(source.disk))

    def crash(self) -> None:
        member = self._any()
        if member.core is not None:
            member.crash()
            self.checks.on_crash(member)
            self.proposed = {
                key: value for key, value in self.proposed.items() if key[0] != member.id
            }

    def restart(self) -> None:
        member = self._any()
        if member.core is None:
            member.start()
            self._do(member, lambda _: None)

    def cut(self) -> None:
        # A leader that goes on alone writes what others will have to replace.
        one = self.random.choice([self._leader() or self._any(), self._any()])
        others = [other for other in self.members if other != one.id]
        chosen = self.random.sample(others, self.random.randint(1, len(others)))
        ways = self.random.choice([(True, True), (True, False), (False, True)])
        for other in chosen:
            if ways[0]:
                self.blocked.add((one.id, other))
            if ways[1]:
                self.blocked.add((other, one.id))

    def heal(self) -> None:
        self.blocked.clear()

    def change(self) -> None:
        leader = self._leader()
        if leader is None:
            return
        now = leader.alive.membership
        voters, learners = sorted(now.voters), sorted(now.learners)
        wanted: list[AddLearner | Promote | Remove | Replace | Update] = []
        if len(now.everyone) < MEMBERS_MAX - 2 and len(self.members) < 2 * MEMBERS_MAX:
            wanted.append(AddLearner(b"%d" % now.next_id, "address"))
        if len(voters) > 2:
            wanted.append(Remove(self.random.choice(voters)))
        wanted.append(Update(voters[0], "new", "zone", self.random.randint(0, 2)))
        if learners:
            learner = self.random.choice(learners)
            wanted += [Promote(learner)] * 4 + [Replace(self.random.choice(voters), learner)] * 2
            wanted.append(Remove(learner))
        change = self.random.choice(wanted)
        try:
            done = self._try(leader, lambda core: core.change(change, core.config_index))
        except ChangeRefused:
            return
        if done and isinstance(change, AddLearner) and now.next_id not in self.members:
            self.members[now.next_id] = Member(now.next_id, self.random)
            self.members[now.next_id].start()

    def transfer(self) -> None:
        leader = self._leader()
        if leader is not None:
            try:
                self._try(
                    leader, lambda core: core.transfer(self.random.choice([0, *core.members]))
                )
            except TransferRefused:
                return

    def unreachable(self) -> None:
        self._do(self._any(), lambda core: core.leader_unreachable(core.leader_id))

    # -- doing it

    def _any(self) -> Member:
        return self.random.choice(list(self.members.values()))

    def _try(
        self, member: Member, call: Callable[[RaftCore], int | None], *, pump: bool = True
    ) -> int | None:
        """A call that only a leader takes."""
        if member.core is None:
            return None
        try:
            result = call(member.core)
        except NotLeader:
            return None
        if pump:
            self._do(member, lambda _: None)
        return result

    def _do(self, member: Member, call: Callable[[RaftCore], object]) -> None:
        """Something happens to one member, and its Readys are taken."""
        core = member.core
        if core is None:
            return
        call(core)
        self.checks.after_step(member)
        while core.has_ready:
            ready, messages = member.take()
            self.checks.on_ready(core, ready)
            self.installed += ready.restored is not None
            self.replaced += (
                bool(ready.entries) and ready.entries[0].index <= member.disk.last_index
            )
            for message in messages:
                self._send(member, message)
            for grant in ready.reads:
                self.checks.on_grant(member, grant)
            for token in ready.reads_failed:
                self.checks.on_read_failed(member, token)
            self.checks.after_step(member)

    def _send(self, member: Member, message: Message) -> None:
        self.sent.add(type(message).__name__)
        self.checks.on_send(member.disk, member.alive, message)
        if len(self.network) < IN_FLIGHT_MAX:
            self.network.append(message)


def run_seed(seed: int, steps: int = STEPS) -> RandomCluster:
    """One story, to its end. Raises AssertionError or InvariantBroken."""
    cluster = RandomCluster(seed)
    cluster.run(steps)
    cluster.settle()
    return cluster


def main() -> None:
    """Runs many seeds, and says which fail."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    failed = 0
    for seed in range(first, first + count):
        try:
            run_seed(seed)
        except Exception as error:
            failed += 1
            print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
    print(f"{count} seeds, {failed} failed")


if __name__ == "__main__":
    main()
