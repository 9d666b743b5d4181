"""Learners on their way: each is finished before another is added. There is never a reason to have two."""

from raftkeeper_operator.decide.facts import Facts, Seat, names
from raftkeeper_operator.decide.gate import bears_promotion, change_blockers
from raftkeeper_operator.decide.plan import Plan, Promote, RemoveMember, Replace, act, wait
from raftkeeper_operator.decide.resources import raise_budget
from raftkeeper_operator.observe.ensemble import Ensemble, Member


def finish_learners(facts: Facts) -> Plan | None:
    """Promote, replace or give up; wait when it is still catching up."""
    ensemble = facts.snapshot.ensemble
    if ensemble is None:
        return None
    seated = facts.seated(ensemble)
    learners = [
        (seat, member)
        for seat, members in sorted(seated.items(), key=lambda item: item[0].pod)
        for member in members
        if not member.votes
    ]
    if not learners:
        return None
    if blockers := change_blockers(ensemble):
        return wait("ChangeInProgress", f"learners: {blockers[0]}", *blockers)
    plans = [_finish(facts, ensemble, seat, member) for seat, member in learners]
    return next((plan for plan in plans if plan.action is not None), plans[0])


def _finish(facts: Facts, ensemble: Ensemble, seat: Seat, learner: Member) -> Plan:
    if why := _why_given_up(facts, seat, learner):
        return act(
            RemoveMember(learner.id, ensemble.config_index),
            "LearnerGivenUp",
            f"learner {learner.id} of {seat.pod} is removed: {why}",
            seat.pod,
        )
    pod = facts.pod_of(learner)
    if not learner.caught_up or pod is None or pod.terminating:
        return wait(
            "LearnerCatchingUp",
            f"member {learner.id} of {seat.pod} is catching up: "
            f"it has {learner.match_index} of {ensemble.commit_index}",
            f"{seat.pod} must catch up",
            target=seat.pod,
        )
    if not pod.ready and not (pod.node is not None and pod.node.draining):
        # The rollout counts from here how long a voter takes to become ready.
        trouble = (
            pod.node.reason if pod.node is not None else ""
        ) or "its probe has not said so yet"
        return wait(
            "LearnerNotReady",
            f"member {learner.id} of {seat.pod} has caught up and is not ready: {trouble}",
            f"{seat.pod} must become ready",
            target=seat.pod,
            recheck_ms=1_000,
        )
    old = next((member for member in ensemble.at(seat.pod) if member.votes), None)
    if not bears_promotion(facts, ensemble, old.id if old else 0):
        unwell = names(voter for voter in ensemble.voters if not facts.healthy(voter))
        return wait(
            "MemberDown",
            f"member {learner.id} of {seat.pod} waits for its vote: not well are {unwell}",
            f"well again: {unwell}",
            target=seat.pod,
        )
    if old is not None:
        return act(
            Replace(old.id, learner.id, ensemble.config_index),
            "ReplacingMember",
            f"member {learner.id} takes the place of {old.id}, whose volume is gone ({seat.pod})",
            seat.pod,
        )
    if budget := raise_budget(facts, len(ensemble.voters) + 1):
        return budget
    return act(
        Promote(learner.id, ensemble.config_index),
        "Promoting",
        f"member {learner.id} of {seat.pod} has caught up and becomes a voter",
        seat.pod,
    )


def _why_given_up(facts: Facts, seat: Seat, learner: Member) -> str:
    """'' when it may still become a voter."""
    pod = facts.pod_at(seat)
    if pod is not None and pod.node is not None:
        if pod.node.incarnation not in {"", learner.incarnation}:
            return "its pod has another disk now"
        if pod.node.member_id not in {0, learner.id}:
            return f"its disk bears the id {pod.node.member_id}, which was removed"
        if pod.node.damage:
            return f"its disk is damaged: {pod.node.damage}"
    if gone := [volume.name for volume in facts.volumes_at(seat) if facts.is_given_up(volume)]:
        return f"its volume {gone[0]} is lost, or the node that holds it is gone"
    ensemble = facts.snapshot.ensemble
    taken = [m for m in ensemble.at(seat.pod) if m.votes] if ensemble is not None else []
    if seat not in facts.wanted and not taken:
        return "the spec no longer asks for it"
    return ""
