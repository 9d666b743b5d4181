"""When to stand for election, how the election stands, and who is preferred. No clock, no chance.

Holds no term and no role; the core does, and voting.py moves them. Ticks and timeouts come in: the
driver draws each timeout, so that members do not stand up all at the same time.

Preference never decides a vote: it only lets the less preferred wait a little longer, once. So an
ensemble whose preferred members are away elects another all the same.
"""

from collections.abc import Iterable

from raftkeeper.raft.membership import Member, Membership
from raftkeeper.raft.messages import MemberId, Role
from raftkeeper.raft.quorum import VoteResult, decide_vote

APART_TICKS = 2
"""Between two followers that saw the leader's connection break at the same moment: time for the
first to ask and to be answered before the second stands too."""

ELECTION_PARTS = 5
"""Of the shortest election timeout one part is left for the election itself, so that a silent leader has a
successor within two of them."""

DEFERENCE_PARTS = 4
"""A member waits a quarter of the shortest election timeout longer for each rank of preference
above its own, and for two of them at most: more would cost more than a transfer later."""


class Election:
    """Ticks since the last sign of a leader, and the votes of the running election."""

    __slots__ = (
        "_member_id",
        "_votes",
        "attempts",
        "elapsed_ticks",
        "forced",
        "removed",
        "timeout_ticks",
    )

    def __init__(self, member_id: MemberId, timeout_ticks: int) -> None:
        self._member_id = member_id
        self._votes: dict[MemberId, bool] = {}
        self.elapsed_ticks = 0
        self.timeout_ticks = timeout_ticks
        self.attempts = 0
        """Since a leader was heard. Who has stood once in vain defers to nobody any more."""
        self.forced = False
        """The leader itself has asked for this election."""
        self.removed = False
        """A leader has said that this is no member any more."""

    def tick(self, role: Role, membership: Membership, deference_ticks: int = 0) -> bool:
        """One tick went by without a leader; whether it is time to stand for election, for a member
        that may.

        A sole voter has nobody to wait for, so a follower stands up at once. As a candidate it
        waits for its own disk only: to start again would never end on a disk that is slower than
        the timeout.
        """
        self.elapsed_ticks += 1
        if membership.is_sole_voter(self._member_id):
            return role is Role.FOLLOWER
        wait_ticks = self.timeout_ticks + (0 if self.attempts else deference_ticks)
        return self.elapsed_ticks >= wait_ticks

    def heard_leader(self) -> None:
        """The leader lives: the timeout begins anew."""
        self.elapsed_ticks = 0
        self.attempts = 0

    def wait_again(self) -> None:
        """Somebody else may well win: the timeout begins anew."""
        self.elapsed_ticks = 0

    def stand_within(self, ticks: int) -> None:
        """The leader is gone for sure: there is no point in waiting for it to be silent."""
        self.elapsed_ticks = max(self.elapsed_ticks, self.timeout_ticks - ticks)
        self.attempts = max(self.attempts, 1)

    def start(self, *, forced: bool = False) -> None:
        """A new election: no vote counts yet, not even the own one, which is not durable."""
        self.elapsed_ticks = 0
        self.attempts += 1
        self.forced = forced
        self._votes.clear()

    def record(self, member: MemberId, *, granted: bool, membership: Membership) -> VoteResult:
        """Counts a vote; the first word of a member stands."""
        self._votes.setdefault(member, granted)
        return decide_vote(membership, self._votes)

    @property
    def has_own_vote(self) -> bool:
        return self._member_id in self._votes

    def unheard(self, membership: Membership) -> list[MemberId]:
        """The voters that have said nothing yet, without the member itself."""
        voters = (membership.voters | membership.outgoing) - self._votes.keys()
        return sorted(voters - {self._member_id})


def longest_timeout_ticks(election_ticks: int) -> int:
    """Up to where the driver draws an election timeout; `election_ticks` is the shortest."""
    return 2 * election_ticks - max(1, election_ticks // ELECTION_PARTS)


def decide_preference(member: Member, zones: Iterable[str]) -> tuple[bool, int]:
    """More is better: a member of a preferred zone before all others, then by priority."""
    return (member.zone in zones, member.priority)


def decide_deference_ticks(
    member_id: MemberId, membership: Membership, zones: Iterable[str], election_ticks: int
) -> int:
    """How much longer than its timeout this member waits, once, for more preferred ones."""
    own = membership.member(member_id)
    if own is None:
        return 0
    level = decide_preference(own, zones)
    better = {decide_preference(member, zones) for member in _voters(membership)}
    rank = sum(other > level for other in better)
    return min(rank, 2) * (election_ticks // DEFERENCE_PARTS)


def decide_order(
    membership: Membership, zones: Iterable[str], without: MemberId
) -> tuple[MemberId, ...]:
    """Who stands first, second, … when the leader `without` is known to be gone."""
    candidates = [member for member in _voters(membership) if member.id != without]
    preferred_first = sorted(
        candidates, key=lambda member: (decide_preference(member, zones), -member.id), reverse=True
    )
    return tuple(member.id for member in preferred_first)


def _voters(membership: Membership) -> list[Member]:
    return [member for member in membership.members if membership.may_vote(member.id)]
