"""Pods with an old template are restarted, one at a time: the broken ones, the followers, the leader last.

The order is found anew at every step, because leadership may move by itself. A pod that serves nobody
needs no majority's leave; everyone else goes through the gate and the Eviction API.
"""

from collections.abc import Sequence

from raftkeeper_operator.decide.facts import Facts, quorum
from raftkeeper_operator.decide.gate import change_blockers, disruption_blockers
from raftkeeper_operator.decide.leadership import best_successor, stays
from raftkeeper_operator.decide.plan import DeletePod, Evict, Plan, Transfer, act, wait
from raftkeeper_operator.decide.resources import why_unprepared
from raftkeeper_operator.decide.skew import refuse_version
from raftkeeper_operator.decide.template import misfit, settled_ms, target_revision
from raftkeeper_operator.observe.desired import Strategy
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.snapshot import Pod

LEADERLESS_PATIENCE_MS = 60_000
"""Without a leader for this long and nobody ready, a restart takes nothing away from anyone. Elections
and a slow start are over well before."""


def roll_out(facts: Facts) -> Plan | None:
    """One step of the rollout."""
    target = target_revision(facts)
    pools = {pool.name: pool.revision for pool in facts.snapshot.pools}
    outdated = [pod for pod in facts.snapshot.pods if pod.revision != target == pools.get(pod.pool)]
    if not outdated:
        return None
    if facts.desired.strategy is not Strategy.AUTO:
        names = ", ".join(pod.name for pod in outdated)
        return wait(
            "UpgradePaused",
            f"{names} have an old template, and upgrade.strategy is {facts.desired.strategy}",
        )
    if refusal := refuse_version(facts, target):
        return refusal
    if why := why_unprepared(facts):
        return wait("ObjectMissing", f"no pod is restarted: {why}")
    if facts.terminating is not None:
        return wait("PodStopping", f"{facts.terminating.name} is stopping")
    ensemble = facts.snapshot.ensemble
    if ensemble is None:
        return _without_leader(facts, outdated, target)
    if (skewed := misfit(facts)) is not None:
        pod, why = skewed
        return wait("VersionSkew", f"no other pod is restarted: {pod.name}: {why}", target=pod.name)
    return _with_leader(facts, ensemble, outdated, target)


# ---- no leader -------------------------------------------------------------------------------------


def _without_leader(facts: Facts, outdated: list[Pod], target: str) -> Plan | None:
    """What does not run may be replaced, one after the other; what runs, only when nobody can lose by it."""
    for pod in facts.snapshot.pods:
        young = facts.snapshot.now_ms - pod.created_ms < facts.desired.progress_deadline_ms
        if pod.revision == target and not pod.running and young:
            return wait("WaitingForPod", f"{pod.name} is starting", target=pod.name)
    for pod in outdated:
        if not pod.running:
            return _replace_broken(pod, "it does not run")
    since_ms = facts.snapshot.remembered.leaderless_since_ms
    nobody_ready = not any(pod.ready for pod in facts.snapshot.pods)
    patient = since_ms and facts.snapshot.now_ms - since_ms >= LEADERLESS_PATIENCE_MS
    if nobody_ready and patient:
        return _replace_broken(outdated[0], "nobody leads and no pod is ready, so nobody can lose")
    return None


def _replace_broken(pod: Pod, why: str) -> Plan:
    return act(
        DeletePod(pod.name, pod.uid),
        "ReplacingBrokenPod",
        f"{pod.name} gets the new template: {why}" + (f" ({pod.trouble})" if pod.trouble else ""),
        pod.name,
    )


# ---- with a leader ---------------------------------------------------------------------------------


def _with_leader(facts: Facts, ensemble: Ensemble, outdated: list[Pod], target: str) -> Plan:
    if unsettled := _unsettled(facts, ensemble, target):
        return wait(
            "WaitingForPod",
            f"{unsettled.name} was restarted and must be well for "
            f"{facts.desired.min_healthy_ms // 1000} s before the next one is restarted",
            f"{unsettled.name} must be well",
            target=unsettled.name,
            recheck_ms=1_000,
        )
    if broken := [pod for pod in outdated if _is_broken(ensemble, pod)]:
        why = "it does not run" if not broken[0].running else "it is no member"
        return _replace_broken(broken[0], why)
    by_pod = [(pod, member) for pod in outdated if (member := _member_of(ensemble, pod))]
    if not by_pod:
        why = "a change of the membership is not committed"
        return _blocked(outdated[0], (why,))
    unwell = [(pod, member) for pod, member in by_pod if not facts.healthy(member)]
    if unwell:
        return _restart_unwell(facts, ensemble, *unwell[0])
    followers = [(pod, member) for pod, member in by_pod if member.id != ensemble.leader_id]
    if followers:
        return _restart_follower(facts, ensemble, followers)
    return _restart_leader(facts, ensemble, *by_pod[0], target)


