"""A leader as the admin API sees one: the Raft core's own rules for changes, and no log or network.

What a real node does with it is shown in tests/integration.
"""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from raftkeeper.raft import (
    AddLearner,
    Change,
    ChangeRefusal,
    ChangeRefused,
    Member,
    Membership,
    NotLeader,
    Promote,
    Replace,
    TransferRefused,
)
from raftkeeper.raft.change import decide_change, leave_joint
from raftkeeper.server.ensemble.views import EnsembleStatus, MemberStatus
from raftkeeper.server.feature_level import FEATURE_LEVEL

CLUSTER = bytes(range(16))


def incarnation(number: int) -> bytes:
    """A member's, in tests."""
    return number.to_bytes(16, "big")


def member(number: int) -> Member:
    """One with the usual details."""
    return Member(number, incarnation(number), f"10.0.0.{number}:2888", f"zone{number % 3}", 1)


@dataclass
class FakeEnsemble:
    """Views and operations of the member `own`."""

    own: int = 1
    leader: int = 1
    membership: Membership = field(
        default_factory=lambda: Membership.found([member(1), member(2), member(3)])
    )
    config_index: int = 10
    silent: set[int] = field(default_factory=set)
    lagging: set[int] = field(default_factory=set)
    done: list[Change] = field(default_factory=list)
    transfers: list[int] = field(default_factory=list)
    leader_confirmed: bool = True
    hangs: bool = False
    loses: bool = False
    """Its changes are replaced by another leader's entries."""
    clients: int = 3
    draining: bool = False
    drained: bool = False
    """Of leadership too."""
    busy: bool = False
    foreign: set[int] = field(default_factory=set)
    """Nodes of another ensemble."""
    outdated: set[int] = field(default_factory=set)
    """Nodes of the release before."""
    zones: dict[int, str] = field(default_factory=dict)
    priorities: dict[int, int] = field(default_factory=dict)
    """What nodes that are asked say of themselves."""
    unfit: dict[int, str] = field(default_factory=dict)
    """Why a member should not lead."""
    removed: set[int] = field(default_factory=set)
    """Nodes whose folder still says that they are members of this one."""
    status_role: str = ""
    """Of this member, where it is neither leader nor follower."""

    # ---- views
    def status(self) -> EnsembleStatus:
        return EnsembleStatus(
            member_id=self.own,
            role=self.status_role or ("leader" if self.own == self.leader else "follower"),
            leader_id=self.leader,
            term=3,
            commit_index=self.config_index - self.busy,
            applied_index=self.config_index,
            last_index=self.config_index,
            config_index=self.config_index,
            level_in_use=self.membership.level,
            is_joint=False,
            transferring=0,
            read_only=False,
            diverged="",
            serving=True,
            waiting="",
        )

    def members(self) -> tuple[MemberStatus, ...]:
        return tuple(
            MemberStatus(
                id=m.id,
                role=self._role(m.id),
                address=m.address,
                zone=m.zone,
                priority=m.priority,
                incarnation=m.incarnation,
                match_index=self.config_index,
                state="replicate",
                caught_up=m.id not in self.lagging,
                active=m.id not in self.silent,
                last_contact_ms=5,
                link_up=m.id not in self.silent,
                unfit=self.unfit.get(m.id, ""),
            )
            for m in self.membership.members
        )

    def next_id(self) -> int:
        return self.membership.next_id

    def _role(self, number: int) -> str:
        if number == self.leader:
            return "leader"
        return "voter" if number in self.membership.voters else "learner"

    # ---- operations
    async def change(self, change: Change, config_index: int, *, timeout_s: float) -> int:
        if self.own != self.leader:
            raise NotLeader(self.leader)
        if config_index != self.config_index:
            raise ChangeRefused(ChangeRefusal.STALE)
        after = decide_change(self.membership, change)
        joining = {Promote: "member", Replace: "joining"}.get(type(change))
        if joining and getattr(change, joining) in self.lagging:
            raise ChangeRefused(ChangeRefusal.NOT_CAUGHT_UP, getattr(change, joining))
        self.done.append(change)
        if self.hangs:
            raise TimeoutError
        if self.loses:
            self.leader = 2
            return self.config_index + 1
        self.membership = leave_joint(after) if after.is_joint else after
        self.config_index += 1
        return self.config_index

    async def transfer(self, to: int, *, timeout_s: float) -> int:
        if len(self.membership.voters) == 1:
            raise TransferRefused("no other voter is in contact")
        if self.hangs:
            raise TimeoutError
        self.transfers.append(to)
        self.leader = to or min(self.membership.voters - {self.own})
        return self.leader

    async def barrier(self, *, timeout_s: float) -> None:
        if not self.leader_confirmed:
            raise NotLeader(0)

    async def drain(self, *, leadership: bool, timeout_s: float) -> int:
        self.drained = leadership
        self.draining, self.clients = True, 0
        return 0

    def undrain(self) -> None:
        self.draining = False

    # ---- surveyor
    async def survey(self, address: str, timeout_s: float) -> Any:
        number = int(address.partition(":")[0].rpartition(".")[2])
        if number in self.silent:
            return None
        if number in self.foreign:
            return SimpleNamespace(
                cluster_id=b"another ensemble",
                member_id=1,
                incarnation=incarnation(number),
                feature_level=FEATURE_LEVEL,
            )
        known = next((m.id for m in self.membership.members if m.address == address), 0)
        if number in self.removed:
            known = number
        return SimpleNamespace(
            cluster_id=CLUSTER if known else bytes(16),
            member_id=known,
            incarnation=incarnation(number),
            feature_level=FEATURE_LEVEL - (number in self.outdated),
            zone=self.zones.get(number, ""),
            priority=self.priorities.get(number, 1),
        )

    # ---- other members of the same ensemble
    def seen_by(self, own: int) -> "FakeEnsemble":
        """The same ensemble after a change of leader to `own`: only what is replicated is left."""
        return replace(self, own=own, leader=own, done=[], transfers=[])

    @property
    def added(self) -> list[AddLearner]:
        return [change for change in self.done if isinstance(change, AddLearner)]
