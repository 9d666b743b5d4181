"""One promise each, checked while a simulation runs. `CHECKERS` are all of them."""

from raftkeeper.testing.checkers.feature_levels import FeatureLevels
from raftkeeper.testing.checkers.fresh_reads import FreshReads
from raftkeeper.testing.checkers.known_wrong import KnownWrong
from raftkeeper.testing.checkers.leader_completeness import LeaderCompleteness
from raftkeeper.testing.checkers.log_matching import LogMatching
from raftkeeper.testing.checkers.member_ids import MemberIds
from raftkeeper.testing.checkers.never_lost import NeverLost
from raftkeeper.testing.checkers.one_leader import OneLeader
from raftkeeper.testing.checkers.promises import Promises
from raftkeeper.testing.checkers.same_state import SameState
from raftkeeper.testing.checkers.sessions import (
    LinearizableWrites,
    SessionLife,
    SessionOrder,
    SyncedReads,
    WatchOrder,
)
from raftkeeper.testing.checkers.tree import Ephemerals, ExactlyOnce, StateAsOf
from raftkeeper.testing.checkers.watch import Checker

CHECKERS: tuple[type[Checker], ...] = (
    OneLeader,
    LogMatching,
    LeaderCompleteness,
    SameState,
    NeverLost,
    Promises,
    FreshReads,
    MemberIds,
    FeatureLevels,
    KnownWrong,
    SessionOrder,
    SessionLife,
    LinearizableWrites,
    SyncedReads,
    WatchOrder,
    ExactlyOnce,
    StateAsOf,
    Ephemerals,
)
