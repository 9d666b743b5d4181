"""RaftCore: one member's decisions. Calls go in, one `Ready` comes out; nothing suspends.

This file keeps term, vote, role and indexes, and says which rule is asked when; the rules are next
door: election, quorum, log, membership, reads. It must not know time, chance, disk or network.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from raftkeeper.raft.effects import Ready
from raftkeeper.raft.election import Election
from raftkeeper.raft.invariants import invariant
from raftkeeper.raft.log import RaftLog
from raftkeeper.raft.membership import Membership, MembershipHistory
from raftkeeper.raft.messages import (
    NO_HARD_STATE,
    NOBODY,
    Entry,
    EntryKind,
    HardState,
    Index,
    MemberId,
    NotLeader,
    Role,
    SoftState,
    Term,
)
from raftkeeper.raft.quorum import VoteResult, decide_commit_index, has_quorum
from raftkeeper.raft.reads import Reads


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """What does not change while the core lives."""

    member_id: MemberId
    election_ticks: int = 10
    """The first election timeout; later ones are drawn by the driver."""
    hot_bytes_max: int = 4 * 1024 * 1024
    """Payloads kept in memory behind the applied index: a few seconds of writes for a follower
    that lags; older entries are read from disk."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the disk remembered. Everything empty: a member that was never there before."""

    hard_state: HardState = NO_HARD_STATE
    snapshot_index: Index = 0
    snapshot_term: Term = 0
    membership: Membership | None = None
    """Of the snapshot; None without one."""
    term_starts: tuple[tuple[Index, Term], ...] = ()
    """(first index, term) of each run of entries of one term in the log, which may begin before
    the snapshot's index but not behind the one after it."""
    last_index: Index = 0
    """Of the log, or of the snapshot where the log is empty."""
    configs: tuple[tuple[Index, bytes], ...] = ()
    """Index and payload of each CONFIG entry in the log."""


class _Promise(NamedTuple):
    """What becomes durable together with a Ready."""

    number: int
    hard_state: HardState | None
    last: tuple[Index, Term] | None


