"""A new template reaches the pods one by one: the broken first, the leader last, none while one is away."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    LONG_AGO,
    NOW,
    add_member,
    add_pod,
    break_pod,
    change_ensemble,
    change_member,
    change_node,
    change_pod,
    change_pool,
    drop_member,
    drop_pod,
    leaderless,
    make_member,
    make_node,
    make_pod,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import DeletePod, Evict, Transfer
from raftkeeper_operator.decide.rollout import hand_over, roll_out
from raftkeeper_operator.observe.desired import Strategy
from raftkeeper_operator.observe.snapshot import Budget, Founding, Snapshot


def rolling(*updated: str, base: Snapshot | None = None) -> Snapshot:
    """The pools have the template v2, and so have these pods, well since long ago."""
    snapshot = want(base or well(), revision="v2")
    for pool in snapshot.pools:
        snapshot = change_pool(snapshot, pool.name, revision="v2")
    for name in updated:
        snapshot = change_pod(snapshot, name, revision="v2")
    return snapshot


def test_followers_go_first() -> None:
    """Highest ordinal first, and through the Eviction API."""
    assert decide(rolling()).action == Evict("x-2", "uid-x-2")


def test_zones_are_done_one_after_the_other() -> None:
    """All of a zone before the first of the next."""
    base = well(replicas=5, zones=("a", "b", "c"))
    assert decide(rolling(base=base)).action == Evict("x-a-1", "uid-x-a-1")
    assert decide(rolling("x-a-1", base=base)).action == Evict("x-b-1", "uid-x-b-1")


def test_next_one_waits_until_the_last_has_been_well_for_a_while() -> None:
    """Ready is not enough: it has to stay so."""
    for changes in (
        {"ready_since_ms": NOW - 1_000},
        {"ready": False, "ready_since_ms": 0, "created_ms": NOW - 1_000},
        {"node": None},
    ):
        plan = decide(change_pod(rolling("x-2"), "x-2", **changes))
        assert (plan.action, plan.reason) == (None, "WaitingForPod")


def test_next_one_waits_until_the_last_has_caught_up() -> None:
    """Ready before the leader says that it has everything is too early."""
    plan = decide(change_member(rolling("x-2"), 3, caught_up=False))
    assert (plan.action, plan.reason) == (None, "WaitingForPod")


def test_drained_pod_is_not_waited_for() -> None:
    """It is not ready because it was asked not to be, and goes only when the broken one is well again."""
    snapshot = want(rolling("x-1", "x-2", "x-3", "x-4", base=well(replicas=5)), replicas=3)
    snapshot = change_node(snapshot, "x-4", draining=True)
    snapshot = change_pod(snapshot, "x-4", ready=False, ready_since_ms=0)
    assert decide(break_pod(snapshot, "x-0")).action == DeletePod("x-0", "uid-x-0")


def test_drained_pod_that_is_still_ready_is_waited_for_like_any_other() -> None:
    """It came back a second ago, and nobody knows yet whether it stays."""
    snapshot = want(rolling("x-3", "x-4", base=well(replicas=5)), replicas=3)
    snapshot = change_node(snapshot, "x-4", draining=True)
    snapshot = change_pod(snapshot, "x-4", ready_since_ms=NOW - 1_000)
    plan = roll_out(Facts(snapshot))
    assert plan is not None
    assert (plan.action, plan.reason) == (None, "WaitingForPod")


def test_pod_that_stops_is_waited_for() -> None:
    """Whoever stopped it."""
    plan = decide(change_pod(rolling(), "x-1", terminating=True))
    assert (plan.action, plan.reason) == (None, "PodStopping")


def test_leader_hands_over_to_an_updated_voter() -> None:
    """Then it is a follower, and is restarted as one."""
    snapshot = rolling("x-1", "x-2")
    assert decide(change_member(snapshot, 3, match_index=101)).action == Transfer(1, 3, 2)
    handed = change_member(change_member(snapshot, 1, role="voter"), 3, role="leader")
    handed = change_ensemble(handed, leader_id=3)
    assert decide(handed).action == Evict("x-0", "uid-x-0")


def test_leader_hands_over_to_nobody_who_is_to_go() -> None:
    """One that is drained would hand back at once, and so on until it is gone."""
    going = change_node(rolling("x-1", "x-2"), "x-1", draining=True)
    plan = roll_out(Facts(going))
    assert plan is not None
    assert plan.action == Transfer(1, 3, 2)
    plan = roll_out(Facts(change_node(going, "x-2", draining=True)))
    assert plan is not None
    assert plan.action is None
    assert "nobody can take over" in plan.message


def test_only_voter_is_restarted_without_a_gate() -> None:
    """There is nobody to hand over to, and the spec asked for it; the budget may forbid it to drains."""
    base = replace(well(replicas=1, allow_single_node_drain=False), budget=Budget(1, 0))
    assert decide(rolling(base=base)).action == DeletePod("x-0", "uid-x-0")


@pytest.mark.parametrize(
    ("snapshot", "blocker"),
    [
        (drop_pod(rolling(), "x-1"), "not well: x-1 (member 2)"),
        (change_ensemble(rolling(), leader_since_ms=NOW - 1_000), "the leader is new"),
        (change_ensemble(rolling(), is_joint=True), "a change of the voters is not finished"),
        (
            change_ensemble(rolling(), config_index=101),
            "the last change of the membership is not committed",
        ),
        (change_ensemble(rolling(), transferring=True), "leadership is being handed over"),
        (
            replace(rolling(), budget=Budget(2, 0)),
            "the PodDisruptionBudget allows nothing now; is a node being drained?",
        ),
    ],
)
def test_gate_says_what_blocks(snapshot: Snapshot, blocker: str) -> None:
    """With the words that a person needs."""
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "DisruptionBlocked")
    assert blocker in plan.blocked_by


def test_learner_on_its_way_holds_the_rollout() -> None:
    """It needs its leader and its log."""
    snapshot = add_member(rolling(), make_member(4, "x-3", "learner", caught_up=False))
    snapshot = want(change_pool(snapshot, "x", replicas=4), replicas=5)
    snapshot = add_pod(snapshot, make_pod("x-3", make_node(4), revision="v2"))
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "LearnerCatchingUp")


def test_updated_pod_that_waits_to_be_added_holds_nobody() -> None:
    """It has come up; that it is no member yet is not the template's fault."""
    snapshot = want(change_pool(rolling(), "x", replicas=4), replicas=5, zones=())
    waiting = make_pod("x-3", make_waiting("life-1"), revision="v2", ready=False)
    assert decide(add_pod(snapshot, waiting)).action == Evict("x-2", "uid-x-2")


