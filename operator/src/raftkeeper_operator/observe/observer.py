"""One look at a cluster: everything that a decision needs, read now, as one frozen picture.

Order: Kubernetes first, then the pods' own word, then the membership from the leader. So the membership is
never older than the pods it is compared with. Nothing is changed, nothing decided.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pydantic

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.api.names import ADMIN_PORT, MEMBER_COMPONENT
from raftkeeper_operator.build.blueprint import Blueprint, Surroundings
from raftkeeper_operator.build.pod_template import PodTemplate, build_pod_template
from raftkeeper_operator.clients.keeper import KeeperAccess, KeeperClient
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import (
    BUDGETS,
    CERTIFICATES,
    CLUSTERS,
    CONFIG_MAPS,
    PODS,
    SECRETS,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
)
from raftkeeper_operator.observe.backup_picture import BackupPicture
from raftkeeper_operator.observe.credentials import read_access, read_certificates
from raftkeeper_operator.observe.fields import (
    Object,
    annotation,
    is_deleting,
    label,
    milliseconds,
    part,
    uid_of,
    version_of,
)
from raftkeeper_operator.observe.infrastructure import Ground, Infrastructure
from raftkeeper_operator.observe.kept import read_founding, read_revisions
from raftkeeper_operator.observe.members import Census, ask_members
from raftkeeper_operator.observe.objects import Objects, read_objects
from raftkeeper_operator.observe.placing import Host
from raftkeeper_operator.observe.pools import read_pod, read_pool
from raftkeeper_operator.observe.resources import Applied, find_resources, is_current
from raftkeeper_operator.observe.restoring import find_restore
from raftkeeper_operator.observe.secret_names import NamedSecrets, inspect_named_secrets
from raftkeeper_operator.observe.snapshot import (
    Budget,
    Pod,
    Pool,
    Revisions,
    Snapshot,
    Volume,
)
from raftkeeper_operator.observe.spec import (
    read_desired,
    read_remembered,
    read_transfer_request,
)
from raftkeeper_operator.observe.templates import (
    client_ports_of,
    proven_template,
    target_template,
)
from raftkeeper_operator.observe.volumes import is_lost, is_member_claim, read_volume


class SpecUnusable(Exception):
    """The spec cannot be read: it is older or newer than this operator's CRD."""


@dataclass(frozen=True)
class Observation:
    """The picture, and what it was made from, for those who act and report."""

    snapshot: Snapshot
    body: Object
    """The RaftKeeperCluster."""
    blueprint: Blueprint
    template: PodTemplate
    """That the spec leads to."""
    objects: Objects
    census: Census = field(default_factory=lambda: Census({}, {}))
    access: KeeperAccess | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """By pod: host and port of its admin API."""
    backups: BackupPicture | None = None
    """Filled in by who looks after them; None when they could not be read."""
    named_secrets: NamedSecrets = field(default_factory=NamedSecrets)
    """What is wrong with those that the spec names."""
    proven: Object | None = None
    """The template that all pods last ran well with; None where there is none yet."""

    without_zones: bool = False
    """No node bears the label that names zones."""

    @property
    def working_template(self) -> Object:
        """One whose image can be had, as far as anybody knows."""
        return self.proven or self.template.template


