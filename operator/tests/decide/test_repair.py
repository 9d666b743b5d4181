"""Lost disks are replaced by new members; what is deleted belongs to nobody."""

from dataclasses import replace

from tests.decide.picture import (
    LONG_AGO,
    NOW,
    SUFFIX,
    add_member,
    break_pod,
    change_ensemble,
    change_member,
    change_node,
    change_pod,
    change_volume,
    drop_member,
    drop_volume,
    make_member,
    make_node,
    make_waiting,
    want,
    well,
    without_budget,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import (
    AddLearner,
    DeletePod,
    DeleteVolume,
    RemoveMember,
    Replace,
)
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.snapshot import Snapshot

UNREADY = {"ready": False, "ready_since_ms": 0, "unready_since_ms": LONG_AGO}


def lost(snapshot: Snapshot | None = None, pod: str = "x-1") -> Snapshot:
    """A pod waits with an empty disk where member 2 used to live."""
    snapshot = change_pod(snapshot or well(), pod, node=make_waiting("life-9"), **UNREADY)
    snapshot = change_volume(snapshot, f"data-{pod}", member_id=0, cluster_id="")
    return change_member(snapshot, 2, active=False, caught_up=False)


def unreachable(**volume: object) -> Snapshot:
    """No node takes the pod x-1 to its disk, because the one that holds it is gone."""
    snapshot = break_pod(well(), "x-1")
    snapshot = change_pod(snapshot, "x-1", unschedulable="no node", trouble="")
    return change_volume(
        snapshot, "data-x-1", **{"lost": True, "lost_since_ms": LONG_AGO, **volume}
    )


def test_empty_disk_joins_as_a_new_member() -> None:
    """Under the same address and a new life."""
    assert decide(lost()).action == AddLearner("x-1", "x-1" + SUFFIX, "life-9", "", 7)


def test_new_member_takes_the_old_ones_place_in_one_step() -> None:
    """When it has caught up, and never before."""
    behind = add_member(lost(), make_member(4, "x-1", "learner", incarnation="life-9"))
    behind = change_pod(behind, "x-1", node=make_node(4, incarnation="life-9"), ready=True)
    assert decide(behind).action == Replace(2, 4, 7)
    assert decide(change_member(behind, 4, caught_up=False)).reason == "LearnerCatchingUp"


def test_only_one_disk_is_replaced_at_a_time() -> None:
    """The second waits until the first has finished."""
    snapshot = lost(well(replicas=5))
    snapshot = change_pod(snapshot, "x-3", node=make_waiting("life-6"), **UNREADY)
    snapshot = add_member(snapshot, make_member(6, "x-3", "learner", caught_up=False))
    assert (decide(snapshot).action, decide(snapshot).target) == (None, "x-3")


def test_lost_disk_waits_for_a_change_under_way() -> None:
    """One change at a time."""
    plan = decide(change_ensemble(lost(), is_joint=True))
    assert (plan.action, plan.reason) == (None, "ChangeInProgress")


def test_leaders_word_counts_against_an_old_picture() -> None:
    """It hears of the member, so the pod's status is from before."""
    assert decide(change_member(lost(), 2, active=True)).name != "AddLearner"


def test_lost_member_that_is_not_wanted_is_just_removed() -> None:
    """Nobody needs its successor."""
    snapshot = change_pod(
        want(well(replicas=5), replicas=3), "x-4", node=make_waiting("life-9"), **UNREADY
    )
    snapshot = change_member(snapshot, 5, active=False, caught_up=False)
    assert decide(snapshot).action == RemoveMember(5, 7)


def test_starting_node_is_not_taken_for_a_lost_one() -> None:
    """It has not said yet what is on its disk."""
    snapshot = change_node(lost(), "x-1", state="starting", incarnation="")
    assert decide(snapshot).action is None


def test_disk_out_of_reach_is_given_up_after_a_while() -> None:
    """First the time runs, with the seconds that are left; then the member is removed."""
    assert decide(unreachable()).action == RemoveMember(2, 7)
    soon = change_pod(unreachable(), "x-1", unready_since_ms=NOW - 60_000)
    plan = decide(soon)
    assert (plan.action, plan.reason, plan.recheck_ms) == (None, "DiskOutOfReach", 29 * 60_000)


def test_time_runs_from_when_the_disk_was_lost() -> None:
    """Its pod may have waited for a cordoned node for hours before that was taken away for a minute."""
    plan = decide(unreachable(lost_since_ms=NOW - 60_000))
    assert (plan.action, plan.reason, plan.recheck_ms) == (None, "DiskOutOfReach", 29 * 60_000)


def test_disk_out_of_reach_is_kept_if_the_spec_says_never() -> None:
    """A person decides."""
    assert decide(want(unreachable(), replace_after_ms=None)).action is None


def test_volume_that_never_was_is_no_disk_out_of_reach() -> None:
    """A pod that waits for its first volume has nothing to lose."""
    assert decide(drop_volume(unreachable(), "data-x-1")).action is None


def test_disk_that_waits_for_a_node_that_exists_is_never_given_up() -> None:
    """Cordoned, full or not ready: its data are well, wherever they can be mounted."""
    plan = decide(unreachable(lost=False, lost_since_ms=0))
    assert (plan.action, plan.reason) == (None, "PodUnschedulable")


def test_member_of_a_failed_zone_is_not_given_up() -> None:
    """Its disk comes back with the zone, and there is no other place."""
    assert decide(unreachable(zone="a")).action is None
    alive = replace(unreachable(zone="a"), live_zones=frozenset({"a"}))
    assert decide(alive).action == RemoveMember(2, 7)


def test_damaged_disk_is_given_up_too() -> None:
    """It does not come back either."""
    damaged = change_node(change_pod(well(), "x-1", **UNREADY), "x-1", damage="bad CRC")
    damaged = change_member(damaged, 2, active=False, caught_up=False)
    assert decide(damaged).action == RemoveMember(2, 7)


def test_member_is_not_given_up_when_the_rest_is_no_majority() -> None:
    """It may come back, and then it is needed."""
    plan = decide(break_pod(unreachable(), "x-2"))
    assert (plan.action, plan.reason) == (None, "MemberDown")


def test_ready_pod_is_never_given_up() -> None:
    """Whatever its volume looks like."""
    assert decide(change_volume(well(), "data-x-1", lost=True)).action is None


def test_disk_of_a_removed_member_is_wiped() -> None:
    """Volume first, and the pod that holds it; then the seat begins anew."""
    removed = drop_member(well(), 2)
    removed = without_budget(removed)
    assert decide(removed).action == DeleteVolume("data-x-1", "uid-data-x-1")
    going = change_volume(removed, "data-x-1", terminating=True)
    assert decide(going).action == DeletePod("x-1", "uid-x-1")
    assert decide(change_pod(going, "x-1", terminating=True)).reason == "WipingVolume"


def test_retained_disk_of_a_removed_member_is_not_wiped() -> None:
    """A scale-down that was taken back, or a person's removal: its data are for a person to delete."""
    removed = want(without_budget(drop_member(well(), 2)), when_scaled=WhenScaled.RETAIN)
    plan = decide(removed)
    assert (plan.action, plan.reason, plan.target) == (None, "VolumeRetained", "data-x-1")
    going = change_volume(removed, "data-x-1", terminating=True)
    assert decide(going).action == DeletePod("x-1", "uid-x-1")


def test_disk_that_was_given_up_is_wiped_whatever_is_retained() -> None:
    """Nothing can be read of it, and the member is to be added anew."""
    snapshot = want(without_budget(drop_member(unreachable(), 2)), when_scaled=WhenScaled.RETAIN)
    wiped = DeleteVolume("data-x-1", "uid-data-x-1")
    assert decide(snapshot).action == wiped
    damaged = change_node(drop_member(well(), 2), "x-1", damage="bad CRC")
    damaged = want(without_budget(damaged), when_scaled=WhenScaled.RETAIN)
    assert decide(damaged).action == wiped
    set_aside = change_volume(damaged, "data-x-1", retired_ms=LONG_AGO)
    assert decide(set_aside).reason == "VolumeRetained"


def test_uncommitted_removal_wipes_nothing() -> None:
    """The membership before may count again."""
    removed = change_ensemble(drop_member(well(), 2), config_index=101)
    assert decide(without_budget(removed)).action is None


def test_pod_that_does_not_speak_is_wiped_by_its_label() -> None:
    """An unreachable disk of a removed member goes by what is written on its claim."""
    snapshot = drop_member(unreachable(), 2)
    snapshot = without_budget(snapshot)
    assert decide(snapshot).action == DeleteVolume("data-x-1", "uid-data-x-1")
    nobodys = {"member_id": 0, "cluster_id": "", "lost": False}
    unlabelled = change_volume(snapshot, "data-x-1", **nobodys)
    assert decide(unlabelled).name != "DeleteVolume"


def test_volume_that_was_lost_before_anybody_lived_there_is_made_anew() -> None:
    """A pod that is to join cannot start on it, and nothing is on it."""
    snapshot = drop_member(unreachable(member_id=0, cluster_id=""), 2)
    snapshot = without_budget(snapshot)
    assert decide(snapshot).action == DeleteVolume("data-x-1", "uid-data-x-1")
    soon = change_volume(snapshot, "data-x-1", lost_since_ms=NOW - 60_000)
    assert decide(soon).reason == "PodUnschedulable"


def test_disk_of_another_ensemble_is_not_wiped() -> None:
    """Nobody knows what it is worth; a person decides."""
    snapshot = change_node(drop_member(well(), 2), "x-1", cluster_id="other")
    snapshot = without_budget(snapshot)
    assert decide(snapshot).name != "DeleteVolume"


def test_life_that_is_not_known_is_no_proof_of_a_loss() -> None:
    """A node that does not name the life of its disk, or a membership that does not: nothing follows."""
    mute = change_node(lost(), "x-1", incarnation="")
    assert decide(mute).action is None
    assert decide(change_member(lost(), 2, incarnation="")).action is None
