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
from raftkeeper_operator.decide.skew import why_misfit
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.snapshot import Pod, Volume


def add_learner(facts: Facts, ensemble: Ensemble, seat: Seat, pod: Pod, why: str) -> Plan | None:
    """A waiting node joins, as soon as nobody else is on the way. None: it is a member already."""
    node = pod.node
    if node is None or ensemble.of_incarnation(node.incarnation) is not None:
        return None
    if misfit := why_misfit(facts, pod):
        return wait("VersionSkew", f"{seat.pod} cannot be added: {misfit}", target=seat.pod)
    order = facts.order
    if order is not None and node.recovery_epoch < order.epoch:
        # What it would get from this ensemble it would set aside at its next start, as data of before.
        return act(
            DeletePod(pod.name, pod.uid),
            "RestartingUninformed",
            f"{pod.name} waits with an empty disk that has not passed recovery {order.epoch}; it starts "
            "anew to hear of it, before it is added",
            pod.name,
        )
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

    A disk that waits for a node which exists (cordoned, full, not ready) is well, however long that takes. So
    is one whose whole zone is away: it comes back with the zone, and there is no other place. A member that
    has lost one of its two volumes is removed at once, as one that has lost its only one is replaced.
    """
    ensemble = facts.snapshot.ensemble
    patience_ms = facts.desired.replace_after_ms
    if ensemble is None:
        return None
    blocked = None
    for seat, members in facts.seated(ensemble).items():
        old = next((member for member in members if member.votes), None)
        pod = facts.pod_at(seat)
        if old is None or len(members) > 1 or pod is None or not pod.unready_since_ms:
            continue
        half = _which_half_is_new(facts, seat, pod, old)
        trouble, since_ms = _why_out_of_reach(facts, seat, pod)
        trouble = half or trouble
        if not trouble or (patience_ms is None and not half):
            continue
        left_ms = since_ms + (patience_ms or 0) - facts.snapshot.now_ms
        left_ms = 0 if half else left_ms
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


def _which_half_is_new(facts: Facts, seat: Seat, pod: Pod, old: Member) -> str:
    """'' unless the node says that its files do not go together, one of its volumes is the member's, and
    the other has never been anybody's.
    """
    volumes = facts.volumes_at(seat)
    if pod.node is None or not pod.node.damage or len(volumes) < 2:
        return ""
    new = [volume for volume in volumes if not volume.member_id]
    kept = [volume for volume in volumes if volume.member_id == old.id]
    if len(new) != 1 or len(kept) != 1:
        return ""
    return f"its volume {new[0].name} is a new one, and {kept[0].name} alone is no disk"


def _why_out_of_reach(facts: Facts, seat: Seat, pod: Pod) -> tuple[str, int]:
    """And since when; '' when its disk is there, or will be when the pod runs again."""
    since_ms = pod.unready_since_ms
    if pod.node is not None and pod.node.damage:
        return f"its disk is damaged: {pod.node.damage}", since_ms
    pool = facts.snapshot.pool(seat.pool)
    for volume in facts.volumes_at(seat):
        zone = (pool.zone if pool else "") or volume.zone
        if zone and zone not in facts.snapshot.live_zones:
            return "", 0
        if volume.lost:
            # A node's object may go and come back while its pod has waited for long.
            since_ms = max(since_ms, volume.lost_since_ms)
            return f"its volume {volume.name} is lost, or the node that holds it is gone", since_ms
    return "", 0


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
    """A wanted seat with the disk of a member that was removed: its volumes go, then the pod.

    The pod holds the volumes until it is gone itself; the StatefulSet then makes all of them anew.
    """
    ensemble = facts.settled
    if ensemble is None:
        return None
    blocked = None
    for seat in facts.wanted:
        volumes = facts.volumes_at(seat)
        pod = facts.pod_at(seat)
        if not volumes or pod is None or not _bears_a_former_life(facts, ensemble, volumes, pod):
            continue
        if (retained := retained_at(facts, ensemble, seat)) is not None:
            blocked = blocked or explain_retained(seat, retained)
            continue
        for volume in volumes:
            if not volume.terminating:
                gone = "is lost, and nobody lives on it"
                former = "holds a member that was removed for ever"
                return act(
                    DeleteVolume(volume.name, volume.uid),
                    "WipingVolume",
                    f"volume {volume.name} {gone if facts.is_given_up(volume) else former}",
                    volume.name,
                )
        if not pod.terminating:
            return act(
                DeletePod(pod.name, pod.uid),
                "WipingVolume",
                f"{pod.name} holds a volume that is being deleted",
                pod.name,
            )
        return wait("WipingVolume", f"waiting until {pod.name} and its volumes are gone")
    return blocked


def retained_at(facts: Facts, ensemble: Ensemble, seat: Seat) -> Volume | None:
    """With `whenScaled: Retain`, a former member's volume in the place of a new one: a person has to delete it.

    Not where a voter whose disk was lost waits for that place: it is to be replaced. One that has been seen
    to be nobody's can be used as it is, and one that is damaged or lost, and was given up for that, holds
    nothing to be retained.
    """
    if facts.desired.when_scaled is not WhenScaled.RETAIN:
        return None
    volumes, pod = facts.volumes_at(seat), facts.pod_at(seat)
    if pod is not None and not _bears_a_former_life(facts, ensemble, volumes, pod):
        return None
    is_damaged = pod is not None and pod.node is not None and bool(pod.node.damage)
    for volume in volumes:
        if volume.terminating or not facts.volume_is_free(volume, ensemble):
            continue
        given_up = pod is not None and (is_damaged or volume.lost) and not volume.retired_ms
        nobodys = pod is None and not volume.member_id
        if not given_up and not nobodys:
            return volume
    return None


def explain_retained(seat: Seat, volume: Volume) -> Plan:
    """What only a person may do."""
    return wait(
        "VolumeRetained",
        f"{seat.pod} is to begin a new life and needs volume {volume.name}, which holds a former member and "
        "is retained (storage.retention.whenScaled): delete the claim if nobody needs its data any more, "
        "or set whenScaled to Quarantine",
        f"somebody has to delete {volume.name}",
        target=volume.name,
    )


def _bears_a_former_life(
    facts: Facts, ensemble: Ensemble, volumes: tuple[Volume, ...], pod: Pod
) -> bool:
    """The disk's own word counts. Before its node has spoken, its labels and its seat do; one that was lost
    before anybody lived there may go as well. One that has lost its identity is nobody's where its seat is
    nobody's.
    """
    node = pod.node
    if node is not None and node.state == "starting" and node.damage:
        return not ensemble.at(pod.name)
    if node is not None and node.state != "starting":
        same = node.cluster_id == ensemble.cluster_id
        return same and node.state == "member" and ensemble.member(node.member_id) is None
    return any(
        (v.member_id or facts.is_given_up(v)) and facts.volume_is_free(v, ensemble) for v in volumes
    )
