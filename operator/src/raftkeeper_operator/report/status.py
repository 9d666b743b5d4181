"""The status of a cluster, from a look and the plan. For people: what is here is never taken for the truth.

Pure. Times stay what they were as long as what they are about does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import CLIENT_PORT, CLIENT_TLS_PORT, selector
from raftkeeper_operator.decide.facts import Facts, quorum
from raftkeeper_operator.decide.plan import Plan, Transfer
from raftkeeper_operator.decide.recovery import gather_evidence, propose_survivor
from raftkeeper_operator.decide.skew import level_in_use
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.fields import Object, part
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.snapshot import Pod, Snapshot
from raftkeeper_operator.observe.spec import TRANSFER_REQUEST

LAG_ENTRIES = 1_000
"""Behind the commit index by more than this a member counts as lagging: seconds of writes at most."""
REQUESTS_MAX = 16
RETIRED_MAX = 64
"""Retired volumes that are listed: the status is for reading."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step led to, beside what was seen."""

    plan: Plan
    refusal: str = ""
    """Why the plan's action was not carried out."""
    done: bool = False
    """It was."""


def build_status(seen: Observation, progress: Progress) -> Object:
    """All of it but conditions and phase."""
    snapshot, blueprint = seen.snapshot, seen.blueprint
    ensemble, before = snapshot.ensemble, part(seen.body, "status") or {}
    facts = Facts(snapshot)
    voters = ensemble.voters if ensemble is not None else ()
    ready = sum(_is_ready(snapshot, voter) for voter in voters)
    versions = sorted({pod.node.version for pod in snapshot.pods if pod.node} - {""})
    status: Object = {
        "observedGeneration": snapshot.generation,
        "ready": f"{ready}/{snapshot.desired.replicas}",
        "clusterId": facts.cluster_id or (ensemble.cluster_id if ensemble else ""),
        "version": versions[0] if versions else before.get("version"),
        "targetVersion": blueprint.target_version,
        "featureLevel": level_in_use(Facts(snapshot)) or None,
        "image": blueprint.image,
        "revision": snapshot.desired.revision,
        "selector": ",".join(f"{k}={v}" for k, v in sorted(selector(blueprint.name).items())),
        "readyReplicas": sum(pod.ready for pod in snapshot.pods),
        "updatedReplicas": sum(pod.revision == snapshot.desired.revision for pod in snapshot.pods),
        "plan": describe_plan(progress.plan, _refusals(seen, progress), before, snapshot.now_ms),
        "retiredVolumes": _retired(seen),
        "endpoints": _endpoints(seen),
        "requests": _requests(snapshot, progress, before),
        "recovery": _recovery(snapshot),
    }
    status |= _ensemble(snapshot, ensemble, before)
    return {key: value for key, value in status.items() if value not in (None, "", [], {})}


def _ensemble(snapshot: Snapshot, ensemble: Ensemble | None, before: Mapping[str, Any]) -> Object:
    """What the leader says; without one what was last heard, so that an outage can be read."""
    if ensemble is None:
        kept = ("configIndex", "term", "voters", "learners", "zonesSummary", "zones")
        found: Object = {key: before.get(key) for key in kept}
        found["members"] = [_silent(row, snapshot) for row in before.get("members") or []]
        return found
    leader = ensemble.member(ensemble.leader_id)
    zones = _zones(ensemble)
    seen = {row.get("id"): row.get("lastSeen") for row in before.get("members") or []}
    return {
        "configIndex": ensemble.config_index,
        "term": ensemble.term,
        "voters": len(ensemble.voters),
        "learners": len(ensemble.members) - len(ensemble.voters),
        "leader": _leader(leader, ensemble) if leader is not None else None,
        "members": [_member(snapshot, ensemble, member, seen) for member in ensemble.members],
        "zones": zones,
        "zonesSummary": " ".join(f"{zone['name']}:{zone['voters']}" for zone in zones),
    }


def _leader(leader: Member, ensemble: Ensemble) -> Object:
    found = {"id": leader.id, "pod": leader.pod, "since": timestamp(ensemble.leader_since_ms)}
    return found | ({"zone": leader.zone} if leader.zone else {})


def _member(
    snapshot: Snapshot, ensemble: Ensemble, member: Member, seen: Mapping[Any, Any]
) -> Object:
    pod = _pod_of(snapshot, member)
    node = pod.node if pod is not None else None
    role = "leader" if member.id == ensemble.leader_id else member.role
    row: Object = {
        "id": member.id,
        "pod": member.pod,
        "zone": member.zone,
        "role": "follower" if role == "voter" else role,
        "state": _state(snapshot, ensemble, member),
        "version": node.version if node else None,
        "matchIndex": member.match_index,
        "lag": max(0, ensemble.commit_index - member.match_index),
        "clients": node.clients if node else None,
        "revision": pod.revision if pod else None,
        "incarnation": member.incarnation,
    }
    if not member.active:
        heard_ms = snapshot.now_ms - member.last_contact_ms
        row["lastSeen"] = seen.get(member.id) or timestamp(heard_ms)
    return {key: value for key, value in row.items() if value not in (None, "")}


