"""RaftCore: one member's decisions. Calls go in, one `Ready` comes out; nothing suspends.

This file keeps term, vote, role and indexes, takes the calls, and makes the `Ready`. The rules are
next door, each in a file of its own: election and voting, roles, leadership, replication, following,
change, transfer, reads, quorum, log, membership. It must not know time, chance, disk or network.
"""

from collections.abc import Iterable

from raftkeeper.raft import following, leadership, reads, replication, transfer, voting
from raftkeeper.raft.change import Change, propose_change
from raftkeeper.raft.dispatch import dispatch
from raftkeeper.raft.effects import Ready, SnapshotMeta
from raftkeeper.raft.election import Election
from raftkeeper.raft.invariants import broken, invariant
from raftkeeper.raft.leadership import Leadership
from raftkeeper.raft.log import RaftLog
from raftkeeper.raft.membership import Membership, MembershipHistory
from raftkeeper.raft.messages import (
    NOBODY,
    ColdSend,
    Entry,
    EntryKind,
    HardState,
    Index,
    MemberId,
    Message,
    NotLeader,
    Role,
    SnapshotFetch,
    SoftState,
    Term,
    Transferring,
)
from raftkeeper.raft.options import RaftConfig, Restored
from raftkeeper.raft.progress import FollowerView
from raftkeeper.raft.promises import Promises, withdraw
from raftkeeper.raft.reads import Reads
from raftkeeper.raft.roles import become_follower, resign_if_due


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
        # Not the snapshot's index: all members must mean the same by `config_index`.
        base_index = restored.config_index or restored.snapshot_index
        self.memberships = MembershipHistory(base_index, base, config.level_max)
        for index, payload in restored.configs:
            if index > restored.snapshot_index:
                self.memberships.append(index, Membership.decode(payload))
        self._init_parts()
        self._init_handed(restored)
        invariant(
            self.term >= (self.log.term_at(self.log.last_index) or 0),
            f"the hard state's term {self.term} is not behind the log's",
        )

    def _init_parts(self) -> None:
        """What the files next door work on."""
        self.election = Election(self.config.member_id, self.config.election_ticks)
        self.leading: Leadership | None = None
        self.reads = Reads(self.config.nonce)
        self.fetch: SnapshotFetch | None = None
        self.fetch_due = False
        self.restored: SnapshotMeta | None = None
        self.resign_due = False
        self.redraw_timeout = False
        self.outbox: list[Message] = []
        self.held: list[Message] = []
        self.sends_cold: list[ColdSend] = []

    def _init_handed(self, restored: Restored) -> None:
        """What the driver has been given already."""
        self._touched = False
        self._promises = Promises()
        self.durable_term = restored.hard_state.term
        self._handed_hard_state = restored.hard_state
        self.handed_index: Index = restored.snapshot_index  # the last that was to be applied
        self._handed_soft_state = SoftState(self.role, self.leader_id)
        self._handed_membership = self.memberships.current

    # -- what can be read

    @property
    def membership(self) -> Membership:
        return self.memberships.current

    @property
    def config_index(self) -> Index:
        """Stands for the membership that counts: two equal ones mean the same membership."""
        return self.memberships.current_index

    @property
    def members(self) -> frozenset[MemberId]:
        """All others."""
        return self.membership.everyone - {self.config.member_id}

    @property
    def first_index(self) -> Index:
        return self.log.first_index

    @property
    def last_index(self) -> Index:
        return self.log.last_index

    @property
    def persisted_index(self) -> Index:
        return self.log.persisted_index

    @property
    def may_propose(self) -> bool:
        return self.leading is not None and self.leading.transfer is None

    @property
    def transferring(self) -> MemberId:
        """To whom leadership is on its way, or NOBODY."""
        running = self.leading.transfer if self.leading else None
        return running.to if running else NOBODY

    @property
    def preferred_leader(self) -> MemberId:
        """On the leader: a voter that should lead instead and could at once, or NOBODY."""
        return transfer.find_preferred(self, self.leading) if self.leading else NOBODY

    @property
    def tail_index(self) -> Index:
        """The first entry that a living follower may still need: better not to be purged."""
        if self.leading is None:
            return self.last_index + 1
        return replication.decide_tail_index(self, self.leading)

    def followers(self) -> tuple[FollowerView, ...]:
        return replication.view_followers(self, self.leading) if self.leading else ()

    def term_at(self, index: Index) -> Term | None:
        return self.log.term_at(index)

    def membership_at(self, index: Index) -> Membership:
        return self.memberships.at(index)

    # -- calls of the driver

    def bootstrap(self, membership: Membership) -> None:
        """Founds an ensemble: the first entry of an empty log says who belongs to it.

        Always of term 1, even if the hard state has outlived the entry in a crash: of a later one
        it would look newer than what the other founders have committed since.
        """
        invariant(self.log.last_index == 0, "only a member with an empty log founds an ensemble")
        self._touched = True
        self.term = max(self.term, 1)
        self.log.append(Entry(1, 1, EntryKind.CONFIG, membership.encode()))
        self.follow_config(membership)

    def tick(self) -> None:
        """One unit of the driver's clock went by."""
        self._touched = True
        lead = self.leading
        if lead is not None:
            transfer.tick(self, lead)
            if not leadership.tick(self, lead):
                become_follower(self, self.term, NOBODY)
            return
        self.reads.tick(self)
        voting.tick(self)

    def set_election_timeout(self, ticks: int) -> None:
        self.election.timeout_ticks = ticks

    def campaign(self) -> None:
        """Stands for election without waiting for a timeout."""
        self._touched = True
        if self.leading is None:
            voting.stand(self)

    def leader_unreachable(self, member: MemberId) -> None:
        """The connection to `member` broke. Matters if it leads: there is no need to wait then."""
        self._touched = True
        if member == self.leader_id and self.role is Role.FOLLOWER:
            voting.on_leader_unreachable(self)

    def step(self, message: Message) -> None:
        """A message of a peer arrived."""
        self._touched = True
        dispatch(self, message)

    def propose(self, payload: bytes) -> Index:
        """Puts one batch into the log. Earlier ones need not be durable yet."""
        lead = self._leading()
        if lead.transfer is not None:
            raise Transferring(self.leader_id, lead.transfer.to)
        if lead.followers:
            lead.due = True
        return self.append(EntryKind.BATCH, payload)

    def change(self, change: Change, config_index: Index) -> Index:
        """Begins a change of the membership that `config_index` stands for."""
        return propose_change(self, self._leading(), change, config_index)

    def transfer(self, to: MemberId = NOBODY) -> None:
        """Hands leadership over, to the most preferred member if none is named."""
        self._touched = True
        transfer.begin_transfer(self, self._leading(), to)

    def read_index(self, token: int) -> None:
        """Asks for a linearizable read; the token comes back in a Ready, perhaps much later."""
        if self.leader_id == NOBODY:
            raise NotLeader(NOBODY)
        self._touched = True
        self.reads.add(token)

    def cold_read(self, cold: ColdSend, entries: Iterable[Entry]) -> None:
        """The entries of a `Ready.sends_cold`, or the first of them; none if they cannot be read."""
        self._touched = True
        if self.leading is not None:
            replication.on_cold_read(self, self.leading, cold, entries)

    def restore(self, meta: SnapshotMeta) -> bool:
        """The fetched snapshot is durable. True: the state machine is to be loaded from it, before
        anything of a later Ready is applied. False: it is not needed.
        """
        self._touched = True
        return following.restore(self, meta)

    def snapshot_failed(self) -> None:
        """The fetch was given up. The leader's next offer begins another."""
        self.fetch = None

    @property
    def has_ready(self) -> bool:
        """Cheap after a `ready` behind which nothing was called: it has taken everything."""
        return self._touched and (
            self.log.has_unhanded
            or self.handed_index < min(self.commit_index, self.log.persisted_index)
            or bool(self.outbox or self.held or self.sends_cold)
            or (self.leading is not None and self.leading.due)
            or self.reads.has_results
            or reads.may_go_on(self)
            or self._handed_hard_state != (self.term, self.vote)
            or self._has_new_soft_state
            or self._handed_membership is not self.memberships.current
            or self.restored is not None
            or self.fetch_due
            or self.redraw_timeout
        )

    def ready(self) -> Ready:
        """Everything that came up since the last call."""
        self._touched = False
        if reads.may_go_on(self):
            reads.go_on_with_reads(self)
        if self.leading is not None and self.leading.due:
            replication.feed_followers(self, self.leading)
        hard_state, entries, restored = self._take_for_disk()
        messages, after_persist = self._take_messages()
        cold, committed = self._take_committed()
        soft_state = membership = fetch = None
        if self._has_new_soft_state:
            soft_state = self._handed_soft_state = SoftState(self.role, self.leader_id)
        if self._handed_membership is not self.memberships.current:
            membership = self._handed_membership = self.memberships.current
        if self.fetch_due:
            fetch, self.fetch_due = self.fetch, False
        sends_cold, self.sends_cold = tuple(self.sends_cold), []
        redraw_timeout, self.redraw_timeout = self.redraw_timeout, False
        return Ready(
            self._promises.number,
            hard_state,
            entries,
            messages,
            after_persist,
            cold,
            committed,
            self.reads.take_granted(),
            soft_state,
            self.reads.take_failed(),
            restored,
            sends_cold,
            fetch,
            membership,
            redraw_timeout,
        )

    def persisted(self, number: int) -> None:
        """Hard state and entries of the Ready of this number, and of all before, are durable."""
        self._touched = True
        was_behind = not self.log.is_durable
        for promise in self._promises.fulfil(number):
            if promise.hard_state is not None:
                self.durable_term = promise.hard_state.term
                voting.on_hard_state_durable(self, promise.hard_state)
            if promise.last is not None:
                self.log.mark_persisted(*promise.last)
        if was_behind and self.log.is_durable:
            voting.on_log_durable(self)
        if self.leading is not None:
            self.leading.match[self.config.member_id] = self.log.persisted_index
            leadership.advance_commit(self, self.leading)
            resign_if_due(self)

    def applied(self, index: Index) -> None:
        """The state machine has applied everything up to `index`."""
        if not self.applied_index <= index <= self.handed_index:
            broken(f"index {index} was handed over to be applied")
        self.applied_index = index

    def compact(self, index: Index) -> None:
        """A durable snapshot covers `index`, and the log on disk begins behind it."""
        invariant(index <= self.applied_index, f"index {index} to compact is applied")
        self.log.compact(index)
        self.memberships.compact(index)

    # -- for the files next door

    def append(self, kind: EntryKind, payload: bytes) -> Index:
        """One more entry of the own term."""
        self._touched = True
        index = self.log.last_index + 1
        self.log.append(Entry(index, self.term, kind, payload))
        return index

    def follow_config(self, membership: Membership) -> None:
        """The last entry of the log holds a membership: from now on it counts."""
        self.memberships.append(self.log.last_index, membership)

    def cut_off(self, index: Index) -> None:
        """The entry at `index` and all behind it go, and what was promised of them."""
        invariant(index > self.commit_index, f"entry {index} to be cut off is not committed")
        self.held = withdraw(self.held, index)
        self.log.truncate_from(index)
        self.memberships.truncate_from(index)
        self._promises.cut_off(index, self.log.last_term)

    def replace_log(self, meta: SnapshotMeta) -> None:
        """The snapshot stands for everything."""
        self.held = withdraw(self.held, 1)
        self.log.restore(meta.index, meta.term)
        base_index = meta.config_index or meta.index
        self.memberships = MembershipHistory(base_index, meta.membership, self.config.level_max)
        self._promises.forget_entries()
        self.commit_index = self.applied_index = self.handed_index = meta.index
        self.restored = meta

    # -- the parts of a Ready

    @property
    def _has_new_soft_state(self) -> bool:
        handed = self._handed_soft_state
        return handed.role is not self.role or handed.leader_id != self.leader_id

    def _take_for_disk(
        self,
    ) -> tuple[HardState | None, tuple[Entry, ...], SnapshotMeta | None]:
        hard_state = None
        if self._handed_hard_state != (self.term, self.vote):
            hard_state = self._handed_hard_state = HardState(self.term, self.vote)
        entries = self.log.take_unhanded() if self.log.has_unhanded else ()
        restored, self.restored = self.restored, None
        if hard_state or entries or restored:
            self._promises.add(hard_state, entries)
        return hard_state, entries, restored

    def _take_messages(self) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """What rests on the disk may go at once if the disk has everything."""
        if not self.outbox and not self.held:
            return (), ()
        at_once, after_persist = self.outbox, self.held
        self.outbox, self.held = [], []
        if self._promises.persisted_number == self._promises.number:
            return (*at_once, *after_persist), ()
        return tuple(at_once), tuple(after_persist)

    def _take_committed(self) -> tuple[tuple[Index, Index] | None, tuple[Entry, ...]]:
        """Only what is durable here too: a snapshot must never be ahead of the own log."""
        last = min(self.commit_index, self.log.persisted_index)
        if self.handed_index >= last:
            return None, ()
        first, self.handed_index = self.handed_index + 1, last
        committed = self.log.split_hot(first, last)
        self.log.evict(last)
        return committed

    def _leading(self) -> Leadership:
        if self.leading is None:
            raise NotLeader(self.leader_id)
        return self.leading