class RaftCore:
    """One member. Attributes are for reading; `raftkeeper.raft` tells how to drive it."""

    def __init__(self, config: RaftConfig, restored: Restored) -> None:
        self.config = config
        self.term, self.vote = restored.hard_state
        self.role = Role.FOLLOWER
        self.leader_id: MemberId = NOBODY
        self.commit_index: Index = restored.snapshot_index
        self.applied_index: Index = restored.snapshot_index
        self.log = RaftLog(
            snapshot=(restored.snapshot_index, restored.snapshot_term),
            term_starts=restored.term_starts,
            last_index=restored.last_index,
            hot_bytes_max=config.hot_bytes_max,
        )
        base = restored.membership or Membership.of(())
        self._memberships = MembershipHistory(restored.snapshot_index, base)
        for index, payload in restored.configs:
            if index > restored.snapshot_index:
                self._memberships.append(index, Membership.decode(payload))
        self._election = Election(config.member_id, config.election_ticks)
        self._reads = Reads()
        self._match: dict[MemberId, Index] = {}
        self._noop_index: Index = 0
        self._number = 0
        self._promises: deque[_Promise] = deque()
        self._handed_hard_state = restored.hard_state
        self._handed_commit: Index = restored.snapshot_index
        self._handed_soft_state = SoftState(self.role, self.leader_id)
        invariant(
            self.term >= (self.log.term_at(self.log.last_index) or 0),
            f"the hard state's term {self.term} is not behind the log's",
        )

    # -- what can be read

    @property
    def membership(self) -> Membership:
        return self._memberships.current

    @property
    def first_index(self) -> Index:
        return self.log.first_index

    @property
    def last_index(self) -> Index:
        return self.log.last_index

    @property
    def persisted_index(self) -> Index:
        return self.log.persisted_index

    def term_at(self, index: Index) -> Term | None:
        return self.log.term_at(index)

    def membership_at(self, index: Index) -> Membership:
        return self._memberships.at(index)

    # -- calls of the driver

    def bootstrap(self, membership: Membership) -> None:
        """Founds an ensemble: the first entry of an empty log says who belongs to it.

        The term may be above 0: a crash can leave the hard state of a founding without its entry.
        """
        invariant(self.log.last_index == 0, "only a member with an empty log founds an ensemble")
        self.term = max(self.term, 1)
        self._append(EntryKind.CONFIG, membership.encode())
        self._memberships.append(self.log.last_index, membership)

    def tick(self) -> None:
        """One unit of the driver's clock went by."""
        if self.role is not Role.LEADER and self._election.tick(self.role, self.membership):
            self.campaign()

    def set_election_timeout(self, ticks: int) -> None:
        self._election.timeout_ticks = ticks

    def campaign(self) -> None:
        """Stands for election in a new term. The own vote counts once it is durable."""
        invariant(self.membership.may_vote(self.config.member_id), "only voters stand for election")
        self.term += 1
        self.vote = self.config.member_id
        self.role = Role.CANDIDATE
        self.leader_id = NOBODY
        self._election.start()

    def propose(self, payload: bytes) -> Index:
        """Puts one batch into the log. Earlier ones need not be durable yet."""
        self._check_leader()
        return self._append(EntryKind.BATCH, payload)

    def read_index(self, token: int) -> None:
        """Asks for a linearizable read; `Ready.reads` brings the token back, perhaps much later."""
        self._check_leader()
        self._reads.add(token)
        self._grant_reads()

    @property
    def has_ready(self) -> bool:
        return (
            self.log.has_unhanded
            or self._handed_commit < self.commit_index
            or self._reads.has_granted
            or self._handed_hard_state != (self.term, self.vote)
            or self._has_new_soft_state
        )

    def ready(self) -> Ready:
        """Everything that came up since the last call."""
        hard_state = None
        if self._handed_hard_state != (self.term, self.vote):
            hard_state = self._handed_hard_state = HardState(self.term, self.vote)
        entries = self.log.take_unhanded() if self.log.has_unhanded else ()
        if hard_state or entries:
            self._number += 1
            last = (entries[-1].index, entries[-1].term) if entries else None
            self._promises.append(_Promise(self._number, hard_state, last))
        cold: tuple[Index, Index] | None = None
        committed: tuple[Entry, ...] = ()
        if self._handed_commit < self.commit_index:
            cold, committed = self.log.split_hot(self._handed_commit + 1, self.commit_index)
            self._handed_commit = self.commit_index
        soft_state = None
        if self._has_new_soft_state:
            soft_state = self._handed_soft_state = SoftState(self.role, self.leader_id)
        return Ready(
            number=self._number,
            hard_state=hard_state,
            entries=entries,
            messages=(),
            messages_after_persist=(),
            committed_cold=cold,
            committed=committed,
            reads=self._reads.take_granted(),
            soft_state=soft_state,
        )

    def persisted(self, number: int) -> None:
        """Hard state and entries of the Ready of this number, and of all before, are durable."""
        invariant(number <= self._number, f"Ready {number} was handed over")
        while self._promises and self._promises[0].number <= number:
            promise = self._promises.popleft()
            if promise.hard_state is not None:
                self._on_hard_state_durable(promise.hard_state)
            if promise.last is not None:
                self.log.mark_persisted(*promise.last)
        if self.role is Role.LEADER:
            self._match[self.config.member_id] = self.log.persisted_index
            self._advance_commit()

    def applied(self, index: Index) -> None:
        """The state machine has applied everything up to `index`."""
        invariant(
            self.applied_index <= index <= self._handed_commit,
            f"index {index} was handed over to be applied",
        )
        self.applied_index = index
        self.log.evict(index)

    def compact(self, index: Index) -> None:
        """A durable snapshot covers `index`, and the log on disk begins behind it."""
        invariant(index <= self.applied_index, f"index {index} to compact is applied")
        self.log.compact(index)
        self._memberships.compact(index)

    # -- transitions

    @property
    def _has_new_soft_state(self) -> bool:
        handed = self._handed_soft_state
        return handed.role is not self.role or handed.leader_id != self.leader_id

    def _check_leader(self) -> None:
        if self.role is not Role.LEADER:
            raise NotLeader(self.leader_id)

    def _append(self, kind: EntryKind, payload: bytes) -> Index:
        index = self.log.last_index + 1
        self.log.append(Entry(index, self.term, kind, payload))
        return index

    def _on_hard_state_durable(self, hard_state: HardState) -> None:
        me = self.config.member_id
        if self.role is not Role.CANDIDATE or hard_state != (self.term, me):
            return
        result = self._election.record(me, granted=True, membership=self.membership)
        if result is VoteResult.WON:
            self._become_leader()

    def _become_leader(self) -> None:
        self.role = Role.LEADER
        self.leader_id = self.config.member_id
        self._match = {}
        self._noop_index = self._append(EntryKind.NOOP, b"")

    def _advance_commit(self) -> None:
        index = decide_commit_index(self.membership, self._match)
        # Entries of earlier terms are never committed by counting copies (Raft, section 5.4.2):
        # they are when an entry of the own term behind them is.
        if index > self.commit_index and self.log.term_at(index) == self.term:
            self.commit_index = index
            self._grant_reads()

    def _grant_reads(self) -> None:
        if self.commit_index >= self._noop_index and has_quorum(
            self.membership, (self.config.member_id,)
        ):
            self._reads.grant_all(self.commit_index)
