"""Members come and go one at a time, in the zones the spec asks for, and never add up to two changes."""

from dataclasses import replace

from tests.decide.picture import (
    CLUSTER_ID,
    LONG_AGO,
    NOW,
    SUFFIX,
    add_member,
    add_pod,
    add_volume,
    break_pod,
    change_ensemble,
    change_member,
    change_node,
    change_pod,
    change_pool,
    change_volume,
    drop_member,
    drop_pod,
    drop_volume,
    make_member,
    make_node,
    make_pod,
    make_volume,
    make_waiting,
    want,
    well,
    without_budget,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import (
    AddLearner,
    AdoptVolume,
    DeleteVolume,
    Drain,
    Promote,
    RemoveMember,
    SetBudget,
    SetPoolReplicas,
    Transfer,
    Undrain,
)
from raftkeeper_operator.decide.refusals import key_of
from raftkeeper_operator.decide.scale import let_go
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.snapshot import Budget, Refusal, Remembered, Snapshot

GROWING = want(well(), replicas=5)
SHRINKING = want(well(replicas=5), replicas=3)


def newcomer(**changes: object) -> Snapshot:
    """A fourth pod is there and waits to be added."""
    snapshot = change_pool(GROWING, "x", replicas=4)
    snapshot = add_volume(snapshot, make_volume("x-3", 0))
    snapshot = add_pod(snapshot, make_pod("x-3", make_waiting("life-4")))
    values = {"ready": False, "ready_since_ms": 0, "unready_since_ms": LONG_AGO} | changes
    return change_pod(snapshot, "x-3", **values)


def learner(**changes: object) -> Snapshot:
    """It has been added."""
    return add_member(newcomer(), make_member(4, "x-3", "learner", **changes))


# ---- up --------------------------------------------------------------------------------------------


def test_one_pod_is_added_at_a_time() -> None:
    """Not both at once."""
    assert decide(GROWING).action == SetPoolReplicas("x", 4, "rv-x")


def test_emptiest_zone_gets_the_next_member() -> None:
    """So that the zones stay balanced on the way."""
    snapshot = want(well(zones=("a", "b", "c")), replicas=7)
    assert decide(snapshot).action == SetPoolReplicas("x-a", 2, "rv-x-a")
    snapshot = change_pool(
        want(well(replicas=5, zones=("a", "b", "c")), replicas=7), "x", replicas=0
    )
    assert decide(snapshot).action == SetPoolReplicas("x-c", 2, "rv-x-c")


def test_volume_of_a_former_member_is_deleted_before_its_seat_is_used() -> None:
    """A retired disk must not come back under a new member's name."""
    volume = make_volume("x-3", 4, retired_ms=NOW - 1)
    snapshot = add_volume(GROWING, volume)
    assert decide(snapshot).action == DeleteVolume("data-x-3", "uid-data-x-3")
    waiting = decide(change_volume(snapshot, "data-x-3", terminating=True))
    assert (waiting.action, waiting.reason) == (None, "VolumeDeleting")


def test_retained_volume_is_left_to_a_person() -> None:
    """The scale-up says what it waits for; a seat that is free is filled meanwhile."""
    volume = make_volume("x-3", 4, retired_ms=LONG_AGO)
    snapshot = want(add_volume(GROWING, volume), when_scaled=WhenScaled.RETAIN)
    plan = decide(snapshot)
    assert (plan.action, plan.reason, plan.target) == (None, "VolumeRetained", "data-x-3")
    assert "delete the claim" in plan.message
    assert decide(change_volume(snapshot, "data-x-3", lost=True)).reason == "VolumeRetained"
    assert decide(drop_volume(snapshot, "data-x-3")).action == SetPoolReplicas("x", 4, "rv-x")
    both = add_volume(snapshot, make_volume("x-4", 5, retired_ms=LONG_AGO))
    assert decide(both).target == "data-x-3"
    zones = want(well(zones=("a", "b", "c")), replicas=5, when_scaled=WhenScaled.RETAIN)
    zones = add_volume(zones, make_volume("x-a-1", 4, retired_ms=LONG_AGO))
    assert decide(zones).action == SetPoolReplicas("x-b", 2, "rv-x-b")


def test_retained_volume_that_is_nobodys_is_used_as_it_is() -> None:
    """An empty disk of a scale-up that was taken back: its pod says what is on it."""
    snapshot = add_volume(GROWING, make_volume("x-3", 0, retired_ms=LONG_AGO))
    snapshot = want(snapshot, when_scaled=WhenScaled.RETAIN)
    assert decide(snapshot).action == AdoptVolume("data-x-3", "uid-data-x-3"), "no longer retired"
    in_use = change_volume(snapshot, "data-x-3", retired_ms=0)
    assert decide(in_use).action == SetPoolReplicas("x", 4, "rv-x")


def test_volume_of_a_member_blocks_the_seat() -> None:
    """A volume whose label names a living member is not touched, whatever its name says."""
    snapshot = add_volume(GROWING, make_volume("x-3", 2))
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "VolumeInUse")