def _is_broken(ensemble: Ensemble, pod: Pod) -> bool:
    """Nobody loses by its going. What the leader hears runs, whatever an old picture of the pod says.

    One that was removed is a member until that is committed: its vote may be needed for it.
    """
    member = _member_of(ensemble, pod)
    if member is None:
        return ensemble.settled
    return not (pod.running or member.active)


def _unsettled(facts: Facts, ensemble: Ensemble, target: str) -> Pod | None:
    """A pod that was restarted and is not back for long enough. Nodes that wait to be added are back.

    One with an older template counts while it has just come back: what was wanted may have changed since.
    One that is drained was well before, and is not ready because it was asked not to be.
    """
    for pod in facts.snapshot.pods:
        drained = pod.node is not None and pod.node.draining and not pod.ready
        settled = drained or settled_ms(facts, pod) >= facts.desired.min_healthy_ms
        if pod.revision != target and (settled or not pod.ready):
            continue
        member = _member_of(ensemble, pod)
        if member is None:
            continue
        if not settled or not facts.healthy(member):
            return pod
    return None


def _member_of(ensemble: Ensemble, pod: Pod) -> Member | None:
    """By the pod's own word; before it has said it, by its place."""
    if pod.node is not None and pod.node.state != "starting":
        return ensemble.member(pod.node.member_id)
    return next(iter(ensemble.at(pod.name)), None)


def _restart_unwell(facts: Facts, ensemble: Ensemble, pod: Pod, member: Member) -> Plan:
    """It runs without being well, and may still vote: the others must be a majority without it."""
    blockers = list(change_blockers(ensemble))
    others = [voter for voter in ensemble.voters if voter != member]
    if member.votes and facts.count_healthy(others) < quorum(len(ensemble.voters)):
        blockers.append("the others are no majority without it")
    if blockers:
        return wait(
            "DisruptionBlocked",
            f"{pod.name} is not well and has an old template, but {blockers[0]}",
            *blockers,
            target=pod.name,
        )
    if member.id == ensemble.leader_id and others:
        return hand_over(facts, ensemble, pod, member, others)
    return act(
        Evict(pod.name, pod.uid),
        "RestartingPod",
        f"{pod.name} is not well and gets the new template first",
        pod.name,
    )


def _restart_follower(
    facts: Facts, ensemble: Ensemble, followers: list[tuple[Pod, Member]]
) -> Plan:
    """Zone by zone, so that after one zone the new template has been tried where it matters."""
    pod, member = min(followers, key=lambda item: (item[1].votes, item[0].pool, -item[0].ordinal))
    if blockers := disruption_blockers(facts, ensemble, member):
        return _blocked(pod, blockers)
    return act(
        Evict(pod.name, pod.uid),
        "RestartingPod",
        f"{pod.name} gets the new template; every other voter is well",
        pod.name,
    )


def _restart_leader(
    facts: Facts, ensemble: Ensemble, pod: Pod, leader: Member, target: str
) -> Plan:
    """Everybody else is done. A sole voter has nobody to hand over to, and the spec asked for it. Those that
    are to go do not take over: they would hand back at once, and so on for as long as they are there.
    """
    if blockers := disruption_blockers(facts, ensemble, leader):
        return _blocked(pod, blockers)
    if len(ensemble.voters) == 1:
        return act(
            DeletePod(pod.name, pod.uid),
            "RestartingPod",
            f"{pod.name} is the only voter; it serves nobody while it gets the new template",
            pod.name,
        )

    updated = []
    for voter in ensemble.voters:
        other = facts.pod_of(voter)
        if other is not None and other.revision == target and stays(facts, voter):
            updated.append(voter)
    return hand_over(facts, ensemble, pod, leader, updated)


def hand_over(
    facts: Facts, ensemble: Ensemble, pod: Pod, leader: Member, heirs: Sequence[Member]
) -> Plan:
    """Leadership goes to the best of the heirs; its pod is restarted when somebody else leads."""
    successor = best_successor(facts, ensemble, lambda member: member in heirs)
    if successor is None:
        return _blocked(pod, ("it leads, and nobody can take over",))
    return act(
        Transfer(leader.id, successor.id, ensemble.term),
        "TransferringLeadership",
        f"{pod.name} has an old template and leads; {successor.pod} takes over",
        pod.name,
    )


def _blocked(pod: Pod, blockers: tuple[str, ...]) -> Plan:
    return wait(
        "DisruptionBlocked",
        f"{pod.name} has an old template and may not be restarted now: {blockers[0]}",
        *blockers,
        target=pod.name,
        recheck_ms=1_000,
    )
