"""Templates: the wanted one, until it does not come up; then the last good one, until the spec moves on."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    LONG_AGO,
    NOW,
    break_pod,
    change_node,
    change_pod,
    change_pool,
    leaderless,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import DeletePod, RecordGood, RejectRevision, SetTemplate
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


def test_pods_that_nothing_is_wrong_with_do_not_stall_a_rollout() -> None:
    """An empty disk that waits to be added, a pod that no node takes, one whose ensemble has no leader."""
    waiting = change_pod(stalled(), "x-2", running=True, node=make_waiting("life-9"))
    assert decide(waiting).name != "RejectRevision"
    assert decide(change_pod(stalled(), "x-2", unschedulable="no node")).name != "RejectRevision"
    running = change_pod(leaderless(stalled()), "x-2", running=True)
    assert decide(running).name != "RejectRevision"
    good = replace(stalled(), revisions=Revisions("v2", "", ("v2",)))
    assert decide(good).name != "RejectRevision"


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
