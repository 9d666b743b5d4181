"""A model of the nodes: disks with identities, voters, learners, a leader, and changes that take a moment.

It keeps the promises of the real nodes (compare-and-swap, ids from a counter, refusals) and checks the
ones that the operator could break: one founding, no id twice.
"""

from dataclasses import dataclass, replace

from raftkeeper_operator.decide.facts import quorum
from raftkeeper_operator.observe.ensemble import Ensemble, Member

CATCH_UP_TICKS = 2
"""How long a learner takes to catch up while there is a leader."""


class Broken(AssertionError):
    """A promise was broken."""


class Refused(Exception):
    """The node did nothing."""


@dataclass
class Disk:
    """What survives a pod. A new volume has a new one."""

    incarnation: str
    member_id: int = 0
    cluster_id: str = ""
    recovery_epoch: int = 0
    term: int = 0
    last_index: int = 0
    """What it has of the ensemble's writes; there is one at each tick."""


class ModelEnsemble:
    """The replicated membership, and who of it is up. `up` is set by the world at each tick."""

    def __init__(self) -> None:
        self.cluster_id = ""
        self.recovery_epoch = 0
        self.foundings = 0
        self.members: tuple[Member, ...] = ()
        self.next_id = 1
        self.config_index = 0
        self.last_index = 0
        self.term = 0
        self.leader_id = 0
        self.leader_since_ms = 0
        self.before: tuple[tuple[Member, ...], int, int] | None = None
        """What counts again if the change under way is lost with its leader."""
        self.up: set[int] = set()
        self.progress: dict[int, int] = {}
        self.ids_committed: dict[int, str] = {}

    # ---- what the world does ---------------------------------------------------------------------

    def found(self, founders: list[tuple[str, Disk]]) -> None:
        """The founders' empty disks become members 1 to n."""
        self.foundings += 1
        if self.foundings > 1:
            raise Broken("a second ensemble was founded")
        self.cluster_id = f"cluster-{self.foundings}"
        for number, (_, disk) in enumerate(founders, 1):
            disk.member_id, disk.cluster_id = number, self.cluster_id
        self.members = tuple(
            Member(number, "voter", address, disk.incarnation)
            for number, (address, disk) in enumerate(founders, 1)
        )
        self.next_id = len(founders) + 1
        self.last_index = self.config_index = 1

    def succeed(self, survivor: Disk, address: str, epoch: int, life: str) -> "ModelEnsemble":
        """The ensemble of one that a survivor's disk becomes; nothing else of this one counts there."""
        new = ModelEnsemble()
        new.cluster_id, new.recovery_epoch = f"{self.cluster_id}+{epoch}", epoch
        new.foundings = 1
        new.members = (Member(self.next_id, "voter", address, life),)
        new.next_id = self.next_id + 1
        new.ids_committed = dict(self.ids_committed)
        new.term = self.term + 10
        new.last_index = new.config_index = max(survivor.last_index, 1)
        survivor.incarnation, survivor.member_id = life, self.next_id
        survivor.cluster_id, survivor.recovery_epoch = new.cluster_id, epoch
        return new

    def has_quorum(self) -> bool:
        voters = {member.id for member in self.members if member.votes}
        if not voters or len(voters & self.up) < quorum(len(voters)):
            return False
        if self.before is None:
            return True
        old = {member.id for member in self.before[0] if member.votes}
        return len(old & self.up) >= quorum(len(old))

    def tick(self, now_ms: int, *, lose_change: bool) -> None:
        """Elections, commits, learners that catch up."""
        voters = {member.id for member in self.members if member.votes}
        lost_leader = self.leader_id not in self.up & voters
        if not self.has_quorum() or lost_leader:
            self.leader_id = 0
            if self.before is not None and (lose_change or not self.has_quorum()):
                self.members, self.config_index, self.next_id = self.before
                self.before = None
        if self.leader_id == 0 and self.has_quorum():
            voters = {member.id for member in self.members if member.votes}
            self.leader_id = min(voters & self.up)
            self.term += 1
            self.leader_since_ms = now_ms
        if self.leader_id:
            self._commit()
            self.last_index += 1
        for member in self.members:
            caught = self.progress.get(member.id, 0)
            serving = member.id in self.up and self.leader_id
            self.progress[member.id] = caught + 1 if serving else 0

    def _commit(self) -> None:
        self.before = None
        for member in self.members:
            life = self.ids_committed.setdefault(member.id, member.incarnation)
            if life != member.incarnation:
                raise Broken(f"id {member.id} was given to another disk")

    def caught_up(self, member_id: int) -> bool:
        return self.progress.get(member_id, 0) >= CATCH_UP_TICKS

    # ---- what the operator asks ------------------------------------------------------------------

    def view(self) -> Ensemble | None:
        """/v1/members?linearizable=1 of the leader."""
        if not self.leader_id or not self.has_quorum():
            return None
        members = tuple(
            replace(
                member,
                role="leader" if member.id == self.leader_id else member.role,
                active=member.id in self.up,
                caught_up=self.caught_up(member.id),
                match_index=self.last_index if self.caught_up(member.id) else 0,
            )
            for member in self.members
        )
        pending = self.before is not None
        commit = self.config_index - 1 if pending else self.last_index
        return Ensemble(
            self.cluster_id,
            self.config_index,
            self.term,
            commit,
            self.leader_id,
            self.next_id,
            pending,
            False,
            members,
            self.leader_since_ms,
            self.recovery_epoch,
        )

    def change(self, config_index: int, members: list[Member], *, adds: bool = False) -> None:
        """A change of the membership, under compare-and-swap. It is committed at a later tick."""
        if config_index < 1:
            raise Broken("a membership call without compare-and-swap")
        if not self.leader_id or not self.has_quorum():
            raise Refused("NO_LEADER")
        if config_index != self.config_index:
            raise Refused("CONFIG_INDEX_STALE")
        if self.before is not None:
            raise Refused("CHANGE_IN_PROGRESS")
        voters = {member.id for member in members if member.votes}
        old = {member.id for member in self.members if member.votes}
        if not voters:
            raise Refused("LAST_VOTER")
        if voters != old and len(voters & self.up) < quorum(len(voters)):
            raise Refused("QUORUM_AT_RISK")
        if any(not self.caught_up(member) for member in voters - old):
            raise Refused("NOT_CAUGHT_UP")
        self.before = (self.members, self.config_index, self.next_id)
        self.members = tuple(members)
        self.next_id += adds
        self.last_index += 1
        self.config_index = self.last_index

    def transfer(self, leaving: int, to: int) -> None:
        """Leadership goes to `to`, if `leaving` leads and `to` has caught up."""
        if self.leader_id != leaving or self.before is not None:
            raise Refused("NOT_LEADER")
        if to not in self.up or not self.caught_up(to):
            raise Refused("TRANSFER_REFUSED")
        self.leader_id = to
        self.term += 1