def _state(snapshot: Snapshot, ensemble: Ensemble, member: Member) -> str:
    if member.role == "outgoing":
        return "Retiring"
    pod = snapshot.pod(member.pod)
    if pod is not None and pod.node is not None:
        other_life = pod.node.incarnation not in {"", member.incarnation}
        if pod.node.damage or other_life:
            return "DiskLost"
        if pod.node.draining:
            return "Retiring"
    if not member.votes:
        return "Joining"
    if not member.active or pod is None or pod.node is None:
        return "Unreachable"
    behind = ensemble.commit_index - member.match_index > LAG_ENTRIES
    return "Lagging" if behind or not member.caught_up else "Healthy"


def _silent(row: Mapping[str, Any], snapshot: Snapshot) -> Object:
    """A member as it was last known, with what can be seen of it without a leader."""
    pod = snapshot.pod(str(row.get("pod") or ""))
    seen = pod is not None and pod.node is not None
    kept = {key: value for key, value in row.items() if key not in {"lag", "clients"}}
    role = "follower" if row.get("role") == "leader" else row.get("role")
    return {**kept, "role": role, "state": row.get("state") if seen else "Unreachable"}


def _zones(ensemble: Ensemble) -> list[Object]:
    names = sorted({voter.zone for voter in ensemble.voters if voter.zone})
    total = len(ensemble.voters)
    found = []
    for name in names:
        here = sum(voter.zone == name for voter in ensemble.voters)
        found.append({"name": name, "voters": here, "canLose": total - here >= quorum(total)})
    return found


def _refusals(seen: Observation, progress: Progress) -> list[str]:
    """What was refused just now, and what is left out of the decisions because it was again and again."""
    now = [progress.refusal] if progress.refusal else []
    return [*now, *(one.message for one in seen.snapshot.refused)]


def describe_plan(
    plan: Plan, refusals: Sequence[str], before: Mapping[str, Any], now_ms: int
) -> Object:
    """`before` is the status of last time: the plan is the same since when it was the same."""
    blockers = list(dict.fromkeys([*plan.blocked_by, *refusals]))
    found: Object = {
        "action": plan.name if plan.action is not None else None,
        "target": plan.target,
        "reason": plan.reason,
        "message": plan.message,
        "blockedBy": blockers,
    }
    found = {key: value for key, value in found.items() if value not in (None, "", [])}
    old = dict(before.get("plan") or {})
    same = all(old.get(key) == found.get(key) for key in ("action", "target", "reason"))
    found["since"] = old.get("since") if same and old.get("since") else timestamp(now_ms)
    return found


def _retired(seen: Observation) -> list[Object]:
    found = []
    for volume in seen.snapshot.volumes:
        if not volume.retired_ms:
            continue
        row: Object = {"claim": volume.name, "retiredAt": timestamp(volume.retired_ms)}
        if volume.member_id:
            row["memberId"] = volume.member_id
        retention = seen.blueprint.spec.storage.retention
        if retention.when_scaled == "Quarantine":
            row["deleteAfter"] = timestamp(volume.retired_ms + retention.quarantine_for_ms)
        found.append(row)
    return found[:RETIRED_MAX]


def _endpoints(seen: Observation) -> Object:
    blueprint, names = seen.blueprint, seen.blueprint.names
    members = seen.snapshot.ensemble.members if seen.snapshot.ensemble else ()
    ports = blueprint.client_ports
    hosts = [names.pod_host(member.pod) for member in members if member.votes]
    found: Object = {"members": [f"{host}:{ports[0]}" for host in sorted(hosts)]}
    if CLIENT_PORT in ports:
        found["client"] = names.connection_string()
    if CLIENT_TLS_PORT in ports:
        found["clientTls"] = names.connection_string(CLIENT_TLS_PORT)
    return found


def _requests(snapshot: Snapshot, progress: Progress, before: Mapping[str, Any]) -> list[Object]:
    """What was asked for by annotation; each token is answered once."""
    rows = {str(row.get("name")): dict(row) for row in before.get("requests") or []}
    action = progress.plan.action
    if isinstance(action, Transfer) and action.token and progress.done:
        rows[TRANSFER_REQUEST] = {
            "name": TRANSFER_REQUEST,
            "token": action.token,
            "outcome": progress.plan.message,
            "at": timestamp(snapshot.now_ms),
        }
    return [rows[name] for name in sorted(rows)][:REQUESTS_MAX]


def _recovery(snapshot: Snapshot) -> Object:
    """Who knows most, when a majority is lost: what a person needs to decide."""
    facts = Facts(snapshot)
    epoch, survivor = facts.recovered_epoch, propose_survivor(facts)
    found: Object = {"observedEpoch": epoch} if epoch else {}
    if facts.order is not None:
        found["order"] = facts.order.text
    if survivor:
        found["proposedSurvivor"] = survivor
        found["evidence"] = [
            {
                "pod": one.pod,
                "memberId": one.member_id,
                "term": one.term,
                "lastIndex": one.last_index,
                "reachable": one.reachable,
            }
            for one in gather_evidence(facts)
        ]
    return found


def _is_ready(snapshot: Snapshot, member: Member) -> bool:
    pod = _pod_of(snapshot, member)
    return pod is not None and pod.ready


def _pod_of(snapshot: Snapshot, member: Member) -> Pod | None:
    """The pod that runs this member, not one with another disk at its place."""
    pod = snapshot.pod(member.pod)
    if pod is None or pod.node is None or pod.node.member_id != member.id:
        return None
    return pod


def timestamp(milliseconds: int) -> str:
    """As Kubernetes writes times."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["Progress", "build_status", "labels", "timestamp"]
