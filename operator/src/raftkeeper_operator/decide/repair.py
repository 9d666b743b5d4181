"""Disks that were lost, damaged, or belong to a member that was removed.

An empty disk joins as a new member and takes the old one's place when it has caught up. A disk is
deleted only when no membership names it, so a member whose disk is given up is removed first.
"""

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.gate import change_blockers, removal_blockers
from raftkeeper_operator.decide.plan import (
    AddLearner,
    DeletePod,
    DeleteVolume,
    Plan,
    RemoveMember,
    act,
    wait,
)
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.snapshot import Pod, Volume


def add_learner(facts: Facts, ensemble: Ensemble, seat: Seat, pod: Pod, why: str) -> Plan | None:
    """A waiting node joins, as soon as nobody else is on the way. None: it is a member already."""
    node = pod.node
    if node is None or ensemble.of_incarnation(node.incarnation) is not None:
        return None
    blockers = list(change_blockers(ensemble))
    blockers += [f"learner {m.id} is on its way" for m in ensemble.members if not m.votes]
    if blockers:
        return wait("ChangeInProgress", f"{seat.pod}: {blockers[0]}", *blockers, target=seat.pod)
    return act(
        AddLearner(
            seat.pod,
            facts.address(seat),
            node.incarnation,
            facts.zone_of(pod),
            ensemble.config_index,
        ),
        "AddingLearner",
        f"{seat.pod} has an empty disk and becomes a learner: {why}",
        seat.pod,
    )


def repair_lost_volumes(facts: Facts) -> Plan | None:
    """A pod has another disk than the voter that used to live there."""
    ensemble = facts.snapshot.ensemble
    if ensemble is None:
        return None
    blocked = None
    for seat, members in facts.seated(ensemble).items():
        pod = facts.pod_at(seat)
        old = next((member for member in members if member.votes), None)
        if pod is None or pod.terminating or pod.node is None or old is None:
            continue
        # If the leader hears it, the picture of the pod is an old one.
        if old.active or not facts.has_other_disk(old):
            continue
        plan = None
        if seat not in facts.wanted:
            why = "its volume is gone, and its seat is not wanted"
            plan = _remove(facts, ensemble, seat, old, why)
        elif pod.node.state == "waiting":
            why = f"the volume of member {old.id} is gone"
            plan = add_learner(facts, ensemble, seat, pod, why)
        if plan is not None and plan.action is not None:
            return plan
        blocked = blocked or plan
    return blocked


def give_up_lost_disks(facts: Facts) -> Plan | None:
    """A voter whose disk has been out of reach for `replaceAfter` is removed, to be added anew.

    Never while its whole zone is away: the disk comes back with the zone, and there is no other place.
    """
    ensemble = facts.snapshot.ensemble
    patience_ms = facts.desired.replace_after_ms
    if ensemble is None or patience_ms is None:
        return None
    blocked = None
    for seat, members in facts.seated(ensemble).items():
        old = next((member for member in members if member.votes), None)
        pod = facts.pod_at(seat)
        if old is None or len(members) > 1 or pod is None or not pod.unready_since_ms:
            continue
        trouble = _why_out_of_reach(facts, seat, pod)
        if not trouble:
            continue
        left_ms = pod.unready_since_ms + patience_ms - facts.snapshot.now_ms
        if left_ms > 0:
            blocked = blocked or wait(
                "DiskOutOfReach",
                f"member {old.id} of {seat.pod} is given up in {left_ms // 1000} s: {trouble}",
                f"{seat.pod} may still come back",
                target=seat.pod,
                recheck_ms=left_ms,
            )
            continue
        plan = _remove(facts, ensemble, seat, old, trouble)
        if plan.action is not None:
            return plan
        blocked = blocked or plan
    return blocked


def _why_out_of_reach(facts: Facts, seat: Seat, pod: Pod) -> str:
    """'' when its disk is there, or will be when the pod runs again."""
    if pod.node is not None and pod.node.damage:
        return f"its disk is damaged: {pod.node.damage}"
    volume = facts.volume_at(seat)
    pool = facts.snapshot.pool(seat.pool)
    zone = (pool.zone if pool else "") or (volume.zone if volume else "")
    if zone and zone not in facts.snapshot.live_zones:
        return ""
    if volume is not None and volume.lost:
        return f"its volume {volume.name} is lost"
    # A volume that any node can mount waits for a node, however long: its data is well.
    if pod.unschedulable and volume is not None and volume.capacity_bytes and volume.pinned:
        return f"no node can take it to its volume {volume.name}: {pod.unschedulable}"
    return ""


def _remove(facts: Facts, ensemble: Ensemble, seat: Seat, old: Member, why: str) -> Plan:
    if blockers := removal_blockers(facts, ensemble, old):
        return wait(
            "MemberDown",
            f"member {old.id} of {seat.pod} cannot be removed yet ({why}): {blockers[0]}",
            *blockers,
            target=seat.pod,
        )
    return act(
        RemoveMember(old.id, ensemble.config_index),
        "RemovingLostMember",
        f"member {old.id} of {seat.pod} is removed: {why}",
        seat.pod,
    )


def wipe_removed(facts: Facts) -> Plan | None:
    """A wanted seat with the disk of a member that was removed: the volume goes, then the pod.

    The pod holds the volume until it is gone itself; the StatefulSet then makes both anew.
    """
    ensemble = facts.settled
    if ensemble is None:
        return None
    for seat in facts.wanted:
        volume = facts.volume_at(seat)
        pod = facts.pod_at(seat)
        if volume is None or pod is None or not _bears_a_former_life(facts, ensemble, volume, pod):
            continue
        if not volume.terminating:
            return act(
                DeleteVolume(volume.name, volume.uid),
                "WipingVolume",
                f"volume {volume.name} holds a member that was removed for ever",
                volume.name,
            )
        if not pod.terminating:
            return act(
                DeletePod(pod.name, pod.uid),
                "WipingVolume",
                f"{pod.name} holds the volume that is being deleted",
                pod.name,
            )
        return wait("WipingVolume", f"waiting until {pod.name} and its volume are gone")
    return None


def _bears_a_former_life(facts: Facts, ensemble: Ensemble, volume: Volume, pod: Pod) -> bool:
    """The disk's own word counts. Before its node has spoken, its label and its seat do."""
    node = pod.node
    if node is not None and node.state != "starting":
        same = node.cluster_id == ensemble.cluster_id
        return same and node.state == "member" and ensemble.member(node.member_id) is None
    return bool(volume.member_id) and facts.volume_is_free(volume, ensemble)
