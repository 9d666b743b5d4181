"""The values that the core takes and gives: entries, hard state, roles. Frozen, no behaviour.

An `Entry` and a `HardState` are named tuples, so that storage writes them as they are and never
needs to import this package.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple, Never, TypeAlias

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


Message: TypeAlias = Never
"""What members say to each other. A sole voter has nobody to talk to."""


class NotLeader(Exception):
    """Only the leader can do this. `leader_id` is whom to ask, or `NOBODY`."""

    def __init__(self, leader_id: MemberId) -> None:
        super().__init__(f"not the leader; the leader is {leader_id or 'unknown'}")
        self.leader_id = leader_id