def test_leader_stays_until_the_gate_lets_it_go() -> None:
    """The same gate as for everybody."""
    snapshot = change_ensemble(rolling("x-1", "x-2"), leader_since_ms=NOW - 1_000)
    assert (decide(snapshot).action, decide(snapshot).reason) == (None, "DisruptionBlocked")


def test_unwell_leader_that_nobody_can_relieve_stays() -> None:
    """The others are a majority, and none of them is a member the leader knows to have everything."""
    snapshot = change_pod(rolling(), "x-0", ready=False, ready_since_ms=0)
    ensemble = snapshot.ensemble
    assert ensemble is not None
    leader = ensemble.members[0]
    plan = hand_over(Facts(snapshot), ensemble, snapshot.pods[0], leader, ())
    assert (plan.action, plan.reason) == (None, "DisruptionBlocked")


# ---- broken ones -----------------------------------------------------------------------------------


def test_pod_that_does_not_run_goes_first_and_needs_no_gate() -> None:
    """It serves nobody."""
    snapshot = break_pod(rolling(), "x-0", "ImagePullBackOff")
    assert decide(snapshot).action == DeletePod("x-0", "uid-x-0")
    assert "ImagePullBackOff" in decide(snapshot).message


def test_removed_member_is_one_until_its_removal_is_committed() -> None:
    """Its vote may be needed for that; taken down too early, the ensemble may never finish the change."""
    snapshot = drop_member(rolling("x-0", "x-1"), 3)
    plan = roll_out(Facts(snapshot))
    assert plan is not None
    assert plan.action == DeletePod("x-2", "uid-x-2")
    plan = roll_out(Facts(change_ensemble(snapshot, config_index=101)))
    assert plan is not None
    assert (plan.action, plan.reason, plan.target) == (None, "DisruptionBlocked", "x-2")


