"""When to stand, and how votes are counted."""

from raftkeeper.raft.election import Election, longest_timeout_ticks
from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import Role
from raftkeeper.raft.quorum import VoteResult

THREE = Membership.of([1, 2, 3])


def test_a_member_stands_after_its_timeout() -> None:
    """Not before, and again after a whole timeout more."""
    election = Election(1, 3)
    assert [election.tick(Role.FOLLOWER, THREE) for _ in range(3)] == [False, False, True]
    election.start()
    assert [election.tick(Role.CANDIDATE, THREE) for _ in range(3)] == [False, False, True]


def test_the_timeout_can_be_drawn_anew() -> None:
    """Chance comes from outside."""
    election = Election(1, 3)
    election.timeout_ticks = 1
    assert election.tick(Role.FOLLOWER, THREE)


def test_the_longest_timeout_leaves_time_to_elect_within_two() -> None:
    """Whatever the shortest is."""
    assert [longest_timeout_ticks(ticks) for ticks in (4, 10, 100)] == [7, 18, 180]


def test_a_sole_voter_stands_at_once_and_only_once() -> None:
    """A slow disk is no reason for another term."""
    election = Election(1, 3)
    alone = Membership.of([1], learners=[2])
    assert election.tick(Role.FOLLOWER, alone)
    election.start()
    assert not any(election.tick(Role.CANDIDATE, alone) for _ in range(10))


def test_the_first_word_of_a_member_stands() -> None:
    """A refusal that arrives twice, or turns around, counts once."""
    election = Election(1, 3)
    assert election.record(1, granted=True, membership=THREE) is VoteResult.PENDING
    assert election.record(2, granted=False, membership=THREE) is VoteResult.PENDING
    assert election.record(2, granted=True, membership=THREE) is VoteResult.PENDING
    assert election.record(3, granted=True, membership=THREE) is VoteResult.WON
