"""The Raft core: what one member decides, as a pure machine without clock, disk, network or loop.

How to drive it:

1.  Read the disk: hard state, newest snapshot, log. Put it into a `Restored`, build `RaftCore`.
2.  On a new cluster's first member, and only there, call `bootstrap` with the first membership.
3.  Call `tick` at a steady pace. Randomness comes from you: `set_election_timeout`.
4.  Call `propose` with the payload of one entry: a batch. `NotLeader` means what it says.
5.  Whenever `has_ready`, take `ready()`. What it holds was handed over once and for all; each field
    of `Ready` says when it must be done in relation to the others.
6.  Persist: hard state first, then the entries. One write and one fsync may cover several Readys.
7.  When durable, call `persisted` with the Ready's number. Commit moves only here.
8.  Apply what a Ready says is committed, in order, then call `applied`.
9.  Ask `read_index` for a linearizable read; the grant comes in a later Ready.
10. After a durable snapshot, purge the log, then call `compact` with the index purged to.

Nothing here may import a clock, chance, a loop, a socket, the log of the process or the engine: the
simulator runs this very code. Today an ensemble has one voter; replication, peers' votes and joint
changes join as files of their own, through the same Ready.
"""

from raftkeeper.raft.core import RaftConfig, RaftCore, Restored
from raftkeeper.raft.effects import Ready
from raftkeeper.raft.invariants import InvariantBroken, check_core
from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import (
    Entry,
    EntryKind,
    HardState,
    Message,
    NotLeader,
    ReadGrant,
    Role,
    SoftState,
)

__all__ = [
    "Entry",
    "EntryKind",
    "HardState",
    "InvariantBroken",
    "Membership",
    "Message",
    "NotLeader",
    "RaftConfig",
    "RaftCore",
    "ReadGrant",
    "Ready",
    "Restored",
    "Role",
    "SoftState",
    "check_core",
]
