"""A majority is lost for good: who knows most, and that nothing is forced on a guess."""

from dataclasses import replace

from tests.decide.picture import (
    change_node,
    change_pod,
    drop_pod,
    drop_volume,
    empty,
    leaderless,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.recovery import gather_evidence, propose_survivor
from raftkeeper_operator.observe.desired import ForceQuorum
from raftkeeper_operator.observe.snapshot import Snapshot


def lost() -> Snapshot:
    """Of five voters three have lost their disks; x-3 and x-4 are left, and x-3 has the newer log."""
    snapshot = leaderless(well(replicas=5))
    snapshot = drop_volume(drop_pod(snapshot, "x-0"), "data-x-0")
    for name in ("x-1", "x-2"):
        snapshot = change_pod(snapshot, name, node=make_waiting(f"new-{name}"), ready=False)
    snapshot = change_node(snapshot, "x-3", last_term=7, last_index=50)
    return change_node(snapshot, "x-4", last_term=6, last_index=90)


def asked(snapshot: Snapshot, survivor: str = "") -> Snapshot:
    return want(snapshot, force_quorum=ForceQuorum(1, survivor, acknowledged=True))


def test_newer_term_knows_more_than_a_longer_log() -> None:
    """As in an election."""
    facts = Facts(lost())
    assert propose_survivor(facts) == "x-3"
    assert [one.pod for one in gather_evidence(facts)][:2] == ["x-3", "x-4"]
    assert [one.reachable for one in gather_evidence(facts)] == [True, True, False, False, False]


def test_nobody_is_proposed_while_a_majority_may_come_back() -> None:
    """Nor when nobody is left to be asked."""
    assert propose_survivor(Facts(well())) == ""
    assert propose_survivor(Facts(leaderless(well()))) == ""
    alone = replace(lost(), pods=())
    assert propose_survivor(Facts(alone)) == ""


def test_force_is_refused_while_a_majority_may_come_back() -> None:
    """It would throw away what is only out of reach."""
    plan = decide(asked(leaderless(well())))
    assert (plan.action, plan.reason) == (None, "RecoveryRefused")


def test_force_is_refused_for_one_that_cannot_be_asked() -> None:
    """It must be a voter on its own disk."""
    for survivor in ("x-0", "x-1", "y-0"):
        plan = decide(asked(lost(), survivor))
        assert (plan.action, plan.reason) == (None, "RecoveryRefused")
        assert survivor in plan.message


def test_force_names_the_survivor_and_the_way() -> None:
    """The plan says what a person can do."""
    for survivor in ("", "x-4"):
        plan = decide(asked(lost(), survivor))
        assert (plan.action, plan.reason) == (None, "RecoveryByHand")
        assert (survivor or "x-3") in plan.message


def test_force_is_asked_once_an_epoch() -> None:
    """An epoch that was carried out is over; and a cluster that leads or was never founded needs none."""
    done = asked(lost())
    done = replace(done, remembered=replace(done.remembered, recovery_epoch=1))
    assert decide(done).reason == "QuorumLost"
    assert decide(asked(well())).reason == "Settled"
    assert decide(asked(empty())).reason == "Founding"
    assert decide(asked(replace(empty(), founding=lost().founding))).name == "CreatePool"
