"""Majorities, plain and joint. Pure functions; learners never count.

In a joint membership both sets of voters decide for themselves and both must agree (thesis 4.3).
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum

from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import Index, MemberId


class VoteResult(Enum):
    """How an election stands."""

    PENDING = "pending"
    WON = "won"
    LOST = "lost"


def majority(count: int) -> int:
    """How many of `count` voters are enough."""
    return count // 2 + 1


def decide_commit_index(membership: Membership, match: Mapping[MemberId, Index]) -> Index:
    """The highest index that a quorum has on disk. `match` is what is known of each; 0 otherwise."""
    index = _index_of_majority(membership.voters, match)
    if membership.outgoing:
        index = min(index, _index_of_majority(membership.outgoing, match))
    return index


def decide_vote(membership: Membership, votes: Mapping[MemberId, bool]) -> VoteResult:
    """Won when each half has a majority of grants, lost when one half cannot get there any more."""

    def can_win(voters: Collection[MemberId]) -> bool:
        return sum(votes.get(voter, True) for voter in voters) >= majority(len(voters))

    granted = [voter for voter, grant in votes.items() if grant]
    if has_quorum(membership, granted):
        return VoteResult.WON
    return VoteResult.PENDING if _in_all(membership, can_win) else VoteResult.LOST


def has_quorum(membership: Membership, members: Collection[MemberId]) -> bool:
    """Whether `members` hold a majority of every half."""
    present = frozenset(members)
    return _in_all(membership, lambda voters: len(present & voters) >= majority(len(voters)))


def _halves(membership: Membership) -> tuple[frozenset[MemberId], ...]:
    if membership.outgoing:
        return (membership.voters, membership.outgoing)
    return (membership.voters,)


def _in_all(membership: Membership, condition: Callable[[frozenset[MemberId]], bool]) -> bool:
    return all(condition(voters) for voters in _halves(membership))


def _index_of_majority(voters: frozenset[MemberId], match: Mapping[MemberId, Index]) -> Index:
    if not voters:
        return 0
    ordered = sorted([match.get(voter, 0) for voter in voters])
    return ordered[-majority(len(voters))]
