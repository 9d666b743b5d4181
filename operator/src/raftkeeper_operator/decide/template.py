"""Which template the pools have: the wanted one, or the last good one after a rollback.

A StatefulSet's template touches no pod (OnDelete); who is restarted when is the rollout's business.
"""

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import (
    Plan,
    RecordGood,
    RejectRevision,
    SetTemplate,
    act,
    wait,
)
from raftkeeper_operator.decide.resources import why_unprepared
from raftkeeper_operator.decide.skew import level_in_use, refuse_version, skewed_pod
from raftkeeper_operator.observe.desired import OnFailure, Strategy
from raftkeeper_operator.observe.snapshot import Pod

HELD_UP_PATIENCE_MS = 30_000
"""Volumes are attached and networks set up within seconds; before this nobody needs to hear of it."""


def target_revision(facts: Facts) -> str:
    """What all pods shall have in the end: what the spec asks for, unless it was rolled back."""
    return facts.snapshot.revisions.target(facts.desired.revision)


def settled_ms(facts: Facts, pod: Pod) -> int:
    """How long a pod has been well; -1 when it is not."""
    if not pod.ready or pod.terminating:
        return -1
    return facts.snapshot.now_ms - pod.ready_since_ms


def record_good(facts: Facts) -> Plan | None:
    """All pods run well with one revision: from now on a rollback leads to it."""
    snapshot = facts.snapshot
    revisions = snapshot.revisions
    in_use = {pool.revision for pool in snapshot.pools} | {pod.revision for pod in snapshot.pods}
    if len(in_use) != 1 or snapshot.ensemble is None or not snapshot.pods:
        return None
    revision = in_use.pop()
    wanted = {seat.pod for seat in facts.wanted} - {pod.name for pod in snapshot.pods}
    if wanted or any(settled_ms(facts, p) < facts.desired.min_healthy_ms for p in snapshot.pods):
        return None
    rejected = revisions.rejected if revisions.rejected == facts.desired.revision else ""
    superfluous = set(revisions.known) - {revision, rejected, facts.desired.revision}
    level = min(pod.node.feature_level if pod.node else 0 for pod in snapshot.pods)
    as_recorded = (revisions.good, revisions.rejected, revisions.good_level)
    unkept = revision == facts.desired.revision and revision not in revisions.known
    if as_recorded == (revision, rejected, level) and not superfluous and not unkept:
        return None
    return act(
        RecordGood(revision, rejected, level, revisions.resource_version),
        "RecordingRevision",
        f"all {len(snapshot.pods)} pods run well with revision {revision}",
    )


def stalled_pod(facts: Facts) -> Pod | None:
    """A pod that should have come up with the new template by now."""
    target = target_revision(facts)
    if facts.snapshot.revisions.good == target:
        return None
    # Nobody is ready without a leader, and nobody at once when there is one again.
    ensemble = facts.snapshot.ensemble
    led_since_ms = ensemble.leader_since_ms if ensemble is not None else 0
    for pod in facts.snapshot.pods:
        if pod.revision != target or pod.ready or pod.terminating or _is_excused(facts, pod):
            continue
        since_ms = max(pod.created_ms, pod.unready_since_ms, pod.tried_since_ms, led_since_ms)
        if facts.snapshot.now_ms - since_ms >= facts.desired.progress_deadline_ms:
            return pod
    return None


def _is_excused(facts: Facts, pod: Pod) -> bool:
    """That it is not ready is not the template's doing.

    An empty disk that waits to be added has come up, and a learner is ready when it has caught up, which is
    a matter of how much there is (one that then does not become ready gets no vote, and is told). One that is
    drained is to be unready, and one whose member was removed is nobody. So is one that found a former one's
    damaged disk: that will be wiped. A pod that no node takes or can start has not been tried, unless the
    template asks other things of nodes than the good one. One that runs cannot be ready without a leader,
    unless it is the only voter.
    """
    snapshot, ensemble, node = facts.snapshot, facts.snapshot.ensemble, pod.node
    if node is not None and (node.state == "waiting" or node.draining):
        return True
    if node is not None and node.member_id and ensemble is not None:
        member = ensemble.member(node.member_id)
        if member is None or not member.votes:
            return True
    if node is not None and node.damage and ensemble is not None and not ensemble.at(pod.name):
        return True
    if facts.obstacle(pod) and pod.revision not in snapshot.revisions.choosy:
        return True
    voters = {member.pod for member in snapshot.remembered.members if member.votes}
    return pod.running and ensemble is None and voters != {pod.name}


