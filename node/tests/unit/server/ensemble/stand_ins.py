"""Stand-ins for what the parts of an ensemble's driver touch: engine, core, links, writer, loop."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from raftkeeper.raft import NOBODY, Member, Membership, Message, NotLeader, Role
from raftkeeper.server.ensemble.ports import Timer


class GroupEngine:
    """Gathers words, seals them into groups, and joins groups into an entry."""

    def __init__(self) -> None:
        self.gathered: deque[bytes] = deque()
        self.groups_settled = 0
        self.applied_index = 0
        self.decided: bytes | None = None
        self.barriers: list[int] = []
        self.passed: list[tuple[int, int]] = []
        self.led: list[bool] = []
        self.lost: list[bool] = []
        self.touches = b""
        self.merged: list[bytes] = []
        self.state = (0, 0, 0)
        self.enforces: list[bool] = []
        self._number = 0

    @property
    def wants(self) -> int:
        return 1 if self.gathered or self.decided else 0

    def take_group(self) -> tuple[int, bytes] | None:
        if not self.gathered:
            return None
        self._number += 1
        return self._number, self.gathered.popleft()

    def take_batch(self, now_ms: int) -> bytes | None:
        taken = self.take_group()
        return taken[1] if taken else None

    def seal_entry(self, now_ms: int, groups: Sequence[bytes]) -> bytes | None:
        if b"malformed" in groups:
            raise ValueError("no group")
        parts = [*groups, self.decided] if self.decided else [*groups]
        self.decided = None
        return b"+".join(parts) if parts else None

    def take_barrier(self) -> int | None:
        return self.barriers.pop(0) if self.barriers else None

    def pass_barrier(self, token: int, index: int) -> None:
        self.passed.append((token, index))

    def lead(self, leading: bool, now_us: int) -> None:
        self.led.append(leading)

    def enforce_quotas(self, enforces: bool) -> None:
        self.enforces.append(enforces)

    def no_leader(self, lost: bool, now_us: int) -> None:
        self.lost.append(lost)

    def take_touches(self) -> bytes:
        touches, self.touches = self.touches, b""
        return touches

    def merge_touches(self, touches: bytes, now_us: int) -> None:
        if touches == b"malformed":
            raise ValueError("no touches")
        self.merged.append(touches)

    def digest(self) -> tuple[int, int, int]:
        return self.state


class StandInCore:
    """As much of a core as is asked; tests set what they need."""

    def __init__(self, me: int = 1, voters: Sequence[int] = (1, 2, 3)) -> None:
        self.config = type(
            "Config", (), {"member_id": me, "append_bytes_max": 100, "level_max": 1}
        )()
        self.membership = Membership.found([Member(v, b"%d" % v, f"h{v}:1") for v in voters])
        self.role = Role.FOLLOWER
        self.leader_id = NOBODY
        self.term = 1
        self.may_propose = True
        self.config_index = 1
        self.last_index = 10
        self.persisted_index = 10
        self.commit_index = 10
        self.before = self.membership
        self.applied_index = 10
        self.handed_index = 10
        self.transferring = NOBODY
        self.preferred_leader = NOBODY
        self.proposed: list[bytes] = []
        self.terms: dict[int, int] = {}
        self.asked: list[int] = []
        self.stepped: list[Message] = []
        self.unreachable: list[int] = []
        self.transfers: list[int] = []
        self.timeouts: list[int] = []
        self.cold: list[Any] = []
        self.restores: list[Any] = []
        self.needs_snapshot = True
        self.failed_fetches = 0

    @property
    def members(self) -> frozenset[int]:
        return self.membership.everyone - {self.config.member_id}

    @property
    def memberships(self) -> Any:
        """The newest, and the one before it."""
        return SimpleNamespace(
            current=self.membership, current_index=self.config_index, before_current=self.before
        )

    def change(self, membership: Membership) -> None:
        """The last entry holds another membership; it is not committed."""
        self.before, self.membership = self.membership, membership
        self.last_index = self.persisted_index = self.config_index = self.commit_index + 1

    def take_back(self) -> None:
        """The entry of the last change is cut off."""
        self.membership = self.before
        self.config_index = 1

    def follow(self, leader: int, term: int) -> None:
        self.role, self.leader_id, self.term = Role.FOLLOWER, leader, term

    def lead(self, term: int) -> None:
        self.role, self.leader_id, self.term = Role.LEADER, self.config.member_id, term

    def propose(self, payload: bytes) -> int:
        self.proposed.append(payload)
        self.last_index += 1
        return self.last_index

    def term_at(self, index: int) -> int:
        return self.terms.get(index, self.term)

    def read_index(self, token: int) -> None:
        if self.leader_id == NOBODY:
            raise NotLeader(NOBODY)
        self.asked.append(token)

    def step(self, message: Message) -> None:
        self.stepped.append(message)

    def leader_unreachable(self, member: int) -> None:
        self.unreachable.append(member)

    def transfer(self, to: int) -> None:
        self.transfers.append(to)

    def set_election_timeout(self, ticks: int) -> None:
        self.timeouts.append(ticks)

    def cold_read(self, cold: Any, entries: Any) -> None:
        self.cold.append((cold, entries))

    def restore(self, meta: Any) -> bool:
        self.restores.append(meta)
        return self.needs_snapshot

    def snapshot_failed(self) -> None:
        self.failed_fetches += 1


class RecordingLinks:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self.up: set[int] = {1, 2, 3}
        self.members: Mapping[int, Member] = {}
        self.level = 0
        self.levels: dict[int, int] = {}
        self.groups: list[tuple[int, int, int, bytes]] = []
        self.touches: list[tuple[int, int, bytes]] = []
        self.fitness: list[tuple[int, int, str]] = []
        self.digests: list[tuple[int, int, int, int]] = []
        self.asks: list[tuple[int, int, bytes]] = []
        self.answers: list[tuple[int, int, int, int]] = []
        self.dropped: list[int] = []
        self.fetches: list[int] = []
        self.covered: list[int] = []
        self.cancelled = 0

    def set_members(self, members: Mapping[int, Member], level: int) -> None:
        self.members, self.level = members, level

    def is_up(self, member: int) -> bool:
        return member in self.up

    def level_of(self, member: int) -> int:
        return self.levels.get(member, 0)

    def send(self, message: Message) -> None:
        raise AssertionError("the driver sends messages, its parts do not")

    def send_group(self, to: int, term: int, number: int, group: bytes) -> None:
        self.groups.append((to, term, number, group))

    def send_touches(self, to: int, term: int, touches: bytes) -> None:
        self.touches.append((to, term, touches))

    def send_fitness(self, to: int, term: int, unfit: str) -> None:
        self.fitness.append((to, term, unfit))

    def send_digest(self, to: int, index: int, zxid: int, digest: int) -> None:
        self.digests.append((to, index, zxid, digest))

    def send_ask(self, to: int, number: int, body: bytes) -> None:
        self.asks.append((to, number, body))

    def send_answer(self, to: int, number: int, error: int, config_index: int) -> None:
        self.answers.append((to, number, error, config_index))

    def fetch_snapshot(self, sender: int, covers_index: int) -> None:
        self.fetches.append(sender)
        self.covered.append(covers_index)

    def cancel_fetch(self) -> None:
        self.cancelled += 1

    def drop(self, member: int, reason: str) -> None:
        self.dropped.append(member)


class StandInWriter:
    """A log that is as full and as old as the test says."""

    def __init__(self) -> None:
        self.space = 1 << 20
        self.full = ""
        self.idle = True
        self.first_index = 1
        self.bytes_written = 0
        self.records: list[tuple[int, int, int, bytes]] = []

    def room(self) -> int:
        return self.space

    def read(self, first: int, last: int) -> Any:
        found = [record for record in self.records if first <= record[0] <= last]
        if not found:
            raise KeyError(first)
        return iter(found)

    def statistics(self) -> dict[str, float]:
        return {"log_first_index": self.first_index}


class NoTimer:
    """Of a call that comes when the test says."""

    def cancel(self) -> None:
        raise AssertionError("nobody cancels a call of these tests")


class HandLoop:
    """Runs what was asked for when the test says."""

    def __init__(self) -> None:
        self.soon: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self.delays: list[float] = []

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        self.soon.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        self.soon.append((callback, args))
        self.delays.append(delay)
        return NoTimer()

    def run(self) -> None:
        """Until nothing is due."""
        for _ in range(1000):
            if not self.soon:
                return
            callback, args = self.soon.popleft()
            callback(*args)
        raise AssertionError("this does not end")
