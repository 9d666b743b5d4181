"""Pictures of clusters for the tests of decisions: one that is all well, and small changes to it.

Ids, incarnations and UIDs are made from names, so that a test can say what it means.
"""

from dataclasses import replace
from typing import Any

from raftkeeper_operator.decide.facts import pool_sizes
from raftkeeper_operator.observe.desired import Desired
from raftkeeper_operator.observe.ensemble import Ensemble, Member, NodeStatus
from raftkeeper_operator.observe.snapshot import (
    Budget,
    Founding,
    Pod,
    Pool,
    Remembered,
    Revisions,
    Snapshot,
    Volume,
)

NOW = 1_000_000_000
LONG_AGO = NOW - 3_600_000
SUFFIX = ".x-members.ns.svc.cluster.local:2888"
GIB = 1 << 30
CLUSTER_ID = "c1"


def make_desired(**changes: Any) -> Desired:
    """Three members in one pool."""
    values = {"replicas": 3, "revision": "v1", "address_suffix": SUFFIX, "storage_bytes": GIB}
    return Desired(**(values | changes))


def make_member(member_id: int, pod: str, role: str = "voter", **changes: Any) -> Member:
    """One that is well, on the disk `life-<id>`."""
    values: dict[str, Any] = {
        "id": member_id,
        "role": role,
        "address": pod + SUFFIX,
        "incarnation": f"life-{member_id}",
        "caught_up": True,
        "active": True,
        "match_index": 100,
    }
    return Member(**(values | changes))


def make_node(member_id: int, **changes: Any) -> NodeStatus:
    """A member that serves."""
    values: dict[str, Any] = {
        "state": "member",
        "member_id": member_id,
        "cluster_id": CLUSTER_ID,
        "incarnation": f"life-{member_id}",
    }
    return NodeStatus(**(values | changes))


def make_waiting(life: str) -> NodeStatus:
    """An empty disk that waits to be added."""
    return NodeStatus(state="waiting", member_id=0, cluster_id="", incarnation=life)


def make_pod(name: str, node: NodeStatus | None, **changes: Any) -> Pod:
    """Ready since long ago, with the template v1."""
    pool, _, ordinal = name.rpartition("-")
    values: dict[str, Any] = {
        "name": name,
        "pool": pool,
        "ordinal": int(ordinal),
        "uid": f"uid-{name}",
        "revision": "v1",
        "created_ms": LONG_AGO,
        "running": True,
        "ready": True,
        "ready_since_ms": LONG_AGO,
        "node": node,
    }
    return Pod(**(values | changes))


def make_volume(pod: str, member_id: int, **changes: Any) -> Volume:
    """The bound volume of a pod."""
    pool, _, ordinal = pod.rpartition("-")
    values: dict[str, Any] = {
        "name": f"data-{pod}",
        "pool": pool,
        "ordinal": int(ordinal),
        "uid": f"uid-data-{pod}",
        "member_id": member_id,
        "cluster_id": CLUSTER_ID if member_id else "",
        "requested_bytes": GIB,
        "capacity_bytes": GIB,
        "expandable": True,
    }
    return Volume(**(values | changes))


def make_log(pod: str, member_id: int, **changes: Any) -> Volume:
    """The volume of its log alone."""
    values: dict[str, Any] = {"name": f"log-{pod}", "uid": f"uid-log-{pod}", "is_log": True}
    return make_volume(pod, member_id, **(values | changes))


def with_logs(snapshot: Snapshot) -> Snapshot:
    """Every member's log has a volume of its own."""
    logs = tuple(
        make_log(volume.name.removeprefix("data-"), volume.member_id) for volume in snapshot.volumes
    )
    pools = tuple(replace(pool, log_bytes=GIB) for pool in snapshot.pools)
    snapshot = replace(snapshot, volumes=(*snapshot.volumes, *logs), pools=pools)
    return want(snapshot, log_bytes=GIB)


def make_pool(name: str, replicas: int, **changes: Any) -> Pool:
    """A StatefulSet with the template v1."""
    values: dict[str, Any] = {
        "name": name,
        "zone": name.partition("-")[2],
        "uid": f"uid-{name}",
        "resource_version": f"rv-{name}",
        "replicas": replicas,
        "revision": "v1",
        "storage_bytes": GIB,
    }
    return Pool(**(values | changes))


def empty(**desired: Any) -> Snapshot:
    """Nothing is there yet."""
    return Snapshot(NOW, "uid-x", "x", "ns", 1, make_desired(**desired))


