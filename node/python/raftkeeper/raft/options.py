"""What a core is made from: its configuration, and what the disk remembered. Values only."""

from dataclasses import dataclass, field

from raftkeeper.raft.membership import BASE_LEVEL, Membership
from raftkeeper.raft.messages import NO_HARD_STATE, HardState, Index, MemberId, Term


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """What does not change while the core lives."""

    member_id: MemberId
    election_ticks: int = 10
    """The shortest election timeout, and the first; later ones are drawn by the driver between this
    and its double. A leader that is cut off from its quorum steps down after as long."""
    heartbeat_ticks: int = 1
    hot_bytes_max: int = 4 * 1024 * 1024
    """Payloads kept in memory of what was handed over as committed: a few seconds of writes for a follower
    that lags; older entries are read from disk."""
    append_bytes_max: int = 256 * 1024
    """Payloads in one message, unless a single entry is longer: a heartbeat behind it on the same
    connection waits for 20 ms even at 100 Mbit/s."""
    window_count: int = 64
    """Messages with entries under way to one follower."""
    window_bytes: int = 4 * 1024 * 1024
    """Payloads under way to one follower: what 10 ms of a 2.5 Gbit/s link hold."""
    cold_entries_max: int = 64
    """Entries asked from disk at once: few enough not to hold up the loop."""
    preferred_zones: tuple[str, ...] = ()
    """Members of these lead by preference. The same on all members, or they will pull in turn."""
    level_max: int = BASE_LEVEL
    """The highest feature level that this member speaks; a membership of a higher one ends it."""
    nonce: int = field(kw_only=True)
    """Drawn at random for each start, below 2**62: an answer to a read that was asked for before a
    restart must not be taken for a newer one's."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the disk remembered. Everything empty: a member that was never there before."""

    hard_state: HardState = NO_HARD_STATE
    snapshot_index: Index = 0
    snapshot_term: Term = 0
    membership: Membership | None = None
    """Of the snapshot; None without one."""
    config_index: Index = 0
    """Of the entry that holds that membership; 0 where the snapshot does not say it."""
    term_starts: tuple[tuple[Index, Term], ...] = ()
    """(first index, term) of each run of entries of one term in the log, which may begin before
    the snapshot's index but not behind the one after it."""
    last_index: Index = 0
    """Of the log, or of the snapshot where the log is empty."""
    configs: tuple[tuple[Index, bytes], ...] = ()
    """Index and payload of each CONFIG entry in the log."""
