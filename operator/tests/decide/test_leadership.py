"""Leadership moves on request and to preferred zones, between healthy voters only."""

from dataclasses import replace

from tests.decide.picture import (
    NOW,
    break_pod,
    change_ensemble,
    change_member,
    change_node,
    change_pod,
    leaderless,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.leadership import best_successor, place_leader
from raftkeeper_operator.decide.plan import Transfer, UpdateMember
from raftkeeper_operator.observe.snapshot import Snapshot, TransferRequest

ZONED = want(well(zones=("a", "b", "c")), leader_zones=("b",))


def asked(pod: str, snapshot: Snapshot | None = None) -> Snapshot:
    return replace(snapshot or well(), transfer_request=TransferRequest("t1", pod))


def test_requested_member_leads() -> None:
    """The token goes with the action, so that it is done once."""
    assert decide(asked("x-2")).action == Transfer(1, 3, 2, "t1")


def test_request_without_a_name_takes_the_best() -> None:
    """The longest log among equals."""
    snapshot = change_member(well(), 3, match_index=101)
    assert decide(asked("", snapshot)).action == Transfer(1, 3, 2, "t1")


def test_request_for_the_leader_is_answered_too() -> None:
    """It leads already: the call changes nothing, and the token is answered."""
    assert decide(asked("x-0")).action == Transfer(1, 1, 2, "t1")


def test_request_for_a_member_that_is_down_waits() -> None:
    """With the reason."""
    plan = decide(asked("x-2", break_pod(well(), "x-2")))
    assert (plan.action, plan.reason) == (None, "NoSuccessor")


def test_request_waits_for_a_change_under_way() -> None:
    """One thing at a time."""
    plan = decide(asked("x-2", change_ensemble(well(), transferring=True)))
    assert (plan.action, plan.reason) == (None, "ChangeInProgress")


def test_request_without_a_leader_waits() -> None:
    """There is nothing to hand over."""
    assert decide(asked("x-2", leaderless(well()))).action is None


def test_best_successor_prefers_zone_then_priority_then_log() -> None:
    """In this order."""
    snapshot = change_member(well(zones=("a", "b", "c")), 3, match_index=200)

    def best(snapshot: Snapshot) -> int:
        assert snapshot.ensemble is not None
        found = best_successor(Facts(snapshot), snapshot.ensemble, lambda _: True)
        return found.id if found else 0

    assert best(snapshot) == 3
    assert best(change_member(snapshot, 2, priority=2)) == 2
    assert best(want(change_member(snapshot, 2, priority=2), leader_zones=("c",))) == 3


def test_leader_goes_to_a_preferred_zone() -> None:
    """When everybody is well."""
    assert decide(ZONED).action == Transfer(1, 2, 2)


def test_leader_stays_while_something_is_wrong() -> None:
    """Preference is never worth an election while a voter is away."""
    for snapshot in (
        break_pod(ZONED, "x-c-0"),
        change_pod(ZONED, "x-c-0", terminating=True),
        change_ensemble(ZONED, leader_since_ms=NOW - 1_000),
        change_ensemble(ZONED, leader_id=9),
        change_ensemble(ZONED, is_joint=True),
        want(ZONED, leader_zones=("d",)),
        want(ZONED, leader_zones=("a",)),
    ):
        assert decide(snapshot).action is None


def test_membership_learns_the_zones_of_its_members() -> None:
    """Founders do not know theirs, and a pod may move."""
    snapshot = change_member(well(zones=("a", "b", "c")), 2, zone="")
    assert decide(snapshot).action == UpdateMember(2, "b", 7)
    assert decide(change_pod(well(), "x-1", zone="n")).action == UpdateMember(2, "n", 7)


def test_leader_is_not_placed_where_it_would_have_to_go_again() -> None:
    """On a member of the preferred zone that is to be removed, or is drained: it went to and fro for ever."""
    assert place_leader(Facts(ZONED)) is not None
    assert place_leader(Facts(want(ZONED, zones=("a", "c")))) is None
    assert place_leader(Facts(change_node(ZONED, "x-b-0", draining=True))) is None