class Observer:
    """Looks at clusters. Remembers for each only since when its leader leads, and volumes are lost."""

    def __init__(
        self,
        kube: Kube,
        keeper: KeeperClient,
        infrastructure: Infrastructure,
        surroundings: Surroundings,
        *,
        applied: Applied,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._kube = kube
        self._keeper = keeper
        self._infrastructure = infrastructure
        self._surroundings = surroundings
        self._applied = applied
        self._clock_ms = clock_ms
        self._leaders: dict[str, tuple[int, int, int]] = {}
        self._losses: dict[str, dict[str, int]] = {}

    async def observe(self, namespace: str, name: str) -> Observation | None:
        """None when there is no such cluster (any more)."""
        body = await self._kube.get(CLUSTERS, namespace, name)
        if body is None:
            return None
        blueprint = self._blueprint(body)
        objects = await read_objects(self._kube, namespace, name, blueprint.uid)
        restore, trouble = await find_restore(self._kube, blueprint, objects)
        if trouble:
            raise SpecUnusable(trouble)
        blueprint = replace(blueprint, restore=restore)
        pods = members_of(objects)
        template = build_pod_template(blueprint)
        kept = objects.get(CONFIG_MAPS, blueprint.names.revisions_config)
        revisions = read_revisions(kept, template)
        target = target_template(template, revisions, kept)
        blueprint = replace(blueprint, served=client_ports_of(target, pods))
        endpoints = {pod: host for pod, one in pods.items() if (host := _endpoint(one))}
        access = await self._access(blueprint, objects)
        census = Census({}, {})
        if access is not None and endpoints:
            census = await ask_members(self._keeper, access, endpoints)
        observation = Observation(
            Snapshot(0, "", "", "", 0, read_desired_of(blueprint, "")),
            body,
            blueprint,
            template,
            objects,
            census,
            access,
            endpoints,
            proven=proven_template(revisions, kept),
            named_secrets=await inspect_named_secrets(
                self._kube,
                blueprint,
                self._clock_ms(),
                issuers=CERTIFICATES.kind not in objects.absent_kinds,
            ),
        )
        ground = await self._infrastructure.ground()
        zones = ground.zones(blueprint.spec.placement.topology_key)
        return replace(
            observation,
            snapshot=await self._snapshot(observation, pods, revisions, ground),
            without_zones=ground.known and bool(ground.nodes) and not zones,
        )

    def forget(self, uid: str) -> None:
        """The cluster is gone."""
        self._leaders.pop(uid, None)
        self._losses.pop(uid, None)

    def _blueprint(self, body: Object) -> Blueprint:
        meta = body["metadata"]
        try:
            spec = ClusterSpec.model_validate(body.get("spec") or {})
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise SpecUnusable(f"spec.{where}: {first['msg']}") from error
        return Blueprint(
            meta["name"],
            meta["namespace"],
            meta["uid"],
            spec,
            self._surroundings,
            annotation(body, labels.RESTART),
        )

    async def _access(self, blueprint: Blueprint, objects: Objects) -> KeeperAccess | None:
        name = blueprint.peer_tls_secret
        secret = objects.get(SECRETS, name)
        if secret is None and name != blueprint.names.tls_secret:
            # The user's own: it bears no label of ours.
            secret = await self._kube.get(SECRETS, blueprint.namespace, name)
        return read_access(blueprint, objects, secret)

    async def _snapshot(
        self,
        seen: Observation,
        pods: Mapping[str, Object],
        revisions: Revisions,
        ground: Ground,
    ) -> Snapshot:
        blueprint, objects, body = seen.blueprint, seen.objects, seen.body
        names, topology = blueprint.names, blueprint.spec.placement.topology_key
        zones, now_ms = ground.zones(topology), self._clock_ms()
        ensemble = seen.census.ensemble
        if ensemble is not None:
            since_ms = self._leader_since(blueprint.uid, ensemble.term, ensemble.leader_id, body)
            ensemble = replace(ensemble, leader_since_ms=since_ms)
        ids = {str(member.id): member.pod for member in ensemble.members} if ensemble else {}
        return Snapshot(
            now_ms=now_ms,
            uid=blueprint.uid,
            name=blueprint.name,
            namespace=blueprint.namespace,
            generation=int(part(body, "metadata", "generation") or 0),
            desired=read_desired_of(blueprint, seen.template.revision),
            deleting=is_deleting(body),
            pools=_pools(seen),
            pods=_pods(pods, zones, seen.census, ground.states()),
            volumes=await self._volumes(blueprint, objects),
            founding=read_founding(objects.get(CONFIG_MAPS, names.founding_config)),
            revisions=revisions,
            budget=_budget(objects.get(BUDGETS, names.disruption_budget)),
            resources=find_resources(blueprint, objects, self._applied),
            certificates=read_certificates(blueprint, objects),
            ensemble=ensemble,
            live_zones=ground.live_zones(topology),
            transfer_request=read_transfer_request(body, ids),
            remembered=read_remembered(body, names),
        )

    async def _volumes(self, blueprint: Blueprint, objects: Objects) -> tuple[Volume, ...]:
        claims = [claim for claim in objects.of(VOLUME_CLAIMS).values() if is_member_claim(claim)]
        storage = await self._infrastructure.storage(claims)
        topology = blueprint.spec.placement.topology_key
        uid, now_ms, before = blueprint.uid, self._clock_ms(), self._losses.get(blueprint.uid, {})
        lost = [uid_of(claim) for claim in claims if is_lost(claim, storage)]
        self._losses[uid] = since_ms = {claim: before.get(claim, now_ms) for claim in lost}
        found = [
            read_volume(one, uid, storage, topology, lost_since_ms=since_ms.get(uid_of(one), 0))
            for one in claims
        ]
        return tuple(sorted(found, key=lambda volume: (volume.pool, volume.ordinal, volume.is_log)))

    def _leader_since(self, uid: str, term: int, leader_id: int, body: Object) -> int:
        """Since when this leader leads: as seen, or as the status says of the same term."""
        known = self._leaders.get(uid)
        if known is not None and known[:2] == (term, leader_id):
            return known[2]
        status = part(body, "status") or {}
        since_ms = 0
        if (status.get("term"), part(status, "leader", "id")) == (term, leader_id):
            since_ms = milliseconds(part(status, "leader", "since"))
        self._leaders[uid] = (term, leader_id, since_ms or self._clock_ms())
        return self._leaders[uid][2]


def read_desired_of(blueprint: Blueprint, revision: str) -> Any:
    """The spec of a blueprint, as decisions need it."""
    return read_desired(
        blueprint.spec, blueprint.names, revision=revision, version=blueprint.target_version or ""
    )


def members_of(objects: Objects) -> dict[str, Object]:
    """The pods that are members; pods of backups bear the cluster's label as well."""
    return {
        name: pod
        for name, pod in sorted(objects.of(PODS).items())
        if label(pod, labels.COMPONENT) == MEMBER_COMPONENT
    }


def _pools(seen: Observation) -> tuple[Pool, ...]:
    template, found = seen.template.template, seen.objects.of(STATEFUL_SETS)
    return tuple(
        read_pool(found[name], current=is_current(seen.blueprint, template, found[name]))
        for name in sorted(found)
    )


def _pods(
    pods: Mapping[str, Object],
    zones: Mapping[str, str],
    census: Census,
    hosts: Mapping[str, Host] | None,
) -> tuple[Pod, ...]:
    return tuple(
        read_pod(body, zones, census.nodes.get(name), hosts) for name, body in pods.items()
    )


def _endpoint(pod: Mapping[str, Any]) -> str:
    """By address: the operator may run where the cluster's names are not known. '' without one."""
    address = str(part(pod, "status", "podIP") or "")
    if not address or part(pod, "status", "phase") != "Running":
        return ""
    return f"[{address}]:{ADMIN_PORT}" if ":" in address else f"{address}:{ADMIN_PORT}"


def _budget(body: Mapping[str, Any] | None) -> Budget | None:
    if body is None:
        return None
    return Budget(
        min_available=int(part(body, "spec", "minAvailable") or 0),
        disruptions_allowed=int(part(body, "status", "disruptionsAllowed") or 0),
        resource_version=version_of(body),
    )


__all__ = ["Observation", "Observer", "SpecUnusable", "members_of", "uid_of"]
