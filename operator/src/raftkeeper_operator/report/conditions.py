"""Conditions and phase of a cluster: what a person, or an alert, goes by. Pure.

Each condition is judged by itself, from what is there; the plan only says what is being done about it.
Reasons come from `api.conditions`, so that each has its page in the runbook. A condition whose matter
cannot be seen without a leader is Unknown then, never what it was.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from raftkeeper_operator.api.conditions import ConditionType, Reason
from raftkeeper_operator.decide.facts import Facts, Seat, names, quorum
from raftkeeper_operator.decide.gate import LEADER_IS_NEW, change_blockers, disruption_blockers
from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.decide.quorum import evidence, majority_is_lost, refuse_foreign
from raftkeeper_operator.decide.rollout import LEADERLESS_PATIENCE_MS
from raftkeeper_operator.decide.skew import refuse_version
from raftkeeper_operator.decide.template import (
    because,
    held_up_pod,
    misfit,
    stalled_pod,
    target_revision,
)
from raftkeeper_operator.observe.ensemble import Ensemble
from raftkeeper_operator.observe.snapshot import Snapshot
from raftkeeper_operator.report.status import timestamp

C, R = ConditionType, Reason

NEARLY_FULL_PERCENT = 10
"""Less room than this on a volume is worth a word: a snapshot needs room beside the one before."""
LEARNER_STALLED_MS = 30 * 60_000
"""A snapshot of many gigabytes over a busy network takes minutes, not this long."""

Verdict: TypeAlias = tuple[str, str, str, str]
"""Type, status, reason and message of a condition."""
Judge: TypeAlias = Callable[[Facts], Verdict]


def judge(snapshot: Snapshot, plan: Plan) -> tuple[str, list[Verdict]]:
    """Phase and conditions."""
    facts = Facts(snapshot)
    verdicts = [_ready(facts, plan), _progressing(facts, plan)]
    return phase_of(facts), [*verdicts, *(judge_one(facts) for judge_one in JUDGES)]


def judge_unseen(message: str) -> list[Verdict]:
    """Of a cluster whose spec cannot be used: nobody has looked, so what was so is not known to be so."""
    found: list[Verdict] = [
        (C.SPEC_ACCEPTED.value, "False", R.SPEC_INVALID.value, message),
        (C.PROGRESSING.value, "True", R.BLOCKED.value, f"the spec cannot be used: {message}"),
    ]
    unseen = "nobody looks while the spec cannot be used; members run on as they were"
    kinds = (C.READY, *UNSEEN)
    return found + [(kind.value, "Unknown", R.SPEC_INVALID.value, unseen) for kind in kinds]


def merge_conditions(
    before: Sequence[Mapping[str, Any]], verdicts: Sequence[Verdict], generation: int, now_ms: int
) -> list[dict[str, Any]]:
    """As the status holds them: the time of a condition stays as long as its status does.

    Waking is a transition as well, or a cluster that slept for a week would seem leaderless for a week.
    """
    old = {item.get("type"): item for item in before}
    found = []
    for kind, status, reason, message in verdicts:
        last = old.get(kind, {})
        woken = last.get("reason") == R.HIBERNATED and reason != R.HIBERNATED
        same = last.get("status") == status and not woken
        since = last.get("lastTransitionTime") if same else None
        found.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": since or timestamp(now_ms),
                "observedGeneration": generation,
            }
        )
    return found


def phase_of(facts: Facts) -> str:
    """One word for the column; the conditions have the rest."""
    snapshot = facts.snapshot
    if snapshot.deleting:
        return "Deleting"
    if facts.desired.paused:
        return "Paused"
    if facts.desired.hibernate:
        return "Hibernated"
    if refuse_foreign(facts) is not None:
        return "Blocked"
    if snapshot.ensemble is None:
        return _phase_without_leader(facts)
    if set(facts.seated(snapshot.ensemble)) != set(facts.wanted):
        return "Scaling"
    if not all(facts.healthy(member) for member in snapshot.ensemble.members) and not _rolling(
        facts
    ):
        return "Repairing"
    return "Upgrading" if _rolling(facts) else "Running"


def _phase_without_leader(facts: Facts) -> str:
    if not facts.cluster_id:
        return "Bootstrapping" if facts.snapshot.pods else "Pending"
    lost = majority_is_lost(facts) or _leaderless_for_long(facts)
    return "QuorumLost" if lost else "Repairing"


def _leaderless_for_long(facts: Facts) -> bool:
    since_ms = facts.snapshot.remembered.leaderless_since_ms
    return bool(since_ms) and facts.snapshot.now_ms - since_ms >= LEADERLESS_PATIENCE_MS


def _rolling(facts: Facts) -> bool:
    target = target_revision(facts)
    return any(pod.revision != target for pod in facts.snapshot.pods)


# ---- conditions ------------------------------------------------------------------------------------


def _yes(kind: ConditionType, reason: Reason, message: str) -> Verdict:
    return kind.value, "True", reason.value, message


def _no(kind: ConditionType, reason: Reason, message: str) -> Verdict:
    return kind.value, "False", reason.value, message


def _unknown(kind: ConditionType, facts: Facts) -> Verdict:
    reason = R.NO_LEADER if facts.cluster_id else R.BOOTSTRAPPING
    if facts.desired.hibernate:
        reason = R.HIBERNATED
    return kind.value, "Unknown", reason.value, "nobody leads, so nobody can say"


def _ready(facts: Facts, plan: Plan) -> Verdict:
    ensemble = facts.snapshot.ensemble
    if facts.desired.hibernate:
        return _no(C.READY, R.HIBERNATED, "spec.hibernate is set; the volumes stay")
    if (foreign := refuse_foreign(facts)) is not None:
        return _no(C.READY, R.FOREIGN_ENSEMBLE, foreign.message)
    if ensemble is not None:
        leader = ensemble.member(ensemble.leader_id)
        where = f"{leader.pod} leads" if leader is not None else "a leader serves"
        well = facts.count_healthy(ensemble.voters)
        return _yes(
            C.READY,
            R.QUORUM_AVAILABLE,
            f"{where}; {well} of {len(ensemble.voters)} voters are well",
        )
    if not facts.cluster_id:
        return _no(C.READY, R.BOOTSTRAPPING, plan.message)
    lines = "; ".join(evidence(facts)) or "all voters answer"
    if majority_is_lost(facts) or _leaderless_for_long(facts):
        return _no(C.READY, R.QUORUM_LOST, lines)
    return _no(C.READY, R.NO_LEADER, lines)


def _progressing(facts: Facts, plan: Plan) -> Verdict:
    if facts.desired.paused:
        return _no(C.PROGRESSING, R.PAUSED, plan.message)
    if plan.action is not None:
        return _yes(C.PROGRESSING, R.WORKING, plan.message)
    if plan.idle or plan.reason == "Hibernated":
        return _no(C.PROGRESSING, R.SETTLED, plan.message)
    return _yes(C.PROGRESSING, R.BLOCKED, plan.message)


def _replicated(facts: Facts) -> Verdict:
    ensemble = facts.snapshot.ensemble
    kind = C.FULLY_REPLICATED
    if ensemble is None:
        return _unknown(kind, facts)
    down = [voter for voter in ensemble.voters if not voter.active or facts.pod_of(voter) is None]
    if down:
        return _no(kind, R.MEMBER_DOWN, f"not there: {names(down)}")
    behind = [voter for voter in ensemble.voters if not facts.healthy(voter)]
    if behind:
        return _no(kind, R.MEMBER_LAGGING, f"not caught up or not ready: {names(behind)}")
    return _yes(kind, R.ALL_CAUGHT_UP, f"all {len(ensemble.voters)} voters have what is committed")


def _size(facts: Facts) -> Verdict:
    ensemble = facts.snapshot.ensemble
    if ensemble is None:
        return _unknown(C.SIZE_ALIGNED, facts)
    seated = facts.seated(ensemble)
    missing = [seat.pod for seat in facts.wanted if seat not in seated]
    extra = sorted(seat.pod for seat in seated if seat not in facts.wanted)
    learners = [member for member in ensemble.members if not member.votes]
    for learner in learners:
        pod = facts.snapshot.pod(learner.pod)
        since_ms = pod.created_ms if pod is not None else 0
        if since_ms and facts.snapshot.now_ms - since_ms >= LEARNER_STALLED_MS:
            return _no(
                C.SIZE_ALIGNED,
                R.LEARNER_STALLED,
                f"member {learner.id} of {learner.pod} has {learner.match_index} of "
                f"{ensemble.commit_index} entries and does not catch up",
            )
    if missing or learners:
        joining = ", ".join([*(learner.pod for learner in learners), *missing])
        return _no(C.SIZE_ALIGNED, R.SCALING_UP, f"to be added: {joining}")
    if extra:
        return _no(C.SIZE_ALIGNED, R.SCALING_DOWN, f"to be removed: {', '.join(extra)}")
    return _yes(C.SIZE_ALIGNED, R.SIZE_REACHED, f"{len(ensemble.voters)} voters, as the spec asks")


def _upgraded(facts: Facts) -> Verdict:
    target = target_revision(facts)
    old = [pod.name for pod in facts.snapshot.pods if pod.revision != target]
    if target != facts.desired.revision:
        return _no(
            C.UPGRADED,
            R.ROLLED_BACK,
            f"revision {facts.desired.revision} did not come up{because(facts)}; {target} runs in "
            "its place",
        )
    if refusal := refuse_version(facts, target):
        return _no(C.UPGRADED, R.VERSION_SKEW, refusal.message)
    if (skewed := misfit(facts)) is not None:
        return _no(C.UPGRADED, R.VERSION_SKEW, f"{skewed[0].name}: {skewed[1]}")
    if (stalled := stalled_pod(facts)) is not None:
        trouble = stalled.trouble or facts.obstacle(stalled) or "it does not become ready"
        return _no(C.UPGRADED, R.UPGRADE_STALLED, f"{stalled.name}: {trouble}")
    held_up = held_up_pod(facts)
    tried = held_up is not None and target not in {facts.snapshot.revisions.good, ""}
    if held_up is not None and (old or tried):
        return _no(C.UPGRADED, R.POD_HELD_UP, f"{held_up.name}: {facts.obstacle(held_up)}")
    if old:
        return _no(C.UPGRADED, R.ROLLING_OUT, f"to be restarted: {', '.join(old)}")
    return _yes(C.UPGRADED, R.UP_TO_DATE, f"all pods run revision {target}")


def _disruption(facts: Facts) -> Verdict:
    ensemble = facts.snapshot.ensemble
    kind = C.DISRUPTION_ALLOWED
    if ensemble is None:
        return _unknown(kind, facts)
    if blockers := change_blockers(ensemble):
        return _no(kind, R.CHANGE_IN_PROGRESS, blockers[0])
    if len(ensemble.voters) < 3:
        return _no(
            kind, R.NO_SPARE_MEMBER, f"with {len(ensemble.voters)} voters none can be spared"
        )
    unwell = [voter for voter in ensemble.voters if not facts.healthy(voter)]
    if unwell:
        pods = [facts.pod_of(voter) for voter in unwell if voter.active]
        here = [pod for pod in pods if pod is not None and not pod.terminating]
        reason = R.MEMBER_LAGGING if len(here) == len(unwell) else R.MEMBER_DOWN
        return _no(kind, reason, f"not well: {names(unwell)}")
    # A new leader holds the operator back for some seconds, which is nothing to tell anybody.
    blockers = disruption_blockers(facts, ensemble, ensemble.voters[0])
    if others := [blocker for blocker in blockers if blocker != LEADER_IS_NEW]:
        return _no(kind, R.CHANGE_IN_PROGRESS, others[0])
    return _yes(kind, R.ONE_MAY_GO, "every voter is well, so one may go for a while")


def zone_voters(ensemble: Ensemble) -> dict[str, int]:
    """How many voters each zone holds; '' for those whose zone is not known."""
    zones = sorted({voter.zone for voter in ensemble.voters})
    return {zone: sum(voter.zone == zone for voter in ensemble.voters) for zone in zones}


def _zones(facts: Facts) -> Verdict:
    ensemble = facts.snapshot.ensemble
    kind = C.ZONE_FAULT_TOLERANT
    if ensemble is None:
        return _unknown(kind, facts)
    total = len(ensemble.voters)
    held = zone_voters(ensemble)
    fatal = [zone for zone, count in held.items() if total - count < quorum(total)]
    known = [zone for zone in held if zone]
    if not fatal and len(known) == len(held):
        return _yes(kind, R.ANY_ZONE_MAY_FAIL, f"any of {', '.join(known)} may fail")
    if len(known) < 3:
        where = ", ".join(known) or "no zone that is known"
        return _no(kind, R.TOO_FEW_ZONES, f"the {total} voters are in {where}; three are needed")
    losses = ", ".join(f"{zone or 'unknown'} ({held[zone]} of {total} voters)" for zone in fatal)
    return _no(kind, R.SKEWED, f"the quorum is lost if this zone fails: {losses or 'unknown'}")


def _storage(facts: Facts) -> Verdict:
    kind = C.STORAGE_HEALTHY
    snapshot = facts.snapshot
    lost = lost_disks(facts)
    if lost:
        return _no(kind, R.DISK_LOST, "; ".join(lost))
    nodes = [(pod, pod.node) for pod in snapshot.pods if pod.node is not None]
    if diverged := [f"{pod.name}: {node.diverged}" for pod, node in nodes if node.diverged]:
        return _no(kind, R.STATE_DIVERGED, "; ".join(diverged))
    if refused := [
        f"{pod.name}: {node.writes_refused}" for pod, node in nodes if node.writes_refused
    ]:
        return _no(kind, R.WRITES_REFUSED, "; ".join(refused))
    for volume in snapshot.volumes:
        if volume.resize_trouble:
            return _no(kind, R.RESIZE_FAILED, f"{volume.name}: {volume.resize_trouble}")
    for volume in snapshot.volumes:
        wanted_bytes = facts.wanted_bytes(volume)
        seat = Seat(volume.pool, volume.ordinal)
        if volume.retired_ms or facts.pod_at(seat) is None:
            continue
        if volume.requested_bytes < wanted_bytes and not volume.expandable:
            return _no(
                kind, R.RESIZE_FAILED, f"{volume.name}: its storage class does not let it grow"
            )
        if 0 < volume.capacity_bytes < max(wanted_bytes, volume.requested_bytes):
            return _no(kind, R.RESIZING, f"{volume.name} is growing")
    if full := nearly_full(facts):
        return _no(kind, R.NEARLY_FULL, "; ".join(full))
    return _yes(kind, R.VOLUMES_HEALTHY, "every member has its volume, with room on it")


def lost_disks(facts: Facts) -> list[str]:
    """Voters whose disk is gone, empty or damaged."""
    found = []
    ensemble = facts.snapshot.ensemble
    for voter in ensemble.voters if ensemble is not None else ():
        pod = facts.snapshot.pod(voter.pod)
        node = pod.node if pod is not None else None
        gone = [volume for volume in facts.volumes_at(Seat.of(voter.pod)) if volume.lost]
        if node is not None and node.damage:
            found.append(f"{voter.pod}: {node.damage}")
        elif facts.has_other_disk(voter):
            found.append(f"{voter.pod}: another disk than member {voter.id} had")
        elif gone:
            found.append(f"{voter.pod}: volume {gone[0].name} is lost")
    return found


def nearly_full(facts: Facts) -> list[str]:
    """Volumes with little room left."""
    found = []
    for pod in facts.snapshot.pods:
        if pod.node is None:
            continue
        for volume in facts.snapshot.volumes_of(pod.pool, pod.ordinal):
            free = pod.node.log_free_bytes if volume.is_log else pod.node.free_bytes
            if free >= 0 and free * 100 < volume.capacity_bytes * NEARLY_FULL_PERCENT:
                where = "its log" if volume.is_log else "its data"
                found.append(f"{pod.name} has {free >> 20} MiB left for {where}")
    return found


def _certificates(facts: Facts) -> Verdict:
    kind = C.CERTIFICATES_VALID
    now_ms = facts.snapshot.now_ms
    for certificate in facts.snapshot.certificates:
        if now_ms >= certificate.not_after_ms:
            return _no(kind, R.CERTIFICATE_EXPIRED, f"the one in {certificate.name} has expired")
    for certificate in facts.snapshot.certificates:
        if now_ms >= certificate.renew_ms or not certificate.covers_all:
            doing = (
                "is not renewed while spec.paused is set; it expires at"
                if facts.desired.paused
                else ("is being renewed; it would expire at")
            )
            expires = timestamp(certificate.not_after_ms)
            return _yes(kind, R.RENEWAL_DUE, f"the one in {certificate.name} {doing} {expires}")
    return _yes(kind, R.CERTIFICATES_CURRENT, "all certificates are good for a while")


def _recovery(facts: Facts) -> Verdict:
    kind = C.RECOVERY_REQUIRED
    lost = facts.snapshot.ensemble is None and bool(facts.cluster_id) and majority_is_lost(facts)
    if lost and not facts.desired.hibernate:
        return _yes(kind, R.MAJORITY_LOST, "; ".join(evidence(facts)))
    return _no(kind, R.NO_RECOVERY_NEEDED, "a majority is there, or can come back by itself")


UNSEEN = (
    C.FULLY_REPLICATED,
    C.SIZE_ALIGNED,
    C.UPGRADED,
    C.DISRUPTION_ALLOWED,
    C.ZONE_FAULT_TOLERANT,
    C.STORAGE_HEALTHY,
    C.CERTIFICATES_VALID,
    C.RECOVERY_REQUIRED,
)
"""What the judges below speak of."""
JUDGES: tuple[Judge, ...] = (
    _replicated,
    _size,
    _upgraded,
    _disruption,
    _zones,
    _storage,
    _certificates,
    _recovery,
)
