"""The picture that one decision is made from: plain frozen values, filled in by the observer.

Must not do I/O and must not decide anything. Times are wall-clock milliseconds since the epoch, 0 means
"not known" or "never". What could not be read is None (or empty where it says so), never a guess: the
decisions take "not known" for "not safe".

Order of reading (the observer keeps it, the decisions lean on it): Kubernetes first, then the pods'
own status, then the ensemble's membership. So a membership is never older than the pods it is compared with.
"""

from dataclasses import dataclass, field

from raftkeeper_operator.observe.desired import Desired
from raftkeeper_operator.observe.ensemble import Ensemble, Member, NodeStatus


@dataclass(frozen=True, slots=True)
class Pool:
    """A StatefulSet of ours."""

    name: str
    zone: str
    """'' for the one pool of a cluster without zones."""
    uid: str
    resource_version: str
    """Every change of the pool is made on condition that it is still this one."""
    replicas: int
    """What its spec asks for."""
    revision: str
    """Of its pod template (`raftkeeper.io/revision`)."""
    storage_bytes: int
    """Of its template of data volumes; it cannot be changed in place."""
    log_bytes: int = 0
    """Likewise of log volumes; 0 when it has none."""
    current: bool = True
    """Its other mutable fields (labels, retention policy, …) are as they should be."""
    deleting: bool = False
    deletes_volumes: bool = False
    """Its own policy: its volumes are deleted with it."""
    observed: bool = True
    """Kubernetes' controller has seen its newest spec."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of one of our pools."""

    name: str
    pool: str
    ordinal: int
    uid: str
    revision: str
    """Of the template it was made from."""
    created_ms: int
    running: bool = False
    """Its container is running at this moment, whether ready or not."""
    ready: bool = False
    ready_since_ms: int = 0
    """When it became ready; 0 when it is not."""
    unready_since_ms: int = 0
    """When it stopped being ready, or when it was made; 0 when it is ready."""
    terminating: bool = False
    unschedulable: str = ""
    """The scheduler's words, when no node takes it."""
    held_up: str = ""
    """Why Kubernetes has not come to start its containers: no node, a node that is down, volumes."""
    tried_since_ms: int = 0
    """Since when its containers have had all they need from Kubernetes; 0 when not known."""
    trouble: str = ""
    """Why its container does not run, in the kubelet's words (ImagePullBackOff, CrashLoopBackOff, …)."""
    node_name: str = ""
    zone: str = ""
    """Of the node it runs on."""
    node: NodeStatus | None = None
    """Its own /v1/status; None when it did not answer."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A PersistentVolumeClaim of ours. It is found by the cluster's name, so also one of a former life.

    A member has one for its data, and another for its log if the spec says so; both are its disk.
    """

    name: str
    pool: str
    ordinal: int
    uid: str
    member_id: int
    """From its label, which is set as soon as its pod says who it is; 0 when nobody has seen yet."""
    cluster_id: str
    """The ensemble of that member, from a label as well; '' when not known."""
    requested_bytes: int
    capacity_bytes: int
    """0 until it is bound."""
    retired_ms: int = 0
    """When it was put into quarantine; 0 when it is in use."""
    terminating: bool = False
    zone: str = ""
    """Where it can be mounted, when that is one zone only."""
    lost: bool = False
    """Its phase is Lost, or it is bound to nodes none of which exists any more in Kubernetes."""
    lost_since_ms: int = 0
    """Since when this operator has seen that; after a restart it begins anew, so it is never too long ago."""
    expandable: bool = False
    """Its storage class allows it to grow."""
    resize_trouble: str = ""
    """Why the last growth failed."""
    is_log: bool = False
    """It is the log's own."""
    owned: bool = True
    """It bears this cluster's UID; False for one retained by a former cluster of the same name."""
    tied_to: frozenset[str] = frozenset()
    """UIDs of StatefulSets that are its owner: Kubernetes deletes it with them."""


@dataclass(frozen=True, slots=True)
class RecoveryOrder:
    """Which survivor's data count, since which epoch. What nodes read as `ensemble.recovery`."""

    epoch: int
    survivor: str
    """Its peer address."""

    @property
    def pod(self) -> str:
        """The first label of the address is the pod's name."""
        return self.survivor.partition(".")[0]

    @property
    def text(self) -> str:
        return f"{self.epoch}@{self.survivor}"

    @classmethod
    def parse(cls, text: str) -> "RecoveryOrder | None":
        """None for '', and for what no operator wrote."""
        epoch, _, survivor = text.partition("@")
        return cls(int(epoch), survivor) if epoch.isdecimal() and survivor else None


