"""May the operator take a member away for a moment, or for ever? One place for all who want to.

The rule is stricter than a majority: every other voter must be well. So what the operator does never adds
to what has happened by itself, and between two of its own steps everybody has to be back.
"""

from raftkeeper_operator.decide.facts import Facts, names, quorum
from raftkeeper_operator.observe.ensemble import Ensemble, Member

LEADER_IS_NEW = "the leader is new"
LEADER_SETTLE_MS = 5_000
"""A leader younger than this may be one of several in a row; some election timeouts show which it is."""


def change_blockers(ensemble: Ensemble) -> tuple[str, ...]:
    """Why no change of the membership or of the leader may begin."""
    blockers: list[str] = []
    if ensemble.is_joint:
        blockers.append("a change of the voters is not finished")
    elif ensemble.commit_index < ensemble.config_index:
        blockers.append("the last change of the membership is not committed")
    if ensemble.transferring:
        blockers.append("leadership is being handed over")
    return tuple(blockers)


def disruption_blockers(facts: Facts, ensemble: Ensemble, member: Member) -> tuple[str, ...]:
    """Why this voter may not be restarted now."""
    blockers = list(change_blockers(ensemble))
    age_ms = facts.snapshot.now_ms - ensemble.leader_since_ms
    if age_ms < LEADER_SETTLE_MS:
        blockers.append(LEADER_IS_NEW)
    if facts.terminating is not None:
        blockers.append(f"{facts.terminating.name} is stopping")
    if learners := [other for other in ensemble.members if not other.votes and other != member]:
        blockers.append(f"learners are catching up: {names(learners)}")
    others = [other for other in ensemble.voters if other != member]
    if unwell := [other for other in others if not facts.healthy(other)]:
        blockers.append(f"not well: {names(unwell)}")
    if len(others) == 1:
        blockers.append("two voters need each other; the number has to be odd first")
    budget = facts.snapshot.budget
    if others and budget is not None and not budget.disruptions_allowed:
        blockers.append("the PodDisruptionBudget allows nothing now; is a node being drained?")
    return tuple(blockers)


def removal_blockers(facts: Facts, ensemble: Ensemble, member: Member) -> tuple[str, ...]:
    """Why this voter may not be removed from the membership now.

    One that is down may go while another is down as well, as long as those left are a majority. One that the
    leader hears may not, ready or not: its vote is what keeps the majority from being a bare one.
    """
    blockers = list(change_blockers(ensemble))
    rest = [other for other in ensemble.voters if other != member]
    if not rest:
        return (*blockers, "it is the last voter")
    unwell = [other for other in rest if not facts.healthy(other)]
    if len(rest) - len(unwell) < quorum(len(rest)):
        blockers.append(f"too few would be left that are well; not well: {names(unwell)}")
    elif unwell and member.active:
        blockers.append(f"not well: {names(unwell)}")
    return tuple(blockers)


def bears_promotion(facts: Facts, ensemble: Ensemble, leaving: int = 0) -> bool:
    """After one more voter (in the place of `leaving`) those that are well are still a majority."""
    stay = [voter for voter in ensemble.voters if voter.id != leaving]
    return facts.count_healthy(stay) + 1 >= quorum(len(stay) + 1)
