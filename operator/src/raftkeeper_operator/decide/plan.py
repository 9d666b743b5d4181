"""What a decision can be: one action, or none, with its reason. Types only; `act/` carries actions out.

Every action says on which condition it may be done, so that one decided on an old snapshot fails instead
of doing harm: a config index (compare-and-swap), a UID, or a resource version. All are safe to repeat.
"""

import hashlib
from dataclasses import dataclass, field, fields
from typing import TypeAlias

OPERATION_DIGEST_LENGTH = 24
"""96 bits tell operations apart; nodes take ids of up to 200 characters, and addresses may be longer."""

# ---- Kubernetes ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApplyResource:
    """Make an ordinary object as the spec has it (server-side apply), or delete one no longer wanted."""

    kind: str
    name: str
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class RenewCertificate:
    """Make the certificate of this Secret anew. Nodes read it again by themselves."""

    secret: str


@dataclass(frozen=True, slots=True)
class SetBudget:
    """The PodDisruptionBudget of the voters' pods; None: there shall be none."""

    min_available: int | None
    resource_version: str = ""
    """Of the one there is; '' for none."""


@dataclass(frozen=True, slots=True)
class CreateFounding:
    """Create (never overwrite) the founding ConfigMap: open with these members, or closed from the start."""

    members: tuple[tuple[int, str], ...]
    """(id, peer address); empty: closed, because volumes of a former life are there."""
    recovery: str = ""
    """The last forced recovery, where there was one: it must not be forgotten with the ConfigMap."""


