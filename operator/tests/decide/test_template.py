"""Templates: the wanted one, until it does not come up; then the last good one, until the spec moves on."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    LONG_AGO,
    NOW,
    add_member,
    break_pod,
    change_ensemble,
    change_node,
    change_pod,
    change_pool,
    drop_member,
    leaderless,
    make_member,
    make_node,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import DeletePod, RecordGood, RejectRevision, SetTemplate
from raftkeeper_operator.decide.template import held_up_pod, stalled_pod
from raftkeeper_operator.observe.desired import OnFailure, Strategy
from raftkeeper_operator.observe.snapshot import Revisions, Snapshot


def stalled(**desired: object) -> Snapshot:
    """The first pod with the template v2 does not come up."""
    snapshot = change_pool(want(well(), revision="v2", **desired), "x", revision="v2")
    snapshot = replace(snapshot, revisions=Revisions("v1", "", ("v1", "v2")))
    return break_pod(change_pod(snapshot, "x-2", revision="v2"), "x-2", "ImagePullBackOff")


REJECTED = replace(stalled(), revisions=Revisions("v1", "v2", ("v1", "v2")))


def test_new_template_goes_to_every_pool_first() -> None:
    """No pod is touched by it."""
    snapshot = want(well(zones=("a", "b", "c")), revision="v2")
    assert decide(snapshot).action == SetTemplate("x-a", "v2", "rv-x-a")
    snapshot = change_pool(snapshot, "x-a", revision="v2")
    assert decide(snapshot).action == SetTemplate("x-b", "v2", "rv-x-b")


def test_paused_upgrade_changes_no_template() -> None:
    """So that not even a pod that dies gets it."""
    plan = decide(want(well(), revision="v2", strategy=Strategy.PAUSED))
    assert (plan.action, plan.reason) == (None, "UpgradePaused")


def test_revision_is_good_when_all_pods_run_well_with_it() -> None:
    """For as long as minHealthySeconds, all of them, with a leader."""
    snapshot = replace(well(), revisions=Revisions())
    assert decide(snapshot).action == RecordGood("v1", "")
    for other in (
        change_pod(snapshot, "x-1", ready_since_ms=NOW - 1_000),
        change_pod(snapshot, "x-1", ready=False),
        change_pod(snapshot, "x-1", revision="v0"),
        leaderless(snapshot),
        replace(snapshot, pods=snapshot.pods[:2]),
    ):
        assert decide(other).name != "RecordGood"


def test_good_revision_is_recorded_with_its_template() -> None:
    """If the record has lost it, and only the spec's own can be had."""
    lost = replace(well(), revisions=Revisions("v1", resource_version="7"))
    assert decide(lost).action == RecordGood("v1", "", resource_version="7")
    assert decide(want(lost, revision="v2")).name == "SetTemplate"


def test_record_of_a_rejected_revision_goes_when_the_spec_has_moved_on() -> None:
    """And templates that nothing needs go with it."""
    snapshot = replace(well(), revisions=Revisions("v1", "v0", ("v0", "v1")))
    assert decide(snapshot).action == RecordGood("v1", "")
    superfluous = replace(well(), revisions=Revisions("v1", "", ("v0", "v1")))
    assert decide(superfluous).action == RecordGood("v1", "")


def test_template_that_does_not_come_up_is_rejected() -> None:
    """When the deadline has passed, not before."""
    plan = decide(stalled())
    assert plan.action == RejectRevision("v2")
    assert "ImagePullBackOff" in plan.message
    soon = change_pod(stalled(), "x-2", created_ms=NOW - 1_000, unready_since_ms=NOW - 1_000)
    assert decide(soon).reason == "WaitingForPod"


def test_pod_that_runs_and_is_not_ready_stalls_too() -> None:
    """Its own reason is shown."""
    snapshot = change_pod(stalled(), "x-2", running=True, trouble="", node=well().pods[2].node)
    snapshot = change_node(snapshot, "x-2", reason="it cannot read its configuration")
    plan = decide(snapshot)
    assert plan.action == RejectRevision("v2")
    assert "it cannot read its configuration" in plan.message
    assert "does not become ready" in decide(change_node(snapshot, "x-2", reason="")).message


