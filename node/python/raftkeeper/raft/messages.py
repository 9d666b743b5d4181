"""The values that the core takes and gives: entries, hard state, roles, messages. No behaviour.

An `Entry` and a `HardState` are named tuples, so that storage writes them as they are and never
needs to import this package. Messages are too, of plain values only, so that a codec can write them
as rows. Any message may be lost, delayed, repeated and overtaken. That it comes from the member it
says, of the same cluster, is for the transport to see to.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple, TypeAlias

# Plain integers with a name: arithmetic on indexes is all over Raft, and a NewType would have to be
# wrapped again after each addition.
Index: TypeAlias = int
Term: TypeAlias = int
MemberId: TypeAlias = int

NOBODY: MemberId = 0
"""No vote, no known leader. Member ids count from 1."""


class EntryKind(IntEnum):
    """What the payload of an entry is. The numbers are on disk: never reuse one."""

    NOOP = 1
    """Empty; the first entry of every leader, so that it can commit what it inherited."""
    BATCH = 2
    """Requests of clients, for the state machine."""
    CONFIG = 3
    """A membership; it counts from the moment it is in the log."""


class Entry(NamedTuple):
    """One entry of the log; also, as it is, one record of a block on disk."""

    index: Index  # type: ignore[assignment]  # hides tuple.index(), which nobody asks an entry for
    term: Term
    kind: int
    payload: bytes


class HardState(NamedTuple):
    """What a member may never forget: the newest term it has seen and its vote in it."""

    term: Term
    vote: MemberId


NO_HARD_STATE = HardState(0, NOBODY)
"""Of a member that was never there before."""


class Role(Enum):
    """What a member is doing in its term."""

    FOLLOWER = "follower"
    """Also a learner, and a member that belongs to no ensemble yet."""
    PRE_CANDIDATE = "pre-candidate"
    """Asks whether it would be elected, without disturbing anybody's term."""
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class SoftState:
    """What may be forgotten: only for metrics, admission and the routing of requests."""

    role: Role
    leader_id: MemberId


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """The read `token` may be served from the own state as soon as `index` has been applied."""

    token: int
    index: Index


class PreVoteRequest(NamedTuple):
    """Would you vote for me? Binds nobody."""

    sender: MemberId
    to: MemberId
    term: Term
    """The one it would stand in: its own and one more."""
    last_index: Index
    last_term: Term


class PreVoteReply(NamedTuple):
    """Of the term asked for when granted, of the sender's own when not."""

    sender: MemberId
    to: MemberId
    term: Term
    granted: bool


class VoteRequest(NamedTuple):
    """Vote for me."""

    sender: MemberId
    to: MemberId
    term: Term
    last_index: Index
    last_term: Term
    forced: bool
    """The leader itself has asked for this election, so that it is alive is no reason to refuse."""


class VoteReply(NamedTuple):
    """Sent only when the vote is durable."""

    sender: MemberId
    to: MemberId
    term: Term
    granted: bool


class Append(NamedTuple):
    """Entries that follow the one at `prev_index`; none: is that one the same with you?"""

    sender: MemberId
    to: MemberId
    term: Term
    prev_index: Index
    prev_term: Term
    entries: tuple[Entry, ...]
    commit: Index
    sequence: int
    """The leader's newest round of confirmation; comes back in the reply."""


class AppendReply(NamedTuple):
    """Accepted: durable up to `match_index`. Refused: the logs part; where they agree is at
    `match_index` or before it, where this member's entry has `hint_term`.
    """

    sender: MemberId
    to: MemberId
    term: Term
    prev_index: Index
    accepted: bool
    match_index: Index
    hint_term: Term
    sequence: int


class Heartbeat(NamedTuple):
    """The leader lives. `commit` is not ahead of what is known to be on the receiver's disk."""

    sender: MemberId
    to: MemberId
    term: Term
    commit: Index
    sequence: int
    """0: only a word about the commit, which nobody answers."""


class HeartbeatReply(NamedTuple):
    """The sender follows in this term. Sequence 0: somebody of an earlier term is told the newer."""

    sender: MemberId
    to: MemberId
    term: Term
    sequence: int


class SnapshotOffer(NamedTuple):
    """The sender's log begins behind `covers_index`: fetch its newest snapshot, which covers that.

    Repeated until an `AppendReply` tells that it is there. The bytes go another way.
    """

    sender: MemberId
    to: MemberId
    term: Term
    covers_index: Index


class TimeoutNow(NamedTuple):
    """Stand for election at once: leadership is handed to you."""

    sender: MemberId
    to: MemberId
    term: Term


class ReadRequest(NamedTuple):
    """From which index on may a linearizable read be served?"""

    sender: MemberId
    to: MemberId
    term: Term
    context: int
    """Never the same twice, over restarts too."""


class ReadReply(NamedTuple):
    """As soon as `read_index` has been applied."""

    sender: MemberId
    to: MemberId
    term: Term
    context: int
    read_index: Index


class Removed(NamedTuple):
    """It is committed that `to` is no member any more: there is nothing to stand for, or to serve."""

    sender: MemberId
    to: MemberId
    term: Term


Message: TypeAlias = (
    PreVoteRequest
    | PreVoteReply
    | VoteRequest
    | VoteReply
    | Append
    | AppendReply
    | Heartbeat
    | HeartbeatReply
    | SnapshotOffer
    | TimeoutNow
    | ReadRequest
    | ReadReply
    | Removed
)
"""What members say to each other."""

MESSAGES: tuple[type[Message], ...] = (
    PreVoteRequest,
    PreVoteReply,
    VoteRequest,
    VoteReply,
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    SnapshotOffer,
    TimeoutNow,
    ReadRequest,
    ReadReply,
    Removed,
)
"""The position of each is its number on the wire: append here, never insert."""


class ColdSend(NamedTuple):
    """Entries for a follower that are no longer in memory: read first..last, call `cold_read`.

    Void once this member does not lead `term` any more: the entries may be replaced from then on, by
    some that are not on the disk yet, so a read that was put off looks first.
    """

    to: MemberId
    term: Term
    first: Index
    last: Index


class SnapshotFetch(NamedTuple):
    """Fetch the newest snapshot of `sender`, which covers `covers_index` at least."""

    sender: MemberId
    covers_index: Index


class NotLeader(Exception):
    """Only the leader can do this. `leader_id` is whom to ask, or `NOBODY`."""

    def __init__(self, leader_id: MemberId) -> None:
        super().__init__(f"not the leader; the leader is {leader_id or 'unknown'}")
        self.leader_id = leader_id


class Transferring(NotLeader):
    """The leader hands its leadership over and takes nothing new; soon one of both will again."""

    def __init__(self, leader_id: MemberId, to: MemberId) -> None:
        super().__init__(leader_id)
        self.args = (f"leadership goes from member {leader_id} to {to}; try again",)
        self.to = to
