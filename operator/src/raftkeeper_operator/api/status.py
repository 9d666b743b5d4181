"""What the operator says of a cluster: RaftKeeperCluster's status. For people, never read as truth."""

from typing import Annotated, Literal

from pydantic import Field

from raftkeeper_operator.api.conditions import Conditions
from raftkeeper_operator.api.part import Part

Phase = Literal[
    "Pending",
    "Bootstrapping",
    "Running",
    "Scaling",
    "Upgrading",
    "Repairing",
    "Hibernated",
    "QuorumLost",
    "Paused",
    "Blocked",
    "Deleting",
]

MEMBERS_MAX = 32
"""More than nine voters, their learners and those on their way out will ever be."""
VOLUMES_MAX = 256
"""Retired volumes that the status lists; there may be more."""


class LeaderStatus(Part):
    """Who leads."""

    id: int
    pod: str
    zone: str | None = None
    since: str | None = None


class MemberStatus(Part):
    """A member, and the pod it lives in."""

    id: int
    pod: str
    zone: str | None = None
    role: Literal["leader", "follower", "learner", "outgoing"]
    state: Literal["Joining", "Healthy", "Lagging", "Unreachable", "DiskLost", "Retiring"]
    version: str | None = None
    match_index: int | None = None
    """Last log entry that it is known to have on its disk."""
    lag: int | None = None
    """Committed entries that it lacks."""
    clients: int | None = None
    revision: str | None = None
    """Of the template its pod was made from."""
    incarnation: str | None = None
    """Names the life of its disk."""
    last_seen: str | None = None
    """When the leader last heard of it; left out while it does."""


class ZoneStatus(Part):
    """A zone, and what its failure would mean."""

    name: str
    voters: int
    can_lose: bool
    """Whether a majority is left when all of the zone fails."""


class PlanStatus(Part):
    """What the operator does next, or why it does not."""

    action: str | None = None
    """The next step; left out when there is none, or it has to wait."""
    target: str | None = None
    reason: str
    message: str
    blocked_by: Annotated[
        tuple[str, ...], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    since: str | None = None
    """Since when this is the plan."""


class RetiredVolume(Part):
    """A volume whose member was removed."""

    claim: str
    member_id: int | None = None
    retired_at: str | None = None
    delete_after: str | None = None


class BackupReference(Part):
    """The newest backup that succeeded."""

    name: str
    at: str | None = None
    index: int | None = None


class SurvivorEvidence(Part):
    """What is known of a member's data when the quorum is lost."""

    pod: str
    member_id: int | None = None
    term: int | None = None
    last_index: int | None = None
    reachable: bool = False


class RecoveryStatus(Part):
    """The forced recovery: what was done, what would be done."""

    observed_epoch: int = 0
    """The last epoch that was carried out, or came while there was nothing to recover."""
    order: str | None = None
    """The last recovery that was ordered, `<epoch>@<address of the survivor>`; it keeps old disks out."""
    proposed_survivor: str | None = None
    evidence: Annotated[
        tuple[SurvivorEvidence, ...],
        Field(max_length=MEMBERS_MAX, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()


class Endpoints(Part):
    """Where clients connect."""

    client: str | None = None
    client_tls: str | None = None
    members: Annotated[
        tuple[str, ...],
        Field(max_length=MEMBERS_MAX, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Every member by its own name, for clients that want a list."""


class RequestStatus(Part):
    """What became of an act that was asked for by annotation."""

    name: str
    """The annotation without its prefix."""
    token: str
    outcome: str
    at: str | None = None


class ClusterStatus(Part):
    """State of the cluster as of the last look."""

    observed_generation: int | None = None
    phase: Phase | None = None
    ready: str | None = None
    """Voters that serve, of those there should be: `3/3`."""
    cluster_id: str | None = None
    config_index: int | None = None
    term: int | None = None
    version: str | None = None
    """What the members run; the lowest while they differ."""
    target_version: str | None = None
    feature_level: int | None = None
    """The highest level of log and snapshots that all members have been able to read. No member of a
    lower one may come back."""
    image: str | None = None
    revision: str | None = None
    """Of the pod template that the spec leads to."""
    selector: str | None = None
    voters: int | None = None
    learners: int | None = None
    ready_replicas: int | None = None
    updated_replicas: int | None = None
    zones_summary: str | None = None
    """Voters by zone, as `a:1 b:1 c:1`."""
    leader: LeaderStatus | None = None
    members: Annotated[
        tuple[MemberStatus, ...],
        Field(
            max_length=MEMBERS_MAX,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["id"],
            },
        ),
    ] = ()
    zones: Annotated[
        tuple[ZoneStatus, ...],
        Field(
            max_length=MEMBERS_MAX,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    plan: PlanStatus | None = None
    retired_volumes: Annotated[
        tuple[RetiredVolume, ...],
        Field(
            max_length=VOLUMES_MAX,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["claim"],
            },
        ),
    ] = ()
    last_backup: BackupReference | None = None
    recovery: RecoveryStatus | None = None
    endpoints: Endpoints | None = None
    requests: Annotated[
        tuple[RequestStatus, ...],
        Field(
            max_length=16,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    conditions: Conditions = ()
