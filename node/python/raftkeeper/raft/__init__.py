"""The Raft core: what one member decides, as a pure machine without clock, disk, network or loop.

How to drive it:

1.  Read the disk: hard state, newest snapshot, log. Put it into a `Restored`, build `RaftCore`.
2.  On a new cluster's first member, and only there, call `bootstrap` with the first membership.
3.  Call `tick` at a steady pace. Randomness comes from you: `set_election_timeout` at the start and
    whenever a Ready says `redraw_timeout`, up to `longest_timeout_ticks`; `RaftConfig.nonce` at each start.
4.  Give what peers say to `step`, and a broken connection to `leader_unreachable`.
5.  Call `propose` with the payload of one entry: a batch. `NotLeader` means what it says;
    `may_propose` says it before.
6.  Whenever `has_ready`, take `ready()`. What it holds was handed over once and for all; each field
    of `Ready` says when it must be done in relation to the others.
7.  Send `messages` at once. Persist: hard state, then `restored`, then the entries. One write and
    one fsync may cover several Readys.
8.  When durable, call `persisted` with the Ready's number, and send what was to be sent after.
9.  Apply what a Ready says is committed, in order, then call `applied`.
10. Ask `read_index` for a linearizable read; the grant or the failure comes in a later Ready.
11. After a durable snapshot, purge the log, then call `compact` with the index purged to; mind
    `tail_index`.
12. Answer `sends_cold` with `cold_read`; end a `snapshot_fetch` with `restore` or `snapshot_failed`.
13. `change` the membership and `transfer` leadership when a person or an operator asks for it. On a
    leader, `mark_unfit` who should not get it.

Nothing here may import a clock, chance, a loop, a socket, the log of the process or the engine: the
simulator runs this very code.
"""

from raftkeeper.raft.change import (
    AddLearner,
    Change,
    ChangeRefusal,
    ChangeRefused,
    Promote,
    RaiseLevel,
    Remove,
    Replace,
    Update,
    certain_members,
)
from raftkeeper.raft.core import RaftCore
from raftkeeper.raft.effects import Ready, SnapshotMeta
from raftkeeper.raft.election import longest_timeout_ticks
from raftkeeper.raft.invariants import AcknowledgedLost, InvariantBroken, check_core
from raftkeeper.raft.membership import BASE_LEVEL, Member, Membership, MembershipTooNew
from raftkeeper.raft.messages import (
    MESSAGES,
    NOBODY,
    Append,
    AppendReply,
    ColdSend,
    Entry,
    EntryKind,
    HardState,
    Heartbeat,
    HeartbeatReply,
    Index,
    MemberId,
    Message,
    NotLeader,
    PreVoteReply,
    PreVoteRequest,
    ReadGrant,
    ReadReply,
    ReadRequest,
    Removed,
    Role,
    SnapshotFetch,
    SnapshotOffer,
    SoftState,
    TimeoutNow,
    Transferring,
    VoteReply,
    VoteRequest,
)
from raftkeeper.raft.options import RaftConfig, Restored
from raftkeeper.raft.progress import FollowerState, FollowerView
from raftkeeper.raft.transfer import TransferRefused, find_successor, mark_unfit
from raftkeeper.raft.voting import is_removed

__all__ = [
    "BASE_LEVEL",
    "MESSAGES",
    "NOBODY",
    "AcknowledgedLost",
    "AddLearner",
    "Append",
    "AppendReply",
    "Change",
    "ChangeRefusal",
    "ChangeRefused",
    "ColdSend",
    "Entry",
    "EntryKind",
    "FollowerState",
    "FollowerView",
    "HardState",
    "Heartbeat",
    "HeartbeatReply",
    "Index",
    "InvariantBroken",
    "Member",
    "MemberId",
    "Membership",
    "MembershipTooNew",
    "Message",
    "NotLeader",
    "PreVoteReply",
    "PreVoteRequest",
    "Promote",
    "RaftConfig",
    "RaftCore",
    "RaiseLevel",
    "ReadGrant",
    "ReadReply",
    "ReadRequest",
    "Ready",
    "Remove",
    "Removed",
    "Replace",
    "Restored",
    "Role",
    "SnapshotFetch",
    "SnapshotMeta",
    "SnapshotOffer",
    "SoftState",
    "TimeoutNow",
    "TransferRefused",
    "Transferring",
    "Update",
    "VoteReply",
    "VoteRequest",
    "certain_members",
    "check_core",
    "find_successor",
    "is_removed",
    "longest_timeout_ticks",
    "mark_unfit",
]
