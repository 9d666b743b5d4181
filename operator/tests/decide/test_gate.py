"""The gate: when a member may go for a moment, and when for ever."""

from tests.decide.picture import (
    add_member,
    break_pod,
    change_node,
    change_pod,
    drop_member,
    make_member,
    well,
)

from raftkeeper_operator.decide.facts import Facts, quorum
from raftkeeper_operator.decide.gate import (
    bears_promotion,
    disruption_blockers,
    removal_blockers,
)
from raftkeeper_operator.observe.snapshot import Snapshot


def disruption(snapshot: Snapshot, member_id: int = 2) -> str:
    ensemble = snapshot.ensemble
    assert ensemble is not None
    member = ensemble.member(member_id)
    assert member is not None
    return "; ".join(disruption_blockers(Facts(snapshot), ensemble, member))


def removal(snapshot: Snapshot, member_id: int) -> str:
    ensemble = snapshot.ensemble
    assert ensemble is not None
    member = ensemble.member(member_id)
    assert member is not None
    return "; ".join(removal_blockers(Facts(snapshot), ensemble, member))


def test_healthy_ensemble_spares_one() -> None:
    """Nothing blocks."""
    assert disruption(well()) == ""


def test_five_voters_spare_one_too_not_two() -> None:
    """A majority would bear a second loss; the gate does not cause it."""
    assert disruption(break_pod(well(replicas=5), "x-4")) == "not well: x-4 (member 5)"


def test_two_voters_spare_none() -> None:
    """Each is needed for the majority."""
    assert "two voters need each other" in disruption(drop_member(well(), 3))


def test_stopping_pod_and_learner_block() -> None:
    """Everybody has to be back, and nobody on the way."""
    assert "x-2 is stopping" in disruption(change_pod(well(), "x-2", terminating=True))
    learner = make_member(4, "x-3", "learner")
    assert "learners are catching up: x-3" in disruption(add_member(well(), learner))


def test_drained_voter_is_well() -> None:
    """It is not ready for clients, and votes as ever."""
    drained = change_node(change_pod(well(), "x-2", ready=False), "x-2", draining=True)
    assert disruption(drained) == ""


def test_last_voter_is_never_removed() -> None:
    """The node would refuse as well."""
    assert removal(well(replicas=1), 1) == "it is the last voter"


def test_removal_needs_a_majority_that_is_well() -> None:
    """Of those that stay."""
    assert removal(well(), 3) == ""
    assert "not well: x-1" in removal(break_pod(well(replicas=5), "x-1"), 3)
    two_down = break_pod(break_pod(well(replicas=5), "x-3"), "x-4")
    assert removal(two_down, 5) == ""
    assert "too few would be left" in removal(break_pod(well(), "x-2"), 2)


def test_voter_that_is_heard_is_not_removed_beside_one_that_is_down() -> None:
    """Ready or not: its vote is what the majority would be a bare one without."""
    unready = change_pod(break_pod(well(replicas=5), "x-3"), "x-4", ready=False)
    assert "not well: x-3" in removal(unready, 5)


def test_promotion_is_borne_by_those_that_are_well() -> None:
    """One vote more, or one in the place of another."""
    ensemble = well().ensemble
    assert ensemble is not None
    assert bears_promotion(Facts(well()), ensemble)
    two_down = break_pod(break_pod(well(), "x-1"), "x-2")
    assert two_down.ensemble is not None
    assert not bears_promotion(Facts(two_down), two_down.ensemble)
    assert bears_promotion(Facts(two_down), two_down.ensemble, leaving=2)


def test_quorum_is_more_than_half() -> None:
    """For odd and even numbers."""
    assert [quorum(count) for count in (1, 2, 3, 4, 5, 9)] == [1, 2, 2, 3, 3, 5]