def test_label_of_another_ensemble_protects_nobody() -> None:
    """Ids are counted anew in each ensemble."""
    snapshot = add_volume(GROWING, make_volume("x-3", 2, cluster_id="other"))
    assert decide(snapshot).action == DeleteVolume("data-x-3", "uid-data-x-3")


def test_waiting_pod_becomes_a_learner() -> None:
    """By its address and the life of its disk, under compare-and-swap."""
    action = decide(newcomer()).action
    assert action == AddLearner("x-3", "x-3" + SUFFIX, "life-4", "", 7)


def test_pod_that_is_not_there_yet_is_waited_for() -> None:
    """Each with its own reason."""
    missing = change_pool(GROWING, "x", replicas=4)
    assert decide(missing).reason == "PodMissing"
    assert decide(newcomer(terminating=True)).reason == "PodStopping"
    assert decide(newcomer(node=None)).reason == "PodNotReady"
    assert (
        decide(newcomer(node=replace(make_waiting("l"), state="starting"))).reason == "PodNotReady"
    )
    stuck = newcomer(node=None, running=False, unschedulable="0/3 nodes are available")
    assert decide(stuck).reason == "PodUnschedulable"


def test_learner_is_waited_for_and_then_promoted() -> None:
    """It votes when it has caught up, and not before."""
    waiting = decide(learner(caught_up=False, match_index=3))
    assert (waiting.action, waiting.reason) == (None, "LearnerCatchingUp")
    caught_up = change_pod(learner(), "x-3", node=make_node(4))
    assert decide(caught_up).reason == "LearnerNotReady"
    drained = change_pod(learner(), "x-3", node=make_node(4, draining=True))
    assert decide(without_budget(drained)).action == Promote(4, 7)
    caught_up = without_budget(change_pod(caught_up, "x-3", ready=True))
    assert decide(caught_up).action == Promote(4, 7)
    stopping = change_pod(caught_up, "x-3", terminating=True)
    assert decide(stopping).reason == "LearnerCatchingUp"


def test_budget_is_raised_before_a_vote_is_given() -> None:
    """Between the two a drain could take one of two, and with it the majority."""
    snapshot = want(well(replicas=1), replicas=3)
    snapshot = add_pod(change_pool(snapshot, "x", replicas=2), make_pod("x-1", make_node(2)))
    snapshot = add_member(snapshot, make_member(2, "x-1", "learner"))
    snapshot = add_volume(snapshot, make_volume("x-1", 2))
    assert snapshot.budget == Budget(0, 1, "rv-budget")
    assert decide(snapshot).action == SetBudget(2, "rv-budget")
    assert decide(replace(snapshot, budget=None)).action == SetBudget(2)
    raised = replace(snapshot, budget=Budget(2, 0, "2"))
    assert decide(raised).action == Promote(2, 7)
    theirs = (Refusal(key_of(SetBudget(2)), "theirs"),)
    assert decide(replace(snapshot, budget=None, refused=theirs)).action == Promote(2, 7)


def test_learner_waits_for_its_vote_until_a_majority_can_bear_it() -> None:
    """Of three voters two are down: a fourth vote would be needed for a majority that is not there."""
    snapshot = without_budget(change_pod(learner(), "x-3", node=make_node(4), ready=True))
    one_down = break_pod(snapshot, "x-1")
    assert decide(one_down).action == Promote(4, 7)
    two_down = break_pod(one_down, "x-2")
    assert (decide(two_down).action, decide(two_down).reason) == (None, "MemberDown")


def test_learner_is_not_touched_during_a_change() -> None:
    """One change at a time."""
    plan = decide(change_ensemble(learner(), commit_index=6))
    assert (plan.action, plan.reason) == (None, "ChangeInProgress")