def well(**desired: Any) -> Snapshot:
    """A cluster named x in which all is as the spec has it; member 1 leads."""
    snapshot = empty(**desired)
    sizes = pool_sizes("x", snapshot.desired)
    pods = [f"{pool}-{ordinal}" for pool, size in sizes.items() for ordinal in range(size)]
    pods.sort(key=lambda pod: int(pod.rpartition("-")[2]))
    zones = {pool: pool.partition("-")[2] for pool in sizes}
    members = tuple(
        make_member(
            at,
            pod,
            "leader" if at == 1 else "voter",
            zone=zones[pod.rpartition("-")[0]],
        )
        for at, pod in enumerate(pods, 1)
    )
    ensemble = Ensemble(CLUSTER_ID, 7, 2, 100, 1, len(pods) + 1, False, False, members, LONG_AGO)
    return replace(
        snapshot,
        pools=tuple(make_pool(pool, size) for pool, size in sizes.items()),
        pods=tuple(make_pod(pod, make_node(at)) for at, pod in enumerate(pods, 1)),
        volumes=tuple(make_volume(pod, at) for at, pod in enumerate(pods, 1)),
        founding=Founding(False, "rv-founding", cluster_id=CLUSTER_ID),
        revisions=Revisions("v1", "", ("v1",)),
        budget=Budget(
            len(pods) - min(1, (len(pods) - 1) // 2) if len(pods) > 1 else 0, 1, "rv-budget"
        ),
        ensemble=ensemble,
        live_zones=frozenset(snapshot.desired.zones),
        remembered=Remembered(CLUSTER_ID, members=members),
    )


# ---- small changes ---------------------------------------------------------------------------------


def want(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """The spec is another."""
    return replace(snapshot, desired=replace(snapshot.desired, **changes))


def change_pod(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    pods = tuple(replace(p, **changes) if p.name == name else p for p in snapshot.pods)
    return replace(snapshot, pods=pods)


def change_node(snapshot: Snapshot, pod: str, **changes: Any) -> Snapshot:
    found = snapshot.pod(pod)
    assert found is not None
    assert found.node is not None
    return change_pod(snapshot, pod, node=replace(found.node, **changes))


def break_pod(snapshot: Snapshot, name: str, trouble: str = "CrashLoopBackOff") -> Snapshot:
    """Its container does not run, and the leader does not hear of it."""
    found = snapshot.pod(name)
    assert found is not None
    snapshot = change_pod(
        snapshot,
        name,
        running=False,
        ready=False,
        ready_since_ms=0,
        unready_since_ms=LONG_AGO,
        trouble=trouble,
        node=None,
    )
    if snapshot.ensemble is None:
        return snapshot
    for member in snapshot.ensemble.at(name):
        snapshot = change_member(snapshot, member.id, active=False, caught_up=False)
    return snapshot


def change_member(snapshot: Snapshot, member_id: int, **changes: Any) -> Snapshot:
    assert snapshot.ensemble is not None
    members = tuple(
        replace(m, **changes) if m.id == member_id else m for m in snapshot.ensemble.members
    )
    return change_ensemble(snapshot, members=members)


def change_ensemble(snapshot: Snapshot, **changes: Any) -> Snapshot:
    assert snapshot.ensemble is not None
    return replace(snapshot, ensemble=replace(snapshot.ensemble, **changes))


def add_member(snapshot: Snapshot, member: Member) -> Snapshot:
    assert snapshot.ensemble is not None
    return change_ensemble(snapshot, members=(*snapshot.ensemble.members, member))


def drop_member(snapshot: Snapshot, member_id: int) -> Snapshot:
    assert snapshot.ensemble is not None
    members = tuple(m for m in snapshot.ensemble.members if m.id != member_id)
    return change_ensemble(snapshot, members=members)


def add_pod(snapshot: Snapshot, pod: Pod) -> Snapshot:
    return replace(snapshot, pods=(*snapshot.pods, pod))


def drop_pod(snapshot: Snapshot, name: str) -> Snapshot:
    return replace(snapshot, pods=tuple(pod for pod in snapshot.pods if pod.name != name))


def add_volume(snapshot: Snapshot, volume: Volume) -> Snapshot:
    return replace(snapshot, volumes=(*snapshot.volumes, volume))


def change_volume(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    volumes = tuple(replace(v, **changes) if v.name == name else v for v in snapshot.volumes)
    return replace(snapshot, volumes=volumes)


def drop_volume(snapshot: Snapshot, name: str) -> Snapshot:
    return replace(snapshot, volumes=tuple(v for v in snapshot.volumes if v.name != name))


def change_pool(snapshot: Snapshot, name: str, **changes: Any) -> Snapshot:
    pools = tuple(replace(p, **changes) if p.name == name else p for p in snapshot.pools)
    return replace(snapshot, pools=pools)


def without_budget(snapshot: Snapshot) -> Snapshot:
    """No PodDisruptionBudget is wanted, so none follows the voters of the picture."""
    return replace(want(snapshot, pod_disruption_budget=False), budget=None)


def leaderless(snapshot: Snapshot, since_ms: int = LONG_AGO) -> Snapshot:
    """Nobody leads."""
    remembered = replace(snapshot.remembered, leaderless_since_ms=since_ms)
    return replace(snapshot, ensemble=None, remembered=remembered)