@dataclass(frozen=True, slots=True)
class OpenFounding:
    """Open a founding that was made closed: every disk there is has been seen, and all are empty."""

    members: tuple[tuple[int, str], ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class CloseFounding:
    """For ever: the ensemble exists. The cluster's id goes to the status in the same step."""

    cluster_id: str
    resource_version: str
    recovery: str = ""
    """The last forced recovery; it stays."""


@dataclass(frozen=True, slots=True)
class OrderRecovery:
    """Write into the founding whose data count. Every container that starts from then on obeys.

    Done only if nobody leads, a majority is still lost, and no pod or volume is there that was not seen:
    one that came meanwhile may be what makes a majority.
    """

    epoch: int
    survivor: str
    """Its peer address."""
    cluster_id: str
    """Of the ensemble that is given up."""
    pods: tuple[str, ...]
    """UIDs of those that were seen; they have started without the order."""
    volumes: tuple[str, ...]
    """UIDs of those that were seen."""
    resource_version: str


@dataclass(frozen=True, slots=True)
class CreatePool:
    """Create (never overwrite) a StatefulSet."""

    pool: str
    zone: str
    replicas: int
    revision: str
    storage_bytes: int
    log_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UpdatePool:
    """Bring a pool's other mutable fields up to date; its replicas and template stay as they are."""

    pool: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class SetPoolReplicas:
    """Grow or shrink a StatefulSet."""

    pool: str
    replicas: int
    resource_version: str


@dataclass(frozen=True, slots=True)
class KeepVolumes:
    """From now on a pool's volumes stay when it is deleted."""

    pool: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class SetTemplate:
    """Give a pool the template of a revision. No pod is touched by it (OnDelete)."""

    pool: str
    revision: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class OrphanPool:
    """Delete a StatefulSet and leave its pods: it is created anew with larger volume claims."""

    pool: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Delete a StatefulSet that has no pods. Volumes that it owns stay: others decide on them."""

    pool: str
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class RecordGood:
    """Remember the revision that all pods run well with, and forget those that nothing needs any more."""

    revision: str
    rejected: str
    """What the record shall say of a rejected one; '' when there is none any more."""
    level: int = 0
    """The feature level of its nodes."""
    resource_version: str = ""
    """Of the record as it was read; '' for none."""


@dataclass(frozen=True, slots=True)
class RejectRevision:
    """Remember that this revision did not come up, and is to be rolled back."""

    revision: str
    why: str = field(default="", compare=False)
    """For people."""
    resource_version: str = ""
    """Of the record as it was read; '' for none."""


@dataclass(frozen=True, slots=True)
class Evict:
    """Ask the Eviction API to remove a pod, so that the budget that drains obey is obeyed."""

    pod: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a pod that serves nobody, or that no budget could ever let go."""

    pod: str
    uid: str


@dataclass(frozen=True, slots=True)
class RetireVolume:
    """Label a volume: retired, and when. Nothing is deleted."""

    volume: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeleteVolume:
    """Delete a volume whose member is in no membership any more."""

    volume: str
    uid: str


@dataclass(frozen=True, slots=True)
class AdoptVolume:
    """Give a retained volume of a former cluster of this name to this one."""

    volume: str
    uid: str


@dataclass(frozen=True, slots=True)
class UntieVolume:
    """A volume is no longer owned by its StatefulSet, and so does not go with it."""

    volume: str
    uid: str


@dataclass(frozen=True, slots=True)
class GrowVolume:
    """Ask for a larger volume."""

    volume: str
    uid: str
    bytes: int


# ---- the ensemble ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddLearner:
    """A waiting node becomes a learner."""

    pod: str
    address: str
    incarnation: str
    zone: str
    config_index: int


@dataclass(frozen=True, slots=True)
class Promote:
    """A learner that has caught up becomes a voter."""

    member_id: int
    config_index: int


@dataclass(frozen=True, slots=True)
class Replace:
    """A learner that has caught up takes a lost voter's place, in one step."""

    old: int
    new: int
    config_index: int


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """A member goes for ever."""

    member_id: int
    config_index: int


@dataclass(frozen=True, slots=True)
class UpdateMember:
    """A member's zone is another now."""

    member_id: int
    zone: str
    config_index: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Leadership goes from one member to another. The term makes a later transfer another operation."""

    leaving: int
    to: int
    term: int
    token: str = ""
    """Of the person's request that this answers; goes to the status, so that it is done once."""


@dataclass(frozen=True, slots=True)
class Drain:
    """A pod sends its clients to the others, because its member is going to be removed."""

    pod: str
    uid: str
    member_id: int


@dataclass(frozen=True, slots=True)
class Undrain:
    """A drained pod stays after all."""

    pod: str
    uid: str
    member_id: int


@dataclass(frozen=True, slots=True)
class Release:
    """The cluster is being deleted, and the operator has nothing left to do for it."""


KubernetesAction: TypeAlias = (
    ApplyResource
    | RenewCertificate
    | SetBudget
    | CreateFounding
    | OpenFounding
    | CloseFounding
    | OrderRecovery
    | CreatePool
    | UpdatePool
    | SetPoolReplicas
    | KeepVolumes
    | SetTemplate
    | OrphanPool
    | DeletePool
    | RecordGood
    | RejectRevision
    | Evict
    | DeletePod
    | RetireVolume
    | DeleteVolume
    | AdoptVolume
    | UntieVolume
    | GrowVolume
    | Release
)
MembershipAction: TypeAlias = AddLearner | Promote | Replace | RemoveMember | UpdateMember
"""Compare-and-swap on the config index; only the leader carries them out."""
NodeAction: TypeAlias = Transfer | Drain | Undrain
Action: TypeAlias = KubernetesAction | MembershipAction | NodeAction


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision."""

    action: Action | None
    """None: nothing can or need be done now."""
    reason: str
    """A stable token in CamelCase, for conditions, events and metrics."""
    message: str
    """For people: what happens and why, with the names in it."""
    blocked_by: tuple[str, ...] = ()
    """What has to happen first, when there is something to do that must not be done now."""
    target: str = ""
    """The pod, pool, volume or member it is about."""
    recheck_ms: int = 0
    """Look again after this long even if nothing is heard; 0: the usual interval."""

    @property
    def name(self) -> str:
        """Of the action, `Wait` for none."""
        return type(self.action).__name__ if self.action is not None else "Wait"

    @property
    def idle(self) -> bool:
        """Nothing is wanted: all is as the spec has it."""
        return self.action is None and not self.blocked_by


def act(action: Action, reason: str, message: str, target: str = "") -> Plan:
    """A plan to do something."""
    return Plan(action, reason, message, target=target)


def wait(
    reason: str, message: str, *blocked_by: str, target: str = "", recheck_ms: int = 0
) -> Plan:
    """A plan to do nothing for now. `blocked_by` is what has to happen first."""
    return Plan(None, reason, message, blocked_by or (message,), target, recheck_ms)


def operation_id(uid: str, generation: int, action: Action) -> str:
    """The Op-Id of an action: the same for a repetition, another for another decision.

    All fields take part. A transfer back and forth would otherwise get the first answer again.
    """
    values = "\0".join(f"{item.name}={getattr(action, item.name)}" for item in fields(action))
    digest = hashlib.sha256(values.encode()).hexdigest()[:OPERATION_DIGEST_LENGTH]
    return f"{uid}/{generation}/{type(action).__name__}/{digest}"