def test_learner_with_another_disk_is_given_up() -> None:
    """What it had caught up with is gone."""
    snapshot = change_pod(learner(), "x-3", node=make_waiting("life-5"))
    assert decide(snapshot).action == RemoveMember(4, 7)
    snapshot = change_pod(learner(), "x-3", node=make_node(3, incarnation="life-4"))
    assert decide(snapshot).action == RemoveMember(4, 7)


def test_learner_without_a_pod_is_waited_for() -> None:
    """A pod that is restarted comes back with its disk, and a pool that was shrunk is grown again."""
    without = drop_pod(learner(caught_up=False), "x-3")
    assert decide(without).reason == "LearnerCatchingUp"
    assert decide(change_pool(without, "x", replicas=3)).action == SetPoolReplicas("x", 4, "rv-x")


def test_learner_that_is_not_wanted_any_more_is_given_up() -> None:
    """The spec went back before it had caught up."""
    assert decide(want(learner(caught_up=False), replicas=3)).action == RemoveMember(4, 7)


def test_learner_whose_disk_is_damaged_is_given_up() -> None:
    """It will never catch up; its seat begins anew with an empty disk."""
    snapshot = change_node(learner(caught_up=False), "x-3", damage="the log is missing")
    assert decide(snapshot).action == RemoveMember(4, 7)


def test_learner_whose_node_is_gone_is_given_up_after_a_while() -> None:
    """Its disk does not come back, and nothing else begins while it is waited for."""
    gone = change_volume(learner(caught_up=False), "data-x-3", lost=True, lost_since_ms=LONG_AGO)
    gone = change_pod(gone, "x-3", node=None, running=False, unschedulable="no node")
    assert decide(gone).action == RemoveMember(4, 7)
    for waits in (
        change_volume(gone, "data-x-3", lost_since_ms=NOW - 60_000),
        change_volume(gone, "data-x-3", zone="a"),
        want(gone, replace_after_ms=None),
    ):
        assert decide(waits).reason == "LearnerCatchingUp"


def test_nothing_else_begins_while_a_learner_is_on_its_way() -> None:
    """A scale-down that comes meanwhile waits for it."""
    snapshot = learner(caught_up=False)
    snapshot = want(snapshot, zones=("a", "b", "c"))
    assert decide(snapshot).reason in {"LearnerGivenUp", "CreatingPool"}


# ---- down ------------------------------------------------------------------------------------------


def test_highest_follower_is_drained_then_removed() -> None:
    """Clients first, membership second, the pod when the membership is committed."""
    assert decide(SHRINKING).action == Drain("x-4", "uid-x-4", 5)
    behind = change_member(SHRINKING, 5, caught_up=False)
    assert decide(behind).action == Drain("x-4", "uid-x-4", 5), "it serves clients all the same"
    drained = change_node(SHRINKING, "x-4", draining=True)
    counted = decide(drained)
    assert (counted.action, counted.reason) == (None, "DrainingClients"), "by the budget"
    drained = change_pod(drained, "x-4", ready=False)
    assert decide(drained).action == RemoveMember(5, 7)
    removed = without_budget(drop_member(drained, 5))
    uncommitted = change_ensemble(removed, config_index=200)
    assert decide(uncommitted).name != "SetPoolReplicas"
    assert decide(removed).action == SetPoolReplicas("x", 4, "rv-x")


def test_clients_get_some_time_to_leave() -> None:
    """Not for ever: those that stay reconnect when the pod stops."""
    drained = change_node(SHRINKING, "x-4", draining=True, clients=7)
    assert decide(drained).reason == "DrainingClients"
    since = Remembered(CLUSTER_ID, plan_reason="DrainingClients", plan_since_ms=NOW - 30_000)
    assert decide(replace(drained, remembered=since)).action == RemoveMember(5, 7)
    just_now = replace(since, plan_since_ms=NOW - 1_000)
    assert decide(replace(drained, remembered=just_now)).action is None


def test_leader_hands_over_before_it_goes() -> None:
    """To one that stays."""
    snapshot = change_ensemble(SHRINKING, leader_id=5)
    snapshot = change_member(change_member(snapshot, 5, role="leader"), 1, role="voter")
    snapshot = change_member(snapshot, 4, match_index=500)
    assert decide(snapshot).action == Transfer(5, 1, 2)


