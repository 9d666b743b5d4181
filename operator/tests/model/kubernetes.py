"""A model of what Kubernetes does with our objects: StatefulSets, pods, claims, evictions, a scheduler.

Each thing happens at a tick of its own, as if its controller had only just come to it. Nothing here
knows of members: a pod is a process that runs or does not, a claim holds a disk.
"""

from dataclasses import dataclass, field

from tests.model.ensemble import Disk, Refused


@dataclass
class ModelPool:
    name: str
    zone: str
    uid: str
    replicas: int
    revision: str
    storage_bytes: int
    version: int = 1
    deletes_volumes: bool = False
    """Its retention policy."""
    observed: bool = True
    """Its controller has seen it since it was changed."""

    def touch(self, seen: str) -> None:
        """A change under precondition of the resource version."""
        if seen != str(self.version):
            raise Refused(f"Conflict: {self.name}")
        self.version += 1
        self.observed = False


@dataclass
class ModelClaim:
    name: str
    pool: str
    ordinal: int
    uid: str
    disk: Disk
    bytes: int
    label_member: int = 0
    label_cluster: str = ""
    retired_ms: int = 0
    terminating: bool = False
    lost_since_ms: int = 0
    """Its node is gone, with what was on it."""
    owned: bool = True
    tied_to: frozenset[str] = frozenset()
    """Pools that are its owner: it is deleted with them."""
    is_log: bool = False
    written_by: str = ""
    """Of a log: the disk whose log it is; '' while it is empty."""

    @property
    def lost(self) -> bool:
        return bool(self.lost_since_ms)


def why_damaged(data: ModelClaim, log: ModelClaim | None) -> str:
    """What a node says of two volumes that do not belong together."""
    disk = data.disk
    if log is None or log.written_by == disk.incarnation:
        return ""
    if disk.member_id:
        return "the log is missing"
    return "the identity is missing" if log.written_by else ""


@dataclass
class ModelPod:
    name: str
    pool: str
    ordinal: int
    uid: str
    revision: str
    zone: str
    created_ms: int
    claim_uid: str = ""
    """Of the claim that it has mounted."""
    log_uid: str = ""
    """Of its log's, where logs have claims of their own."""
    running: bool = False
    ready_since_ms: int = 0
    unready_since_ms: int = 0
    terminating: bool = False
    draining: bool = False
    counted: bool = False
    """It bears the label by which the disruption budget counts it."""
    tried_since_ms: int = 0
    """When a node took it."""
    may_found: str = ""
    """The founders that its container was started with; '' when it may not found."""
    order: str = ""
    """The recovery that its container was started with."""


