"""What the nodes say of themselves and of their ensemble, as values. No I/O, no decisions."""

from dataclasses import dataclass

VOTING = frozenset({"voter", "leader"})
"""The roles of /v1/members that have a vote."""


@dataclass(frozen=True, slots=True)
class Member:
    """A row of the membership."""

    id: int
    role: str
    """`leader`, `voter`, `learner`, or `outgoing` while a joint change runs."""
    address: str
    incarnation: str
    """Names the life of its disk: another incarnation at the same address is another disk."""
    zone: str = ""
    priority: int = 1
    caught_up: bool = False
    active: bool = False
    """The leader hears of it. True of the leader itself."""
    match_index: int = 0
    last_contact_ms: int = 0

    @property
    def votes(self) -> bool:
        return self.role in VOTING

    @property
    def pod(self) -> str:
        """The first label of its address is its pod's name: a stable part of the product's API."""
        return self.address.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The membership, confirmed by its leader. Nothing else may be taken for the membership."""

    cluster_id: str
    config_index: int
    """Names this membership; every change is made on condition that it still is this one."""
    term: int
    commit_index: int
    leader_id: int
    next_id: int
    is_joint: bool
    transferring: bool
    """Leadership is being handed over."""
    members: tuple[Member, ...]
    leader_since_ms: int = 0
    """When this leader was elected, as far as known."""
    recovery_epoch: int = 0
    """The last forced recovery that the leader's data have passed."""

    @property
    def settled(self) -> bool:
        """No change is under way, so that another may begin."""
        return (
            not self.is_joint and not self.transferring and self.commit_index >= self.config_index
        )

    @property
    def voters(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.votes)

    def member(self, member_id: int) -> Member | None:
        return next((member for member in self.members if member.id == member_id), None)

    def at(self, pod: str) -> tuple[Member, ...]:
        """Those of this pod: two while a lost volume is being replaced."""
        return tuple(member for member in self.members if member.pod == pod)

    def of_incarnation(self, incarnation: str) -> Member | None:
        return next((m for m in self.members if incarnation and m.incarnation == incarnation), None)


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node's own /v1/status, answered without asking anybody else."""

    state: str
    """`starting`, `waiting` (an empty disk that waits to be added) or `member`."""
    member_id: int
    cluster_id: str
    incarnation: str
    role: str = ""
    leader_id: int = 0
    version: str = ""
    feature_level: int = 0
    """What its release reads of log and snapshots; 0 when it did not say."""
    ensemble_feature_level: int = 0
    """What is in use, by the membership that it knows; 0 when it did not say."""
    term: int = 0
    last_term: int = 0
    """Of its last entry."""
    last_index: int = 0
    commit_index: int = 0
    config_index: int = 0
    draining: bool = False
    damage: str = ""
    """What is broken on its disk, when that keeps it from serving."""
    writes_refused: str = ""
    """Why it takes no writes (a full disk)."""
    diverged: str = ""
    free_bytes: int = -1
    """Room in its data folder; -1 when not known."""
    log_free_bytes: int = -1
    """Room where its log is."""
    clients: int = 0
    snapshot_running: bool = False
    reason: str = ""
    """Why it does not serve; '' when it does."""
    recovery_epoch: int = 0
    """The last forced recovery that its data have passed."""
    config: tuple[Member, ...] = ()
    """The newest membership in its log, committed or not. Not the truth: that is the leader's."""
