"""Majorities, plain and joint."""

import itertools

import pytest

from raftkeeper.raft.membership import Membership
from raftkeeper.raft.quorum import (
    VoteResult,
    decide_commit_index,
    decide_vote,
    has_quorum,
    majority,
)


@pytest.mark.parametrize(("count", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_a_majority_is_more_than_half(count: int, enough: int) -> None:
    """Two majorities always share a voter."""
    assert majority(count) == enough
    assert 2 * enough > count


@pytest.mark.parametrize(
    ("voters", "match", "index"),
    [
        ([1], {1: 7}, 7),
        ([1], {}, 0),
        ([1, 2, 3], {1: 9, 2: 5, 3: 2}, 5),
        ([1, 2, 3], {1: 9}, 0),
        ([1, 2, 3, 4], {1: 9, 2: 8, 3: 7, 4: 1}, 7),
        ([1, 2, 3, 4, 5], {1: 9, 2: 9, 3: 4, 4: 1, 5: 1}, 4),
        ([], {1: 5}, 0),
    ],
)
def test_the_commit_index_is_on_a_majority(
    voters: list[int], match: dict[int, int], index: int
) -> None:
    """Exactly the highest that a majority has."""
    assert decide_commit_index(Membership.of(voters), match) == index


def test_learners_never_count() -> None:
    """Neither for commits nor for votes nor for reads."""
    membership = Membership.of([1, 2, 3], learners=[4, 5])
    assert decide_commit_index(membership, {1: 9, 4: 9, 5: 9}) == 0
    assert decide_vote(membership, {1: True, 4: True, 5: True}) is VoteResult.PENDING
    assert not has_quorum(membership, [1, 4, 5])


def test_a_joint_membership_needs_both_halves() -> None:
    """One half alone decides nothing."""
    joint = Membership.of([1, 2, 3], outgoing=[3, 4, 5])
    assert decide_commit_index(joint, {1: 9, 2: 9, 3: 1, 4: 3}) == 1
    assert decide_commit_index(joint, {1: 9, 2: 9, 4: 3, 5: 4}) == 3
    assert not has_quorum(joint, [1, 2, 3])
    assert has_quorum(joint, [2, 3, 4])
    assert decide_vote(joint, {1: True, 2: True}) is VoteResult.PENDING
    assert decide_vote(joint, {1: True, 3: True, 4: True}) is VoteResult.WON
    assert decide_vote(joint, {1: True, 2: True, 4: False, 5: False}) is VoteResult.LOST


def test_votes_decide_as_soon_as_they_can() -> None:
    """For every way that three voters can have voted so far."""
    membership = Membership.of([1, 2, 3])
    for votes in itertools.product([True, False, None], repeat=3):
        said = {member: vote for member, vote in enumerate(votes, start=1) if vote is not None}
        granted, refused = votes.count(True), votes.count(False)
        expected = VoteResult.PENDING
        if granted >= 2:
            expected = VoteResult.WON
        elif refused >= 2:
            expected = VoteResult.LOST
        assert decide_vote(membership, said) is expected


def test_nobody_decides_for_an_empty_ensemble() -> None:
    """A member without a membership can never take itself for a majority of nobody."""
    assert not has_quorum(Membership.of([]), [1])
    assert decide_vote(Membership.of([]), {1: True}) is not VoteResult.WON