@dataclass
class ModelKubernetes:
    """The objects, and one turn of all controllers."""

    pools: dict[str, ModelPool] = field(default_factory=dict)
    pods: dict[str, ModelPod] = field(default_factory=dict)
    claims: dict[str, ModelClaim] = field(default_factory=dict)
    founding: dict[str, str] | None = None
    founding_version: int = 0
    budget: int | None = None
    budget_version: int = 1
    bad_revisions: set[str] = field(default_factory=set)
    greedy_revisions: set[str] = field(default_factory=set)
    """They ask for more than any node has."""
    full_zones: set[str] = field(default_factory=set)
    """Their nodes take no more pods; those that run there go on."""
    log_volumes: bool = False
    zones_down: set[str] = field(default_factory=set)
    made: int = 0

    def fresh(self, kind: str) -> str:
        """A UID that was never used."""
        self.made += 1
        return f"{kind}-{self.made}"

    # ---- controllers -----------------------------------------------------------------------------

    def tick(self, now_ms: int) -> None:
        """Everything that is to happen goes one step further."""
        for pod in [pod for pod in self.pods.values() if pod.terminating]:
            del self.pods[pod.name]
        mounted = {uid for pod in self.pods.values() for uid in (pod.claim_uid, pod.log_uid)}
        for claim in [c for c in self.claims.values() if c.terminating and c.uid not in mounted]:
            del self.claims[claim.name]
        for pool in self.pools.values():
            self._reconcile(pool, now_ms)
        for pod in self.pods.values():
            if pod.zone in self.zones_down and pod.running:
                self.crash(pod, now_ms)
            self._start(pod, now_ms)

    def _reconcile(self, pool: ModelPool, now_ms: int) -> None:
        pool.observed = True
        for claim in self.claims.values():
            if f"{claim.pool}-{claim.ordinal}" in self.pods and claim.pool == pool.name:
                claim.tied_to = frozenset({pool.uid} if pool.deletes_volumes else ())
        for pod in self.pods.values():
            if pod.pool == pool.name and pod.ordinal >= pool.replicas:
                self.stop(pod)
        for ordinal in range(pool.replicas):
            name = f"{pool.name}-{ordinal}"
            self._claim(pool, f"data-{name}", ordinal)
            if self.log_volumes:
                self._claim(pool, f"log-{name}", ordinal)
            if name not in self.pods:
                uid = self.fresh("pod")
                self.pods[name] = ModelPod(
                    name, pool.name, ordinal, uid, pool.revision, pool.zone, now_ms
                )
                self.pods[name].unready_since_ms = now_ms

    def _claim(self, pool: ModelPool, name: str, ordinal: int) -> None:
        if name not in self.claims:
            disk, uid = Disk(self.fresh("life")), self.fresh("pvc")
            claim = ModelClaim(name, pool.name, ordinal, uid, disk, pool.storage_bytes)
            claim.is_log = name.startswith("log-")
            self.claims[name] = claim

    def claims_of(self, pod: ModelPod) -> list[ModelClaim | None]:
        """Those its template asks for, by name."""
        kinds = ("data", "log") if self.log_volumes else ("data",)
        return [self.claims.get(f"{kind}-{pod.name}") for kind in kinds]

    def why_no_volume(self, pod: ModelPod) -> str:
        """Why its claims cannot be mounted."""
        for claim in self.claims_of(pod):
            if claim is None or (claim.terminating and not pod.claim_uid):
                return "its volume is being deleted"
            if claim.lost:
                return "its volume is lost"
        return ""

    def choosy(self, good: str) -> frozenset[str]:
        """The greedy ones, once there is another to compare them with."""
        greedy = self.greedy_revisions
        return frozenset(greedy if good and good not in greedy else ())

    def why_unschedulable(self, pod: ModelPod) -> str:
        """The scheduler's words. A pod that has a node keeps it, as long as its zone is there."""
        if pod.zone in self.zones_down:
            return "the zone is down"
        if pod.tried_since_ms:
            return ""
        if pod.revision in self.greedy_revisions:
            return "insufficient memory"
        return "the nodes are full" if pod.zone in self.full_zones else ""

    def _start(self, pod: ModelPod, now_ms: int) -> None:
        if pod.running or pod.terminating or self.why_no_volume(pod):
            return
        if self.why_unschedulable(pod):
            return
        if not pod.tried_since_ms:
            pod.tried_since_ms = now_ms
        if pod.revision in self.bad_revisions:
            return
        pod.running = True
        pod.claim_uid, *log = [claim.uid for claim in self.claims_of(pod) if claim]
        pod.log_uid = log[0] if log else ""
        pod.may_found = ""
        if self.founding is not None and self.founding["open"] == "true":
            pod.may_found = self.founding["members"]
        pod.order = self.founding["recovery"] if self.founding is not None else ""

    # ---- effects ---------------------------------------------------------------------------------

    def stop(self, pod: ModelPod) -> None:
        pod.terminating = True
        pod.running = False
        pod.ready_since_ms = 0

    def crash(self, pod: ModelPod, now_ms: int) -> None:
        """The container ends and is started again at the next tick."""
        pod.running = False
        pod.draining = False
        pod.ready_since_ms = 0
        pod.unready_since_ms = now_ms
        if pod.zone in self.zones_down:
            pod.tried_since_ms = 0
        elif pod.tried_since_ms:
            pod.tried_since_ms = now_ms

    def pod_with(self, name: str, uid: str) -> ModelPod:
        pod = self.pods.get(name)
        if pod is None or pod.uid != uid or pod.terminating:
            raise Refused(f"NotFound or Conflict: pod {name}")
        return pod

    def claim_with(self, name: str, uid: str) -> ModelClaim:
        claim = self.claims.get(name)
        if claim is None or claim.uid != uid or claim.terminating:
            raise Refused(f"NotFound or Conflict: volume {name}")
        return claim

    def pool_with(self, name: str, seen: str) -> ModelPool:
        pool = self.pools.get(name)
        if pool is None:
            raise Refused(f"NotFound: pool {name}")
        pool.touch(seen)
        return pool
