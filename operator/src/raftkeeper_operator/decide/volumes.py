"""Volumes of members that are gone: kept for a while, deleted by the policy. Volumes in use: grown.

A volume is touched only when the leader's membership names neither its member nor its seat. Without a
leader nothing is known to be free.
"""

from collections.abc import Iterator

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import (
    DeletePool,
    DeleteVolume,
    GrowVolume,
    OrphanPool,
    Plan,
    RetireVolume,
    act,
    wait,
)
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.ensemble import Ensemble
from raftkeeper_operator.observe.snapshot import Volume


def retire_volumes(facts: Facts) -> Plan | None:
    """A volume without a pod, a member and a pool that would mount it."""
    ensemble = facts.settled
    return facts.first_possible(_retirements(facts, ensemble)) if ensemble is not None else None


def _retirements(facts: Facts, ensemble: Ensemble) -> Iterator[Plan]:
    for volume in facts.snapshot.volumes:
        seat = Seat(volume.pool, volume.ordinal)
        pool = facts.snapshot.pool(seat.pool)
        in_use = facts.pod_at(seat) is not None or (pool and pool.replicas > seat.ordinal)
        if volume.terminating or in_use or not facts.volume_is_free(volume, ensemble):
            continue
        if plan := _by_policy(facts, volume):
            yield plan


def _by_policy(facts: Facts, volume: Volume) -> Plan | None:
    policy = facts.desired.when_scaled
    age_ms = facts.snapshot.now_ms - volume.retired_ms
    over = volume.retired_ms and age_ms >= facts.desired.quarantine_ttl_ms
    if policy is WhenScaled.DELETE or (policy is WhenScaled.QUARANTINE and over):
        return act(
            DeleteVolume(volume.name, volume.uid),
            "DeletingVolume",
            f"volume {volume.name} holds no member any more, and the policy is {policy}",
            volume.name,
        )
    if volume.retired_ms:
        return None
    return act(
        RetireVolume(volume.name, volume.uid),
        "RetiringVolume",
        f"volume {volume.name} holds no member any more; the policy is {policy}",
        volume.name,
    )


def delete_empty_pools(facts: Facts) -> Plan | None:
    """The StatefulSet of a zone that was left."""
    ensemble = facts.settled
    return facts.first_possible(_empty_pools(facts, ensemble)) if ensemble is not None else None


def _empty_pools(facts: Facts, ensemble: Ensemble) -> Iterator[Plan]:
    inhabited = {seat.pool for seat in facts.seated(ensemble)}
    for pool in facts.snapshot.pools:
        if pool.name in facts.sizes or pool.name in inhabited or pool.replicas or pool.deleting:
            continue
        if any(pod.pool == pool.name for pod in facts.snapshot.pods):
            continue
        yield act(
            DeletePool(pool.name, pool.uid, pool.resource_version),
            "DeletingPool",
            f"zone {pool.zone or 'of none'} is no longer in the spec, and {pool.name} is empty",
            pool.name,
        )


def grow_volumes(facts: Facts) -> Plan | None:
    """All claims first, online; then the pools, so that members to come get the new size."""
    in_use = [
        volume
        for volume in facts.snapshot.volumes
        if facts.pod_at(Seat(volume.pool, volume.ordinal)) and not volume.terminating
    ]
    plan = facts.first_possible(
        _grow(volume, facts.wanted_bytes(volume))
        for volume in in_use
        if volume.requested_bytes < facts.wanted_bytes(volume)
    )
    if plan is not None:
        return plan
    for volume in in_use:
        if volume.capacity_bytes and volume.capacity_bytes < volume.requested_bytes:
            trouble = volume.resize_trouble or "the storage is at work"
            return wait(
                "VolumeResizing",
                f"volume {volume.name} is growing to {volume.requested_bytes} bytes: {trouble}",
                target=volume.name,
            )
    return _recreate_pools(facts)


def _grow(volume: Volume, size: int) -> Plan:
    if not volume.expandable:
        return wait(
            "StorageNotExpandable",
            f"volume {volume.name} is to grow, and its storage class does not allow it "
            "(allowVolumeExpansion): allow it there if the storage can. "
            f"storage.{'log' if volume.is_log else 'data'}.size cannot be set back; if the storage cannot, "
            "everything else goes on as before, and larger volumes need a backup and a new cluster",
            target=volume.name,
        )
    return act(
        GrowVolume(volume.name, volume.uid, size),
        "GrowingVolume",
        f"volume {volume.name} grows from {volume.requested_bytes} to {size} bytes",
        volume.name,
    )


def _recreate_pools(facts: Facts) -> Plan | None:
    """A volume claim template cannot be changed. While its pool is away a pod would not come back, so
    all of them must be there and well.
    """
    for pool in facts.snapshot.pools:
        large = pool.storage_bytes >= facts.desired.storage_bytes
        if (large and pool.log_bytes >= facts.desired.log_bytes) or pool.deleting:
            continue
        seats = [Seat(pool.name, ordinal) for ordinal in range(pool.replicas)]
        pods = [facts.pod_at(seat) for seat in seats]
        if not all(pod and pod.ready and not pod.terminating for pod in pods):
            return wait(
                "PodNotReady",
                f"StatefulSet {pool.name} is made anew for larger volumes once its pods are ready",
                target=pool.name,
            )
        return act(
            OrphanPool(pool.name, pool.uid),
            "RecreatingPool",
            f"StatefulSet {pool.name} is made anew for larger volumes; its pods stay",
            pool.name,
        )
    return None
