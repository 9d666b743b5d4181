"""One member of a random cluster: a core, its disk and its state machine, all in memory.

What a crash loses is decided here: of everything handed over and not reported durable yet, a random
prefix reaches the disk. The state machine is one number, a digest of everything applied.
"""

from random import Random
from zlib import crc32

from raftkeeper.raft import (
    ColdSend,
    Entry,
    EntryKind,
    HardState,
    Membership,
    Message,
    RaftConfig,
    RaftCore,
    Ready,
    Restored,
    SnapshotFetch,
    SnapshotMeta,
)

ELECTION_TICKS = 6


class Disk:
    """What survives."""

    def __init__(self) -> None:
        self.hard_state = HardState(0, 0)
        self.log: dict[int, Entry] = {}
        self.snapshot = SnapshotMeta(0, 0, Membership.of(()))
        self.snapshot_state = 0

    @property
    def last_index(self) -> int:
        return max(self.log, default=self.snapshot.index)

    def write(self, ready: Ready, entries_max: int | None = None) -> None:
        """Everything of a Ready in its order, or the first part of it."""
        if ready.restored is not None:
            self.log.clear()
        self.hard_state = ready.hard_state or self.hard_state
        for entry in ready.entries[:entries_max]:
            for index in range(entry.index, self.last_index + 1):
                self.log.pop(index, None)
            self.log[entry.index] = entry

    def recover(self) -> Restored:
        """A log that does not reach the snapshot, or is another there, is of no use."""
        at_snapshot = self.log.get(self.snapshot.index)
        first = min(self.log, default=self.snapshot.index + 1)
        is_other = at_snapshot is not None and at_snapshot.term != self.snapshot.term
        if is_other or (at_snapshot is None and first != self.snapshot.index + 1):
            self.log.clear()
        runs: list[tuple[int, int]] = []
        for index in sorted(self.log):
            if not runs or runs[-1][1] != self.log[index].term:
                runs.append((index, self.log[index].term))
        configs = [entry for entry in self.log.values() if entry.kind == EntryKind.CONFIG]
        return Restored(
            hard_state=self.hard_state,
            snapshot_index=self.snapshot.index,
            snapshot_term=self.snapshot.term,
            membership=self.snapshot.membership if self.snapshot.index else None,
            config_index=self.snapshot.config_index,
            term_starts=tuple(runs),
            last_index=self.last_index,
            configs=tuple((entry.index, entry.payload) for entry in configs),
        )


class Member:
    """Alive or crashed. The cluster moves it; it decides nothing."""

    def __init__(self, member_id: int, random: Random) -> None:
        self.id = member_id
        self.random = random
        self.disk = Disk()
        self.core: RaftCore | None = None

    @property
    def alive(self) -> RaftCore:
        assert self.core is not None
        return self.core

    def start(self) -> None:
        config = RaftConfig(
            self.id,
            election_ticks=ELECTION_TICKS,
            hot_bytes_max=60,
            append_bytes_max=30,
            window_count=3,
            window_bytes=60,
            cold_entries_max=4,
            nonce=self.random.randrange(1 << 40),
        )
        self.core = RaftCore(config, self.disk.recover())
        self.state = self.disk.snapshot_state
        self.to_persist: list[Ready] = []
        self.to_send: list[tuple[int, tuple[Message, ...]]] = []
        self.to_apply: list[Entry] = []
        self.to_read_cold: list[ColdSend] = []
        self.fetch: SnapshotFetch | None = None
        self.redraw()

    def redraw(self) -> None:
        self.alive.set_election_timeout(self.random.randint(ELECTION_TICKS, 2 * ELECTION_TICKS))

    def take(self) -> tuple[Ready, list[Message]]:
        """Takes one Ready; what is to be sent at once comes back with it."""
        ready = self.alive.ready()
        if ready.restored is not None:
            # What was to be applied belongs to the log that is gone.
            self.to_apply = []
        if ready.hard_state or ready.entries or ready.restored:
            self.to_persist.append(ready)
        if ready.messages_after_persist:
            self.to_send.append((ready.number, ready.messages_after_persist))
        if ready.committed_cold is not None:
            first, last = ready.committed_cold
            self.to_apply += [self.disk.log[index] for index in range(first, last + 1)]
        self.to_apply += ready.committed
        self.to_read_cold += ready.sends_cold
        self.fetch = ready.snapshot_fetch or self.fetch
        if ready.redraw_timeout:
            self.redraw()
        return ready, list(ready.messages)

    def persist(self) -> list[Message]:
        """Some of what was handed over becomes durable; what may be sent now."""
        count = self.random.randint(1, len(self.to_persist))
        for ready in self.to_persist[:count]:
            self.disk.write(ready)
        number = self.to_persist[count - 1].number
        del self.to_persist[:count]
        sent = [
            message for held, messages in self.to_send if held <= number for message in messages
        ]
        self.to_send = [(held, messages) for held, messages in self.to_send if held > number]
        self.alive.persisted(number)
        return sent

    def apply(self) -> list[Entry]:
        """Applies some of what is committed; returns it."""
        count = self.random.randint(1, len(self.to_apply))
        done = self.to_apply[:count]
        del self.to_apply[:count]
        for entry in done:
            self.state = digest(self.state, entry)
        self.alive.applied(done[-1].index)
        return done

    def read_cold(self) -> None:
        cold = self.to_read_cold.pop(0)
        log = self.disk.log
        count = self.random.choice([0, 1, 2, 99])
        wanted = range(cold.first, cold.last + 1)[:count]
        found = [log[index] for index in wanted] if all(index in log for index in wanted) else []
        self.alive.cold_read(cold, found)

    def snapshot(self) -> None:
        """Of the applied state; the log goes, but for a tail that a living follower needs."""
        core = self.alive
        index = core.applied_index
        if index > self.disk.snapshot.index:
            term = core.term_at(index) or 0
            self.disk.snapshot = SnapshotMeta(
                index, term, core.membership_at(index), core.memberships.index_at(index)
            )
            self.disk.snapshot_state = self.state
        keep = self.random.choice([0, 2, 5])
        purged = min(index - keep, self.disk.last_index)
        if self.random.random() < 0.4:
            purged = min(purged, core.tail_index - 1)
        if self.to_persist or purged < core.first_index:
            return
        if any(cold.first <= purged for cold in self.to_read_cold) or any(
            entry.index <= purged for entry in self.to_apply
        ):
            return
        for gone in [kept for kept in self.disk.log if kept <= purged]:
            del self.disk.log[gone]
        core.compact(purged)

    def install(self, source: Disk) -> None:
        """A snapshot was fetched; it is durable, then the core is asked."""
        self.fetch = None
        meta = source.snapshot
        if meta.index <= self.disk.snapshot.index:
            self.alive.snapshot_failed()
            return
        self.disk.snapshot, self.disk.snapshot_state = meta, source.snapshot_state
        if self.alive.restore(meta):
            self.state = source.snapshot_state
            self.to_apply = []

    def crash(self) -> None:
        """A random part of what was under way reaches the disk."""
        count = self.random.randint(0, len(self.to_persist))
        for ready in self.to_persist[:count]:
            self.disk.write(ready)
        if count < len(self.to_persist):
            torn = self.to_persist[count]
            if torn.restored is None:
                self.disk.write(torn, self.random.randint(0, len(torn.entries)))
        self.core = None


def digest(state: int, entry: Entry) -> int:
    """The state after an entry."""
    return crc32(f"{entry.index} {entry.term} {entry.kind} ".encode() + entry.payload, state)
