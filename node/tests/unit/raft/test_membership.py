"""The membership as a value, as bytes, and by index."""

import pytest

from raftkeeper.raft.membership import Member, Membership, MembershipHistory, MembershipTooNew


def test_a_membership_survives_its_bytes() -> None:
    """And equal ones have equal bytes."""
    membership = Membership.of([3, 1], learners=[7], outgoing=[1, 2])
    assert Membership.decode(membership.encode()) == membership
    assert membership.encode() == Membership.of([1, 3], [7], [2, 1]).encode()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"version":1,"voters":3,"learners":[],"outgoing":[]}',
        b'{"version":2,"voters":[1],"learners":[],"outgoing":[]}',
        b'{"version":3,"voters":[1],"learners":[],"outgoing":[],"next_id":2,"members":[]}',
        b'{"version":2,"voters":[1],"learners":[],"outgoing":[],"next_id":2,"members":[[1,"x"]]}',
    ],
)
def test_bytes_that_are_no_membership_are_refused(payload: bytes) -> None:
    """With a ValueError, whatever they are."""
    with pytest.raises(ValueError, match="membership"):
        Membership.decode(payload)


def test_bytes_of_the_first_version_are_still_read() -> None:
    """Logs written before members had details; their next id is above all they know."""
    old = b'{"version":1,"voters":[1,2],"learners":[5],"outgoing":[]}'
    assert Membership.decode(old) == Membership.of([1, 2], [5])
    assert Membership.decode(old).next_id == 6


def test_who_may_vote() -> None:
    """Voters of both halves; never learners."""
    membership = Membership.of([1, 2], learners=[4], outgoing=[3])
    assert [membership.may_vote(member) for member in (1, 2, 3, 4)] == [True, True, True, False]
    assert membership.is_joint
    assert not Membership.of([1]).is_joint
    assert Membership.of([1], learners=[2]).is_sole_voter(1)
    assert not Membership.of([1], outgoing=[2]).is_sole_voter(1)


def test_history_answers_by_index_and_rolls_back() -> None:
    """A membership counts from its entry on, until that entry is cut off."""
    one, two, three = Membership.of([1]), Membership.of([1, 2]), Membership.of([1, 2, 3])
    history = MembershipHistory(5, one, level_max=1)
    history.append(8, two)
    history.append(9, three)
    assert [history.at(index) for index in (1, 5, 7, 8, 9, 99)] == [
        one,
        one,
        one,
        two,
        three,
        three,
    ]
    history.truncate_from(9)
    assert history.current == two
    history.truncate_from(1)
    assert history.current == one
    history.append(8, two)
    history.compact(7)
    assert history.at(7) == one
    history.compact(8)
    assert history.at(8) == history.current == two


def test_a_member_founded_with_details_is_known_by_them() -> None:
    """The first membership may say more than ids."""
    founders = [Member(2, b"b", "host:2", "west", 3), Member(1, b"a", "host:1")]
    membership = Membership.found(founders)
    assert membership.voters == {1, 2}
    assert membership.members == (founders[1], founders[0])
    assert Membership.decode(membership.encode()) == membership


def test_a_level_survives_its_bytes_and_the_first_one_needs_none() -> None:
    """A release that knows no levels reads what is written at the first, and refuses the rest."""
    raised = Membership.of([1, 2], [4], level=2)
    assert Membership.decode(raised.encode()) == raised
    assert raised.encode().startswith(b'{"version":3,')
    first = Membership.of([1, 2], [4])
    assert first.level == 1
    assert first.encode() == (
        b'{"version":2,"voters":[1,2],"learners":[4],"outgoing":[],"next_id":5,"members":[]}'
    )


def test_a_membership_of_a_later_release_is_told_apart_from_garbage() -> None:
    """What to do about it is another thing."""
    later = Membership.of([1], level=2).encode().replace(b'"version":3', b'"version":4')
    with pytest.raises(MembershipTooNew, match="start the version of RaftKeeper that wrote it"):
        Membership.decode(later)


def test_a_level_that_is_not_spoken_has_no_place_in_the_history() -> None:
    """At the start as little as later; what was there before still counts."""
    low, high = Membership.of([1], level=2), Membership.of([1], level=3)
    with pytest.raises(MembershipTooNew, match="level 3 is in use"):
        MembershipHistory(5, high, level_max=2)
    history = MembershipHistory(5, low, level_max=2)
    with pytest.raises(MembershipTooNew, match="this member speaks 2 at most"):
        history.append(6, high)
    assert (history.current, history.current_index) == (low, 5)