def test_what_the_leader_hears_is_not_taken_for_broken() -> None:
    """The kubelet's word is older than the leader's."""
    snapshot = change_pod(rolling(), "x-1", running=False)
    assert decide(snapshot).name != "DeletePod"


def test_waiting_pod_is_replaced_without_a_gate() -> None:
    """It is nobody yet."""
    snapshot = want(change_pool(rolling(), "x", replicas=4), replicas=3)
    waiting = make_pod("x-3", make_waiting("life-4"), ready=False)
    snapshot = change_pool(add_pod(snapshot, waiting), "x", deleting=True)
    assert decide(snapshot).action == DeletePod("x-3", "uid-x-3")


def test_running_but_unwell_pod_goes_before_the_healthy() -> None:
    """If the others are a majority without it."""
    snapshot = change_pod(rolling(), "x-1", ready=False, ready_since_ms=0)
    assert decide(snapshot).action == Evict("x-1", "uid-x-1")
    second = change_member(change_pod(snapshot, "x-2", revision="v1"), 3, caught_up=False)
    plan = decide(second)
    assert (plan.action, plan.reason) == (None, "DisruptionBlocked")


def test_unwell_leader_hands_over_first() -> None:
    """To anyone who is well."""
    snapshot = change_pod(rolling(), "x-0", ready=False, ready_since_ms=0)
    assert decide(snapshot).action == Transfer(1, 2, 2)


def test_unwell_pod_waits_for_a_change_under_way() -> None:
    """It may still be needed for it."""
    snapshot = change_ensemble(
        change_pod(rolling(), "x-1", ready=False, ready_since_ms=0), is_joint=True
    )
    assert decide(snapshot).reason == "DisruptionBlocked"


def test_starting_pod_is_known_by_its_place() -> None:
    """Before its node has said who it is."""
    snapshot = change_node(rolling("x-2"), "x-2", state="starting", member_id=0)
    assert decide(snapshot).reason == "WaitingForPod"


# ---- no leader -------------------------------------------------------------------------------------


def test_broken_pods_are_replaced_without_a_leader() -> None:
    """A mistake at the first start can be mended: nothing runs, so nothing is lost."""
    base = replace(leaderless(well()), founding=Founding(True, "rv", "1=x-0.s"))
    snapshot = break_pod(rolling(base=base), "x-1", "ImagePullBackOff")
    assert decide(snapshot).action == DeletePod("x-1", "uid-x-1")


def test_one_broken_pod_after_the_other() -> None:
    """The next one waits until the first has been started with the new template, or has failed to."""
    snapshot = break_pod(break_pod(rolling(base=leaderless(well())), "x-1"), "x-2")
    started = change_pod(snapshot, "x-2", revision="v2", created_ms=NOW - 1_000)
    assert decide(started).action is None
    failed = change_pod(snapshot, "x-2", revision="v2", created_ms=LONG_AGO)
    assert decide(want(failed, progress_deadline_ms=60_000)).name in {"DeletePod", "RejectRevision"}


def test_running_pods_are_left_alone_while_somebody_may_lose() -> None:
    """The operator may be the one who cannot see: a ready pod, or an election, is reason enough to wait."""
    assert decide(rolling(base=leaderless(well()))).name != "DeletePod"
    nobody_ready = rolling(base=leaderless(well(), NOW - 1_000))
    for name in ("x-0", "x-1", "x-2"):
        nobody_ready = change_pod(nobody_ready, name, ready=False, ready_since_ms=0)
    assert decide(nobody_ready).name != "DeletePod"
    for_long = replace(nobody_ready, remembered=leaderless(well()).remembered)
    assert decide(for_long).action == DeletePod("x-0", "uid-x-0")


# ---- by hand ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [Strategy.ON_DELETE, Strategy.PAUSED])
def test_strategy_keeps_pods_as_they_are(strategy: Strategy) -> None:
    """A person restarts them, or nobody does for now."""
    plan = decide(want(rolling(), strategy=strategy))
    assert (plan.action, plan.reason) == (None, "UpgradePaused")