def roll_back(facts: Facts) -> Plan | None:
    """A new template that does not come up is given up for the last good one, or waits for a person."""
    if (skewed := misfit(facts)) is not None:
        return _give_up(facts, *skewed, "VersionSkew", "must not work beside the others")
    pod = stalled_pod(facts)
    if pod is None:
        return None
    trouble = pod.trouble or facts.obstacle(pod) or (pod.node.reason if pod.node else "")
    trouble = trouble or "it does not become ready"
    return _give_up(facts, pod, trouble, "UpgradeStalled", "does not come up")


def misfit(facts: Facts) -> tuple[Pod, str] | None:
    """A pod that has the new template, and whose release must not meet the others; and why."""
    target = target_revision(facts)
    if facts.snapshot.revisions.good == target:
        return None
    return skewed_pod(facts, target)


def _give_up(facts: Facts, pod: Pod, trouble: str, reason: str, what: str) -> Plan:
    revisions, used = facts.snapshot.revisions, level_in_use(facts)
    outrun = 0 < revisions.good_level < used
    known = bool(revisions.good) and revisions.good in revisions.known
    if facts.desired.on_failure is OnFailure.ROLLBACK and known and not outrun:
        return act(
            RejectRevision(
                facts.desired.revision, f"{pod.name}: {trouble}", revisions.resource_version
            ),
            "RollingBack",
            f"{pod.name} {what} with revision {pod.revision} ({trouble}); back to {revisions.good}",
            pod.name,
        )
    why = "onFailure is Pause" if known else "no earlier revision is known to be good"
    if known and outrun:
        why = (
            f"{revisions.good} cannot be gone back to: it reads feature level "
            f"{revisions.good_level}, and level {used} is in use"
        )
    return wait(
        reason,
        f"{pod.name} {what} with revision {pod.revision} ({trouble}); {why}: "
        "change the spec to go on",
        f"{pod.name}: {trouble}",
        target=pod.name,
    )


def held_up_pod(facts: Facts) -> Pod | None:
    """A pod that is wanted and that Kubernetes does not bring to run, whatever its template."""
    wanted = {seat.pod for seat in (*facts.homes, *facts.wanted)}
    for pod in facts.snapshot.pods:
        if pod.ready or pod.terminating or pod.name not in wanted:
            continue
        age_ms = facts.snapshot.now_ms - max(pod.created_ms, pod.unready_since_ms)
        if pod.unschedulable or (pod.held_up and age_ms >= HELD_UP_PATIENCE_MS):
            return pod
    return None


def explain_held_up(facts: Facts) -> Plan | None:
    """Nobody but Kubernetes, or a person, can help: the deadline of a rollout stands still meanwhile."""
    pod = held_up_pod(facts)
    if pod is None:
        return None
    obstacle = facts.obstacle(pod)
    return wait(
        "PodUnschedulable" if pod.unschedulable else "PodHeldUp",
        f"{pod.name} cannot run: {obstacle}",
        f"{pod.name}: {obstacle}",
        target=pod.name,
    )


def explain_rollback(facts: Facts) -> Plan | None:
    """A rollback stays until the spec asks for something else."""
    good = target_revision(facts)
    if good == facts.desired.revision:
        return None
    return wait(
        "RolledBack",
        f"revision {facts.desired.revision} did not come up{because(facts)}, and {good} runs in "
        "its place; change the spec to try again",
    )


def because(facts: Facts) -> str:
    """Why a revision was rejected, in brackets; '' when that was not written down."""
    why = facts.snapshot.revisions.why_rejected
    return f" ({why})" if why else ""


def set_templates(facts: Facts) -> Plan | None:
    """Every pool gets the target's template before any pod is restarted for it."""
    target = target_revision(facts)
    outdated = [p for p in facts.snapshot.pools if p.revision != target and not p.deleting]
    if not outdated:
        return None
    if facts.desired.strategy is Strategy.PAUSED:
        return wait("UpgradePaused", f"revision {target} waits: upgrade.strategy is Paused")
    if refusal := refuse_version(facts, target):
        return refusal
    if why := why_unprepared(facts):
        return wait("ObjectMissing", f"revision {target} waits: {why}")
    return facts.first_possible(
        act(
            SetTemplate(pool.name, target, pool.resource_version),
            "SettingTemplate",
            f"{pool.name} gets the template of revision {target}; its pods follow one by one",
            pool.name,
        )
        for pool in outdated
    )
