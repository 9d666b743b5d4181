"""How the operator sees the model world: its objects and nodes, made into the values of a snapshot."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.model.kubernetes import ModelClaim, ModelPod, ModelPool, why_damaged
from tests.model.releases import level_of

from raftkeeper_operator.observe.ensemble import NodeStatus
from raftkeeper_operator.observe.snapshot import (
    Budget,
    Founding,
    Pod,
    Pool,
    RecoveryOrder,
    Snapshot,
    Volume,
)

if TYPE_CHECKING:
    from tests.model.world import World

ZONES = ("a", "b", "c", "d")


def see(world: "World") -> Snapshot:
    """Everything as it is at this moment."""
    kube = world.kube
    return Snapshot(
        world.now_ms,
        "uid-x",
        "x",
        "ns",
        world.generation,
        world.desired,
        deleting=world.deleting,
        pools=tuple(_see_pool(world, pool) for pool in kube.pools.values()),
        pods=tuple(_see_pod(world, pod) for pod in kube.pods.values()),
        volumes=tuple(_see_claim(claim) for claim in kube.claims.values()),
        founding=_see_founding(world),
        revisions=replace(world.revisions, choosy=kube.choosy(world.revisions.good)),
        budget=_see_budget(world),
        resources=world.resources,
        ensemble=world.ensemble.view(),
        live_zones=frozenset({"", *ZONES} - kube.zones_down),
        remembered=world.remembered,
    )


def _see_budget(world: "World") -> Budget | None:
    if world.kube.budget is None:
        return None
    return Budget(world.kube.budget, world.allowed(), str(world.kube.budget_version))


def _see_founding(world: "World") -> Founding | None:
    data = world.kube.founding
    if data is None:
        return None
    return Founding(
        data["open"] == "true",
        str(world.kube.founding_version),
        data["members"],
        int(data["opened_ms"]),
        data["cluster_id"],
        RecoveryOrder.parse(data["recovery"]),
        frozenset(data["uninformed"].split(",")) - {""},
    )


def _see_pool(world: "World", pool: ModelPool) -> Pool:
    return Pool(
        pool.name,
        pool.zone,
        pool.uid,
        str(pool.version),
        pool.replicas,
        pool.revision,
        pool.storage_bytes,
        pool.storage_bytes if world.kube.log_volumes else 0,
        current=pool.deletes_volumes == world.desired.delete_volumes,
        deletes_volumes=pool.deletes_volumes,
        observed=pool.observed,
    )


def _see_pod(world: "World", pod: ModelPod) -> Pod:
    why = world.kube.why_no_volume(pod) or world.kube.why_unschedulable(pod)
    bad = pod.revision in world.kube.bad_revisions and not why
    return Pod(
        pod.name,
        pod.pool,
        pod.ordinal,
        pod.uid,
        pod.revision,
        pod.created_ms,
        running=pod.running,
        ready=bool(pod.ready_since_ms),
        ready_since_ms=pod.ready_since_ms,
        unready_since_ms=pod.unready_since_ms,
        terminating=pod.terminating,
        unschedulable=why if not pod.running else "",
        held_up="" if pod.tried_since_ms else "it has no node yet",
        tried_since_ms=pod.tried_since_ms,
        trouble="ImagePullBackOff" if bad else "",
        zone=pod.zone,
        node=_see_node(world, pod) if pod.running else None,
    )


def _see_node(world: "World", pod: ModelPod) -> NodeStatus:
    disk = world.claim_of(pod).disk
    ensembles = (world.ensemble, *world.given_up)
    logged = next((e for e in ensembles if e.cluster_id == disk.cluster_id), None)
    damage = why_damaged(world.claim_of(pod), world.log_of(pod))
    empty = "starting" if damage else "waiting"
    return NodeStatus(
        state="member" if disk.member_id else empty,
        damage=damage,
        feature_level=level_of(pod.revision),
        ensemble_feature_level=world.level_in_use * (disk.member_id in world.ensemble.up),
        member_id=disk.member_id,
        cluster_id=disk.cluster_id,
        incarnation=disk.incarnation,
        draining=pod.draining,
        clients=0,
        last_term=disk.term,
        last_index=disk.last_index,
        recovery_epoch=disk.recovery_epoch,
        config=logged.members if logged and disk.member_id else (),
        config_index=logged.config_index if logged else 0,
    )


def _see_claim(claim: ModelClaim) -> Volume:
    return Volume(
        claim.name,
        claim.pool,
        claim.ordinal,
        claim.uid,
        claim.label_member,
        claim.label_cluster,
        claim.bytes,
        claim.bytes,
        claim.retired_ms,
        claim.terminating,
        zone=claim.pool.partition("-")[2],
        lost=bool(claim.lost_since_ms),
        lost_since_ms=claim.lost_since_ms,
        expandable=True,
        is_log=claim.is_log,
        owned=claim.owned,
        tied_to=claim.tied_to,
    )
