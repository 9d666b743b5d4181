"""A majority is lost for good, and a person has said that one survivor's data shall count.

One order in the founding ConfigMap, then every pod starts anew and obeys it: the survivor becomes an
ensemble of one, all others set their data aside and wait to be added. Nothing is ordered on a guess: not
while a majority may come back, not while anybody leads. Once it is ordered there is no way back, so it is
finished whatever the spec says since; what is left to do is seen from what the nodes say of themselves.
"""

from dataclasses import dataclass

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import CloseFounding, DeletePod, OrderRecovery, Plan, act, wait
from raftkeeper_operator.decide.quorum import (
    known_voters,
    logged_voters,
    majority_is_lost,
    why_away,
    why_gone,
)
from raftkeeper_operator.observe.snapshot import Pod, RecoveryOrder

RECHECK_MS = 1_000
"""A survivor needs about as long to read its data; nobody tells when it is done."""


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

    A log with a newer last term is the newer one, whatever its length (Raft's own rule for votes). Of two
    that know as much, one that the newest membership in a log still names comes first.
    """
    named = {member.id for member in logged_voters(facts)}
    found = []
    for voter in known_voters(facts):
        pod = facts.snapshot.pod(voter.pod)
        node = pod.node if pod is not None else None
        if node is None or node.cluster_id != facts.cluster_id or why_gone(facts, voter):
            found.append(Evidence(voter.pod, voter.id, reachable=False))
        else:
            found.append(Evidence(voter.pod, voter.id, True, node.last_term, node.last_index))
    return tuple(
        sorted(
            found,
            key=lambda one: (-one.term, -one.last_index, one.member_id not in named, one.member_id),
        )
    )


def propose_survivor(facts: Facts) -> str:
    """The pod whose data should count; '' while the majority is not lost, or nobody can be asked."""
    if facts.snapshot.ensemble is not None or not majority_is_lost(facts):
        return ""
    return next((one.pod for one in gather_evidence(facts) if one.reachable), "")


def accept_recovered(facts: Facts) -> Plan | None:
    """The ensemble that leads is the one that was ordered: from now on it is this cluster's."""
    founding, ensemble = facts.snapshot.founding, facts.snapshot.ensemble
    if founding is None or founding.order is None or ensemble is None:
        return None
    order = founding.order
    is_the_one = ensemble.recovery_epoch == order.epoch and any(
        member.address == order.survivor for member in ensemble.members
    )
    if not is_the_one or founding.cluster_id == ensemble.cluster_id:
        return None
    return act(
        CloseFounding(ensemble.cluster_id, founding.resource_version, order.text),
        "Recovered",
        f"recovery {order.epoch} is done: {order.pod} leads ensemble {ensemble.cluster_id}; "
        "the other pods join it with empty disks",
        order.pod,
    )


def force_recovery(facts: Facts) -> Plan | None:
    """What becomes of `recovery.forceQuorum`, and of a recovery that was ordered."""
    force, order = facts.desired.force_quorum, facts.order
    last = max(facts.recovered_epoch, order.epoch if order else 0)
    if force is not None and force.epoch > last and facts.cluster_id:
        plan = _answer(facts)
        if plan is not None and plan.action is not None:
            return plan
    else:
        plan = None
    if order is not None and facts.recovered_epoch < order.epoch:
        return _carry_on(facts, order)
    return plan or _fence_latecomers(facts)


# ---- asked for -------------------------------------------------------------------------------------


def _answer(facts: Facts) -> Plan | None:
    force, founding = facts.desired.force_quorum, facts.snapshot.founding
    if force is None or founding is None or facts.snapshot.ensemble is not None:
        return None
    if not force.acknowledged:
        return _refuse("the loss is not acknowledged: acknowledgeDataLoss has to be true")
    if not majority_is_lost(facts):
        return _refuse(
            "a majority of the voters can still come back, and with it everything that was acknowledged"
        )
    survivor = force.survivor or propose_survivor(facts)
    if not survivor:
        return _refuse(
            "no voter runs on a disk of its own, so there is nobody to ask; once one does, it is asked. "
            "If all disks are lost, restore a backup into a new cluster"
        )
    if survivor not in {one.pod for one in gather_evidence(facts) if one.reachable}:
        return _refuse(
            f"{survivor} cannot be asked what it has; the survivor must be a voter that runs on its own disk"
        )
    snapshot = facts.snapshot
    return act(
        OrderRecovery(
            force.epoch,
            facts.address(Seat.of(survivor)),
            facts.cluster_id,
            tuple(pod.uid for pod in snapshot.pods),
            tuple(volume.uid for volume in snapshot.volumes),
            founding.resource_version,
        ),
        "OrderingRecovery",
        f"recovery {force.epoch}: the data of {survivor} count from now on; what others acknowledged "
        "without it is lost",
        survivor,
    )


def _refuse(why: str) -> Plan:
    return wait("RecoveryRefused", f"recovery.forceQuorum is not followed: {why}")


# ---- ordered ---------------------------------------------------------------------------------------


def _carry_on(facts: Facts, order: RecoveryOrder) -> Plan | None:
    """Every pod starts anew, the survivor's last: when it leads, nobody of the old ensemble votes."""
    pods = sorted(facts.snapshot.pods, key=lambda pod: (pod.name == order.pod, pod.name))
    for pod in pods:
        if pod.name == order.pod and (leaving := _still_old(facts, order)):
            return wait(
                "Recovering",
                f"recovery {order.epoch}: waiting until {', '.join(leaving)} stopped",
                target=order.pod,
                recheck_ms=RECHECK_MS,
            )
        if _must_restart(facts, order, pod):
            role = (
                "and its data become the ensemble"
                if pod.name == order.pod
                else "and sets its data aside, for they belong to an ensemble that was given up"
            )
            return act(
                DeletePod(pod.name, pod.uid),
                "Recovering",
                f"recovery {order.epoch}: {pod.name} starts anew, {role}",
                pod.name,
            )
    if facts.snapshot.ensemble is not None:
        return None
    return _explain_survivor(facts, order)


def _must_restart(facts: Facts, order: RecoveryOrder, pod: Pod) -> bool:
    """It runs without the order. Its own word counts; of one that is silent only when it was started.

    A survivor that reads its data says the old epoch until it is done, and one with damaged data for ever.
    """
    founding, node = facts.snapshot.founding, pod.node
    was_there = founding is not None and pod.uid in founding.uninformed
    if pod.terminating:
        return False
    if node is None or node.state == "starting":
        return was_there
    if node.recovery_epoch >= order.epoch:
        return False
    is_at_work = pod.name == order.pod and (node.role == "starting" or bool(node.damage))
    return was_there or not is_at_work


def _still_old(facts: Facts, order: RecoveryOrder) -> tuple[str, ...]:
    """Pods that are stopping and still speak as members of the old ensemble."""
    return tuple(
        pod.name
        for pod in facts.snapshot.pods
        if pod.name != order.pod
        and pod.terminating
        and pod.node is not None
        and pod.node.recovery_epoch < order.epoch
    )


def _explain_survivor(facts: Facts, order: RecoveryOrder) -> Plan:
    pod = facts.snapshot.pod(order.pod)
    node = pod.node if pod is not None else None
    if node is not None and (node.damage or node.state == "waiting"):
        why = node.damage or "its disk is empty"
        return wait(
            "RecoveryStuck",
            f"recovery {order.epoch}: the data of {order.pod} cannot be used: {why}; raise the epoch "
            "and name another survivor, or restore a backup into a new cluster",
            target=order.pod,
        )
    return wait(
        "Recovering",
        f"recovery {order.epoch}: {order.pod} makes its data an ensemble of one: "
        f"{why_away(pod) or 'it reads its data'}",
        target=order.pod,
        recheck_ms=RECHECK_MS,
    )


def _fence_latecomers(facts: Facts) -> Plan | None:
    """A pod that speaks as a member of the ensemble that was given up, long after: it starts anew."""
    ensemble, order = facts.snapshot.ensemble, facts.order
    if ensemble is None or order is None or ensemble.recovery_epoch < order.epoch:
        return None
    for pod in facts.snapshot.pods:
        node = pod.node
        # Where the leader hears a member, the picture of its pod is an old one.
        is_heard = any(member.active for member in ensemble.at(pod.name))
        if (
            node is not None
            and not is_heard
            and not pod.terminating
            and node.state == "member"
            and node.cluster_id != ensemble.cluster_id
            and node.recovery_epoch < order.epoch
        ):
            return act(
                DeletePod(pod.name, pod.uid),
                "Recovering",
                f"{pod.name} belongs to ensemble {node.cluster_id}, which was given up by recovery "
                f"{order.epoch}; it starts anew and sets its data aside",
                pod.name,
            )
    return None