def test_leader_hands_over_to_one_that_goes_if_nobody_stays() -> None:
    """All of them move to other zones."""
    snapshot = want(well(replicas=5), zones=("a", "b", "c"), replicas=1)
    snapshot = change_ensemble(snapshot, leader_id=5)
    snapshot = change_member(change_member(snapshot, 5, role="leader"), 1, role="voter")
    pools = tuple(change_pool(well(zones=("a", "b", "c")), "x", replicas=0).pools)
    empty_pools = tuple(replace(pool, replicas=0) for pool in pools)
    snapshot = replace(snapshot, pools=(*snapshot.pools, *empty_pools))
    assert decide(snapshot).action == Transfer(5, 1, 2)


def test_nobody_to_hand_over_to_is_said() -> None:
    """A leader that is down for its kubelet, and followers that only just came back: wait."""
    snapshot = want(well(), replicas=1)
    snapshot = change_ensemble(snapshot, leader_id=3)
    snapshot = change_member(change_member(snapshot, 3, role="leader"), 1, role="voter")
    facts = Facts(snapshot)
    assert snapshot.ensemble is not None
    nobody = replace(snapshot.ensemble, members=snapshot.ensemble.members[2:])
    plan = let_go(facts, nobody, Seat("x", 2), snapshot.ensemble.members[2], {Seat("x", 2)})
    assert (plan.action, plan.reason) == (None, "NoSuccessor")


def test_disk_that_is_a_member_elsewhere_is_not_added_again() -> None:
    """Its life is in the membership already, under another address."""
    snapshot = newcomer(node=make_waiting("life-2"))
    assert decide(snapshot).name != "AddLearner"


def test_most_crowded_zone_gives_up_first() -> None:
    """Zone a and b have two, c has one."""
    snapshot = want(well(replicas=5, zones=("a", "b", "c")), replicas=3)
    assert decide(snapshot).action == Drain("x-a-1", "uid-x-a-1", 4)


def test_one_that_is_down_goes_first() -> None:
    """It serves nobody, and the rest is a majority."""
    snapshot = want(well(replicas=5, zones=("a", "b", "c")), replicas=3)
    snapshot = break_pod(snapshot, "x-b-1")
    assert decide(snapshot).action == RemoveMember(5, 7)


def test_nobody_healthy_is_removed_while_another_is_down() -> None:
    """What the operator does is never the second loss."""
    plan = decide(break_pod(SHRINKING, "x-1"))
    assert (plan.action, plan.reason) == (None, "MemberDown")


def test_moving_to_another_zone_adds_before_it_removes() -> None:
    """The number of voters is never below the wanted one."""
    snapshot = want(well(zones=("a", "b", "c")), zones=("a", "b", "d"))
    assert decide(snapshot).name == "CreatePool"
    pool = replace(snapshot.pools[0], name="x-d", zone="d", replicas=0, resource_version="rv-d")
    snapshot = replace(snapshot, pools=(*snapshot.pools, pool))
    assert decide(snapshot).action == SetPoolReplicas("x-d", 1, "rv-d")
    moved = add_member(snapshot, make_member(4, "x-d-0", zone="d"))
    moved = add_pod(moved, make_pod("x-d-0", make_node(4)))
    moved = change_pool(moved, "x-d", replicas=1)
    moved = without_budget(moved)
    assert decide(moved).action == Drain("x-c-0", "uid-x-c-0", 3)


def test_taken_back_scale_down_leaves_nobody_drained() -> None:
    """Its clients come back."""
    snapshot = change_node(well(), "x-2", draining=True)
    assert decide(snapshot).action == Undrain("x-2", "uid-x-2", 3)
    assert decide(change_pod(snapshot, "x-2", terminating=True)).name != "Undrain"


def test_pod_without_a_member_goes() -> None:
    """A scale-up was taken back before the pod was added."""
    snapshot = want(newcomer(), replicas=3)
    assert decide(snapshot).action == SetPoolReplicas("x", 3, "rv-x")
    assert decide(change_pool(snapshot, "x", deleting=True)).action is None


def test_member_that_a_person_added_from_elsewhere_is_left_alone() -> None:
    """Its address is none of this cluster's, so it is neither extra nor missing."""
    guest = make_member(9, "elsewhere-0")
    snapshot = add_member(well(), replace(guest, address="elsewhere-0.example.org:2888"))
    assert decide(without_budget(snapshot)).reason == "Settled"
