"""When to stand for election, and how the election stands. No clock: ticks and timeouts come in.

Holds no term and no role; the core does. Chance comes from outside too: the driver draws each
timeout, so that members do not stand up all at the same time.
"""

from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import MemberId, Role
from raftkeeper.raft.quorum import VoteResult, decide_vote


class Election:
    """Ticks since the last sign of a leader, and the votes of the running election."""

    __slots__ = ("_elapsed_ticks", "_member_id", "_votes", "timeout_ticks")

    def __init__(self, member_id: MemberId, timeout_ticks: int) -> None:
        self._member_id = member_id
        self._elapsed_ticks = 0
        self._votes: dict[MemberId, bool] = {}
        self.timeout_ticks = timeout_ticks

    def tick(self, role: Role, membership: Membership) -> bool:
        """One tick went by without a leader; whether it is time to stand for election.

        A sole voter has nobody to wait for, so a follower stands up at once. As a candidate it
        waits for its own disk only: to start again would never end on a disk that is slower than
        the timeout.
        """
        self._elapsed_ticks += 1
        if not membership.may_vote(self._member_id):
            return False
        if membership.is_sole_voter(self._member_id):
            return role is Role.FOLLOWER
        return self._elapsed_ticks >= self.timeout_ticks

    def start(self) -> None:
        """A new election: no vote counts yet, not even the own one, which is not durable."""
        self._elapsed_ticks = 0
        self._votes.clear()

    def record(self, member: MemberId, *, granted: bool, membership: Membership) -> VoteResult:
        """Counts a vote; the first word of a member stands."""
        self._votes.setdefault(member, granted)
        return decide_vote(membership, self._votes)