def test_rollback_restarts_only_what_is_broken() -> None:
    """Back to the good template, and then the one pod that had the bad one."""
    assert decide(REJECTED).action == SetTemplate("x", "v1", "rv-x")
    back = change_pool(REJECTED, "x", revision="v1")
    assert decide(back).action == DeletePod("x-2", "uid-x-2")


def test_rollback_stays_until_the_spec_changes() -> None:
    """The rejected revision is not tried again; another one is."""
    snapshot = replace(want(well(), revision="v2"), revisions=Revisions("v1", "v2", ("v1", "v2")))
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "RolledBack")
    moved = want(snapshot, revision="v3")
    assert decide(moved).action == RecordGood("v1", "")
    forgotten = replace(moved, revisions=Revisions("v1", "", ("v1",)))
    assert decide(forgotten).action == SetTemplate("x", "v3", "rv-x")


def test_good_revision_whose_template_is_lost_cannot_be_gone_back_to() -> None:
    """Then the spec's own is what counts."""
    snapshot = replace(stalled(), revisions=Revisions("v1", "v2", ("v2",)))
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "UpgradeStalled")


@pytest.mark.parametrize(
    "snapshot",
    [
        stalled(on_failure=OnFailure.PAUSE),
        replace(stalled(), revisions=Revisions("", "", ("v2",))),
    ],
)
def test_stalled_rollout_waits_for_a_person(snapshot: Snapshot) -> None:
    """When it is not to be rolled back, or cannot be."""
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "UpgradeStalled")


def test_time_of_an_empty_disk_does_not_count_when_it_has_become_a_learner() -> None:
    """It waited for a leader for long, and now it catches up: the good template is no reason for that."""
    age = {"created_ms": LONG_AGO, "unready_since_ms": LONG_AGO, "tried_since_ms": LONG_AGO}
    waiting = change_pod(stalled(), "x-2", running=True, trouble="", node=make_waiting("l"), **age)
    assert decide(waiting).name != "RejectRevision"
    joined = change_pod(waiting, "x-2", node=make_node(4))
    learner = make_member(4, "x-2", "learner", caught_up=False)
    assert decide(add_member(joined, learner)).reason == "LearnerCatchingUp"
    broken = change_pod(joined, "x-2", running=False, trouble="CrashLoopBackOff", node=None)
    assert decide(add_member(broken, learner)).action == RejectRevision("v2")


def test_time_without_a_leader_does_not_count_when_there_is_one_again() -> None:
    """Its members are ready some seconds later."""
    led = change_pod(stalled(), "x-2", running=True, trouble="", node=make_node(3))
    assert decide(led).action == RejectRevision("v2")
    assert decide(change_ensemble(led, leader_since_ms=NOW - 1_000)).name != "RejectRevision"


def test_pods_that_nothing_is_wrong_with_do_not_stall_a_rollout() -> None:
    """An empty disk that waits to be added, no leader to be heard by, one that is drained or removed."""
    waiting = change_pod(stalled(), "x-2", running=True, node=make_waiting("life-9"))
    assert decide(waiting).name != "RejectRevision"
    running = change_pod(leaderless(stalled()), "x-2", running=True)
    assert decide(running).name != "RejectRevision"
    nobody = change_pod(stalled(), "x-2", running=True, node=make_node(9))
    assert decide(nobody).name != "RejectRevision"
    drained = change_pod(stalled(), "x-2", running=True, node=make_node(3, draining=True))
    assert decide(drained).name != "RejectRevision"
    good = replace(stalled(), revisions=Revisions("v2", "", ("v2",)))
    assert decide(good).name != "RejectRevision"


NO_NODE = change_pod(stalled(), "x-2", unschedulable="0/3 nodes are available", trouble="")


