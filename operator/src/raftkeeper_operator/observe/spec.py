"""The spec as decisions need it, what the status remembers, and what was asked for by annotation."""

from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.api.names import Names
from raftkeeper_operator.api.scalars import parse_quantity
from raftkeeper_operator.observe.desired import (
    Desired,
    ForceQuorum,
    OnFailure,
    Strategy,
    WhenScaled,
)
from raftkeeper_operator.observe.ensemble import Member
from raftkeeper_operator.observe.fields import Object, annotation, condition, milliseconds, part
from raftkeeper_operator.observe.snapshot import RecoveryOrder, Remembered, TransferRequest

LEADERLESS_REASONS = frozenset({"Bootstrapping", "NoLeader", "QuorumLost"})
"""Reasons of the condition Ready with which nobody leads."""
TRANSFER_REQUEST = labels.TRANSFER_LEADER.rpartition("/")[2]


def read_desired(spec: ClusterSpec, names: Names, *, revision: str, version: str) -> Desired:
    """Durations become milliseconds, sizes bytes."""
    storage, upgrade, disruption = spec.storage, spec.upgrade, spec.disruption
    force = spec.recovery.force_quorum
    return Desired(
        replicas=spec.replicas,
        revision=revision,
        address_suffix=names.peer_address(""),
        version=version,
        zones=tuple(spec.placement.zones),
        leader_zones=tuple(spec.placement.leader_zones),
        paused=spec.paused,
        hibernate=spec.hibernate,
        storage_bytes=parse_quantity(storage.data.size),
        log_bytes=parse_quantity(storage.log.size) if storage.log is not None else 0,
        when_scaled=WhenScaled(storage.retention.when_scaled),
        quarantine_ttl_ms=storage.retention.quarantine_for_ms,
        delete_volumes=storage.retention.when_deleted == "Delete",
        strategy=Strategy(upgrade.strategy),
        on_failure=OnFailure(upgrade.on_failure),
        min_healthy_ms=upgrade.min_healthy_seconds * 1000,
        progress_deadline_ms=upgrade.progress_deadline_ms,
        pod_disruption_budget=disruption.pod_disruption_budget,
        allow_single_node_drain=disruption.allow_single_node_drain,
        replace_after_ms=disruption.replace_after_ms,
        restore=spec.bootstrap.restore is not None,
        force_quorum=ForceQuorum(
            force.epoch,
            "" if force.survivor == "Auto" else force.survivor,
            force.acknowledge_data_loss,
        )
        if force.epoch
        else None,
    )


def read_remembered(body: Mapping[str, Any], names: Names) -> Remembered:
    """From the status of last time. Whatever is missing or odd there is not remembered."""
    status = part(body, "status") or {}
    ready = condition(body, "Ready")
    leaderless = ready.get("status") != "True" and ready.get("reason") in LEADERLESS_REASONS
    return Remembered(
        cluster_id=str(status.get("clusterId") or ""),
        leaderless_since_ms=milliseconds(ready.get("lastTransitionTime")) if leaderless else 0,
        members=tuple(_read_member(row, names) for row in status.get("members") or []),
        recovery_epoch=int(part(status, "recovery", "observedEpoch") or 0),
        order=RecoveryOrder.parse(str(part(status, "recovery", "order") or "")),
        plan_reason=str(part(status, "plan", "reason") or ""),
        plan_since_ms=milliseconds(part(status, "plan", "since")),
        feature_level=int(status.get("featureLevel") or 0),
    )


def _read_member(row: Object, names: Names) -> Member:
    role = str(row.get("role") or "")
    return Member(
        id=int(row.get("id") or 0),
        role="voter" if role == "follower" else role,
        address=names.peer_address(str(row.get("pod") or "")),
        incarnation=str(row.get("incarnation") or ""),
        zone=str(row.get("zone") or ""),
        match_index=int(row.get("matchIndex") or 0),
    )


def read_transfer_request(
    body: Mapping[str, Any], members: Mapping[str, str]
) -> TransferRequest | None:
    """`<token>`, or `<token>/<pod or member id>`; None when it was answered already.

    `members` gives the pod of a member's id.
    """
    token, _, wished = annotation(body, labels.TRANSFER_LEADER).partition("/")
    if not token:
        return None
    answered = part(body, "status", "requests") or []
    if any(row.get("name") == TRANSFER_REQUEST and row.get("token") == token for row in answered):
        return None
    return TransferRequest(token, members.get(wished, wished))