@dataclass(frozen=True, slots=True)
class Founding:
    """The ConfigMap that tells starting pods whether they may found an ensemble."""

    open: bool
    resource_version: str
    members: str = ""
    """`1=<address>,2=<address>,…` while it is open."""
    opened_ms: int = 0
    """When it was opened: containers that started before do not know of it."""
    cluster_id: str = ""
    """Of the ensemble that was founded; written when it is closed."""
    order: RecoveryOrder | None = None
    """The last forced recovery that was ordered. It stays for ever: it keeps old disks out."""
    uninformed: frozenset[str] = frozenset()
    """UIDs of the pods that were there when it was ordered, until it is done."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The ConfigMap that remembers templates, so that a rollback needs no memory in the operator."""

    good: str = ""
    """The last one that all pods ran with."""
    rejected: str = ""
    """One that was rolled back; it is not tried again until the spec asks for another."""
    known: tuple[str, ...] = ()
    """Those whose template and configuration are kept."""
    choosy: frozenset[str] = frozenset()
    """Those that ask other things of nodes (resources, affinity, volumes, …) than the good one does."""
    good_level: int = 0
    """The feature level of the good one's nodes; 0 when not known."""
    why_rejected: str = ""
    """For people."""
    resource_version: str = ""
    """'' when there is no such ConfigMap."""

    def target(self, wanted: str) -> str:
        """What all pods shall have in the end: the wanted one, unless it was rolled back."""
        return self.good if wanted == self.rejected and self.good in self.known else wanted


@dataclass(frozen=True, slots=True)
class Budget:
    """The PodDisruptionBudget."""

    min_available: int
    """Voters' pods that must stay ready."""
    disruptions_allowed: int
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """An ordinary object of the cluster (Service, Secret, …) that is missing or not as it should be."""

    kind: str
    name: str
    unwanted: bool = False
    """It is there, and the spec no longer asks for it."""
    missing: bool = False
    """It is not there at all."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that the operator makes."""

    name: str
    """Of its Secret."""
    renew_ms: int
    """From when on it is to be renewed: two thirds of its life."""
    not_after_ms: int
    """0 when there is none that could be used."""
    covers_all: bool = True
    """It names all the addresses that it should."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A person asked by annotation that another member lead; not yet answered."""

    token: str
    pod: str
    """'' for whichever is best."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the status said before this step: for durations and for people, never as the truth."""

    cluster_id: str = ""
    """Set once, when the ensemble was founded, and then believed for ever: it keeps founding closed."""
    leaderless_since_ms: int = 0
    """Since when no leader has been seen; 0 when there was one the last time."""
    members: tuple[Member, ...] = ()
    """The last membership that a leader confirmed."""
    recovery_epoch: int = 0
    """The last forced recovery that was carried out."""
    order: RecoveryOrder | None = None
    """The last that was ordered, in case the founding ConfigMap is lost."""
    plan_reason: str = ""
    plan_since_ms: int = 0
    feature_level: int = 0
    """The highest that was in use; what was written then stays."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that has not helped several times of late."""

    key: str
    """Names the action, whatever it was decided on."""
    message: str
    foreign: bool = False
    """An object of a name that is needed belongs to somebody else."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a decision may look at."""

    now_ms: int
    uid: str
    name: str
    namespace: str
    generation: int
    desired: Desired
    deleting: bool = False
    pools: tuple[Pool, ...] = ()
    pods: tuple[Pod, ...] = ()
    volumes: tuple[Volume, ...] = ()
    founding: Founding | None = None
    revisions: Revisions = field(default_factory=Revisions)
    budget: Budget | None = None
    resources: tuple[Resource, ...] = ()
    """Those that are missing, different or no longer wanted; empty when all is well."""
    certificates: tuple[Certificate, ...] = ()
    ensemble: Ensemble | None = None
    """The membership as its leader confirmed it by a read index; None when no leader did."""
    live_zones: frozenset[str] = frozenset()
    """Those with at least one node that is ready and takes pods."""
    transfer_request: TransferRequest | None = None
    remembered: Remembered = field(default_factory=Remembered)
    refused: tuple[Refusal, ...] = ()
    """Not to be tried for a while, so that it keeps nothing else from being done."""

    def pool(self, name: str) -> Pool | None:
        return next((pool for pool in self.pools if pool.name == name), None)

    def pod(self, name: str) -> Pod | None:
        return next((pod for pod in self.pods if pod.name == name), None)

    def volumes_of(self, pool: str, ordinal: int) -> tuple[Volume, ...]:
        """The data volume first."""
        found = (v for v in self.volumes if (v.pool, v.ordinal) == (pool, ordinal))
        return tuple(sorted(found, key=lambda volume: volume.is_log))