def test_pod_that_no_node_takes_is_not_the_templates_fault() -> None:
    """However long it takes: the plan says who holds the rollout, and nothing is rolled back."""
    plan = decide(NO_NODE)
    assert (plan.action, plan.reason, plan.target) == (None, "PodUnschedulable", "x-2")
    assert "0/3 nodes are available" in plan.message
    node_down = change_pod(stalled(), "x-2", held_up="its node n3 is not ready", running=True)
    plan = decide(node_down)
    assert (plan.action, plan.reason) == (None, "PodHeldUp")
    assert "n3 is not ready" in plan.message


def test_start_that_takes_some_seconds_is_nothing_to_tell() -> None:
    """A volume is attached, a network set up."""
    young = {"created_ms": NOW - 5_000, "unready_since_ms": NOW - 5_000}
    snapshot = change_pod(stalled(), "x-2", held_up="its node has not …", trouble="", **young)
    assert decide(snapshot).reason == "WaitingForPod"


def test_deadline_counts_from_when_the_pod_could_run() -> None:
    """A node was found a second ago: what went before was not the template's time."""
    just_now = change_pod(stalled(), "x-2", tried_since_ms=NOW - 1_000)
    assert decide(just_now).reason == "WaitingForPod"
    for_long = change_pod(stalled(), "x-2", tried_since_ms=LONG_AGO)
    assert decide(for_long).action == RejectRevision("v2")


def test_template_that_asks_more_of_nodes_than_the_good_one_is_to_blame() -> None:
    """The former one would have found a node, so back to it."""
    revisions = Revisions("v1", "", ("v1", "v2"), choosy=frozenset({"v2"}))
    plan = decide(replace(NO_NODE, revisions=revisions))
    assert plan.action == RejectRevision("v2")
    assert "no node takes it: 0/3 nodes" in plan.message
    soon = change_pod(NO_NODE, "x-2", created_ms=NOW - 1_000, unready_since_ms=NOW - 1_000)
    assert decide(replace(soon, revisions=revisions)).reason == "PodUnschedulable"


def test_pods_of_no_member_hold_nobody_up() -> None:
    """One that is not wanted need not find a node."""
    extra = change_pod(well(), "x-2", unschedulable="no", ready=False, ready_since_ms=0)
    unwanted = want(drop_member(extra, 3), replicas=1)
    assert held_up_pod(Facts(unwanted)) is None
    assert held_up_pod(Facts(extra)) is not None


def test_damaged_disk_where_no_member_lives_is_excused() -> None:
    """It is a former member's, and is wiped; a member's may well be what the template makes of it."""
    snapshot = change_pod(stalled(), "x-2", running=True, trouble="")
    damaged = change_pod(
        snapshot, "x-2", node=replace(make_node(0), state="starting", damage="rotten")
    )
    held = stalled_pod(Facts(damaged))
    assert held is not None
    assert held.name == "x-2"
    assert stalled_pod(Facts(drop_member(damaged, 3))) is None


def test_learner_without_a_leader_is_excused_as_well() -> None:
    """The only voter is another, and away: nobody can be ready."""
    snapshot = leaderless(stalled())
    snapshot = change_pod(snapshot, "x-2", running=True, trouble="", node=make_node(3))
    one = (make_member(1, "x-0"), make_member(3, "x-2", "learner"))
    remembered = replace(snapshot.remembered, members=one)
    assert decide(replace(snapshot, remembered=remembered)).name != "RejectRevision"


def test_only_voter_that_does_not_become_ready_is_rolled_back() -> None:
    """It cannot have a leader because of the template, so that is no excuse."""
    snapshot = change_pool(want(leaderless(well(replicas=1)), revision="v2"), "x", revision="v2")
    snapshot = replace(snapshot, revisions=Revisions("v1", "", ("v1", "v2")))
    snapshot = change_pod(
        snapshot,
        "x-0",
        revision="v2",
        ready=False,
        ready_since_ms=0,
        unready_since_ms=LONG_AGO,
    )
    assert decide(snapshot).action == RejectRevision("v2")
