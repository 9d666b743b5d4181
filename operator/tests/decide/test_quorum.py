"""Nobody leads: who is missing and why, in words; and no action on the membership whatever happens."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    NOW,
    change_ensemble,
    change_node,
    change_pod,
    change_volume,
    drop_pod,
    drop_volume,
    empty,
    leaderless,
    make_pod,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import MembershipAction
from raftkeeper_operator.decide.quorum import evidence, majority_is_lost, why_away
from raftkeeper_operator.observe.snapshot import Founding, Snapshot

AWAY = leaderless(well(), NOW - 1)


def test_election_is_given_time() -> None:
    """A few seconds without a leader are nothing to explain."""
    assert decide(AWAY).reason == "NoLeader"
    assert "election takes seconds" in decide(AWAY).message


def test_voters_that_all_answer_and_elect_nobody_are_named() -> None:
    """After a minute that is worth a hint."""
    plan = decide(leaderless(well()))
    assert plan.reason == "NoLeader"
    assert "peer port" in plan.message


@pytest.mark.parametrize(
    ("snapshot", "line"),
    [
        (drop_pod(AWAY, "x-1"), "its pod is not there"),
        (change_pod(AWAY, "x-1", unschedulable="no room"), "no node takes its pod: no room"),
        (change_pod(AWAY, "x-1", trouble="OOM"), "its container does not run: OOM"),
        (change_pod(AWAY, "x-1", terminating=True), "its pod is stopping"),
        (change_pod(AWAY, "x-1", node=None), "it does not answer"),
        (change_node(AWAY, "x-1", damage="bad CRC"), "its disk is damaged: bad CRC"),
        (change_pod(AWAY, "x-1", node=make_waiting("l")), "its disk was lost and is empty now"),
        (drop_volume(drop_pod(AWAY, "x-1"), "data-x-1"), "its volume is gone"),
        (
            change_volume(drop_pod(AWAY, "x-1"), "data-x-1", terminating=True),
            "its volume is gone",
        ),
        (
            change_volume(drop_pod(AWAY, "x-1"), "data-x-1", lost=True),
            "its volume data-x-1 is lost",
        ),
    ],
)
def test_each_missing_voter_is_explained(snapshot: Snapshot, line: str) -> None:
    """A line a voter, with what was seen."""
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "NoQuorum")
    assert plan.blocked_by == (f"x-1 (member 2): {line}",)


def test_lost_majority_is_told_from_one_that_may_come_back() -> None:
    """Two of three disks are gone: nothing that restarts brings them back."""
    one = drop_volume(drop_pod(AWAY, "x-1"), "data-x-1")
    assert not majority_is_lost(Facts(one))
    two = change_pod(one, "x-2", node=make_waiting("l"))
    plan = decide(two)
    assert (plan.action, plan.reason) == (None, "QuorumLost")
    assert len(plan.blocked_by) == 2
    assert "restore a backup" in plan.message


def test_nothing_touches_the_membership_without_a_leader() -> None:
    """Whatever the spec asks for."""
    for changes in ({"replicas": 5}, {"replicas": 1}, {"zones": ("a", "b")}, {"revision": "v2"}):
        assert not isinstance(decide(want(leaderless(well()), **changes)).action, MembershipAction)


def test_foreign_ensemble_is_left_alone() -> None:
    """The pods are somebody else's; everything stops."""
    plan = decide(change_ensemble(want(well(), replicas=5), cluster_id="other"))
    assert (plan.action, plan.reason) == (None, "ForeignEnsemble")


def test_founding_is_explained_by_pod() -> None:
    """Until the ensemble exists."""
    pods = (make_pod("x-0", make_waiting("l")), make_pod("x-1", None, trouble="ErrImagePull"))
    members = "1=x-0.s,2=x-1.s,3=x-2.s"
    pools = well().pools
    snapshot = replace(empty(), founding=Founding(True, "rv", members), pools=pools, pods=pods)
    plan = decide(snapshot)
    assert plan.reason == "Bootstrapping"
    assert plan.blocked_by == (
        "x-1: its container does not run: ErrImagePull",
        "x-2: its pod is not there",
    )


def test_voter_that_is_there_has_no_line() -> None:
    """Evidence is about those that are missing."""
    assert why_away(well().pods[0]) == ""
    assert evidence(Facts(AWAY)) == ()
