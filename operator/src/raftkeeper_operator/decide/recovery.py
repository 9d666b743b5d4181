"""A majority is lost for good: who knows most of what is left, and what was asked for. Explains only.

An acknowledged loss is never carried out on a guess: while a majority may come back, or anybody leads, a
request for it is refused with the reason.
"""

from dataclasses import dataclass

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.decide.quorum import majority_is_lost, remembered_voters, why_gone


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a voter that is left has in its log."""

    pod: str
    member_id: int
    reachable: bool
    term: int = 0
    last_index: int = 0


def gather_evidence(facts: Facts) -> tuple[Evidence, ...]:
    """All voters of the last membership that was known, those that know most first.

    A log with a newer last term is the newer one, whatever its length (Raft's own rule for votes).
    """
    found = []
    for voter in remembered_voters(facts):
        pod = facts.snapshot.pod(voter.pod)
        node = pod.node if pod is not None else None
        if node is None or why_gone(facts, voter):
            found.append(Evidence(voter.pod, voter.id, reachable=False))
        else:
            found.append(Evidence(voter.pod, voter.id, True, node.last_term, node.last_index))
    return tuple(sorted(found, key=lambda one: (-one.term, -one.last_index, one.member_id)))


def propose_survivor(facts: Facts) -> str:
    """The pod whose data should count; '' while the majority is not lost, or nobody can be asked."""
    if facts.snapshot.ensemble is not None or not majority_is_lost(facts):
        return ""
    return next((one.pod for one in gather_evidence(facts) if one.reachable), "")


def answer_forced_recovery(facts: Facts) -> Plan | None:
    """What becomes of `recovery.forceQuorum`."""
    force = facts.desired.force_quorum
    if force is None or force.epoch <= facts.snapshot.remembered.recovery_epoch:
        return None
    if facts.snapshot.ensemble is not None or not facts.cluster_id:
        return None
    if not majority_is_lost(facts):
        return wait(
            "RecoveryRefused",
            "recovery.forceQuorum is not followed: a majority of the voters can still come back, and "
            "with it everything that was acknowledged",
        )
    survivor = force.survivor or propose_survivor(facts)
    if survivor not in {one.pod for one in gather_evidence(facts) if one.reachable}:
        return wait(
            "RecoveryRefused",
            f"recovery.forceQuorum is not followed: {survivor or 'no voter'} cannot be asked what it "
            "has; the survivor must be a voter that runs on its own disk",
        )
    return wait(
        "RecoveryByHand",
        f"this version cannot make an ensemble of {survivor} alone; restore the newest backup into a "
        f"new cluster, and keep the volume of {survivor}, which knows most of what is left",
    )
