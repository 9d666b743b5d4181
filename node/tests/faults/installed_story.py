"""A follower that twice falls behind its leaders' logs and takes a snapshot, on a faulty disk.

The leaders are the test: their history is fixed, so each life goes on where the last one has ended.
While each snapshot is fetched the leader changes, so it is of a term of which the follower's disk
knows nothing when it is durable: the moment that a crash must not make final.
"""

import random
import zlib
from functools import cache

from tests.faults.storage_story import (
    IDENTITY,
    OPTIONS,
    ROOT,
    Ledger,
    Life,
    pieces_of,
    state_in,
)

from raftkeeper.raft import (
    Append,
    Entry,
    EntryKind,
    HardState,
    Membership,
    Ready,
    SnapshotOffer,
)
from raftkeeper.raft import SnapshotMeta as CoreMeta
from raftkeeper.storage import SnapshotMeta, SnapshotStore
from raftkeeper.testing.faulty_files import FaultyFiles

MEMBERS = Membership.of([1, 2, 3])
"""The follower is member 1."""
CUT_OFF = (11, 14)
"""Entries of the first leader that nobody else has; its successor's are others."""
INSTALLED = (30, 60)
"""What the snapshots cover."""
LAST = 75


def term_of(index: int) -> int:
    """Each leader but the first begins a few entries before the snapshot of it."""
    return 3 + (index > CUT_OFF[0]) + (index > INSTALLED[1] - 5)


@cache
def entry_at(index: int) -> Entry:
    """Of the history that is committed in the end."""
    if index == 1:
        return Entry(1, term_of(1), EntryKind.CONFIG, MEMBERS.encode())
    payload = random.Random(index).randbytes(37 * index % OPTIONS.record_bytes_max)
    return Entry(index, term_of(index), EntryKind.BATCH, payload)


@cache
def state_at(index: int) -> int:
    """Of the toy machine."""
    return zlib.crc32(entry_at(index).payload, state_at(index - 1)) if index else 0


@cache
def snapshot_file(index: int) -> tuple[SnapshotMeta, bytes]:
    """As it lies on the leader's disk."""
    files = FaultyFiles()
    files.make_directory(ROOT)
    store = SnapshotStore(files, ROOT, OPTIONS)
    meta = SnapshotMeta(index, term_of(index), index, MEMBERS.encode(), IDENTITY.cluster_id)
    job = store.begin(meta)
    for piece in pieces_of(state_at(index)):
        job.add(piece)
    job.finish()
    newest = store.newest()
    assert newest is not None
    return meta, newest.read(0, newest.size)


class InstallingLife(Life):
    """From opening the directory to the end of the history, whatever was there before."""

    def begin(self) -> None:
        """Nobody is heard of yet."""
        self.pump()

    def run(self, proposals: int = 0) -> None:
        """Fed by one leader after the other; a snapshot of its own now and then."""
        self.follow(CUT_OFF[0] - 1)
        if self.core.last_index == CUT_OFF[0] - 1:
            self.take_entries_that_nobody_else_has()
        for index in INSTALLED:
            if self.core.commit_index < index:
                self.install(index)
            self.snapshot()
            self.follow(min(index + 12, LAST))
        self.follow(LAST)
        self.writer.close()
        self.data.close()

    def follow(self, last: int) -> None:
        """Takes the entries up to `last`, a few at a time, each committed with the next."""
        while self.core.commit_index < last:
            first = self.core.commit_index + 1
            until = min(last, first + self.random.randrange(3))
            entries = tuple(entry_at(index) for index in range(first, until + 1))
            self.hear(entries, commit=until)

    def take_entries_that_nobody_else_has(self) -> None:
        term, (first, last) = self.core.term, CUT_OFF
        own = tuple(Entry(i, term, EntryKind.BATCH, b"never committed") for i in range(first, last))
        self.hear(own, commit=first - 1)

    def hear(self, entries: tuple[Entry, ...], *, commit: int) -> None:
        """Of the leader of the newest term in them."""
        prev = entries[0].index - 1
        term = max(self.core.term, entries[-1].term)
        prev_term = self.core.term_at(prev) or 0
        self.core.step(Append(2 + term % 2, 1, term, prev, prev_term, entries, commit, 1))
        self.pump()

    def install(self, index: int) -> None:
        """The leader offers a snapshot, falls, and the next one's is what is fetched."""
        self.core.step(SnapshotOffer(2 + self.core.term % 2, 1, self.core.term, index))
        self.pump()
        meta, content = snapshot_file(index)
        # What a start may make of it, once it is there.
        self.ledger.issued_hard_states.add(HardState(meta.term, 0))
        self.ledger.states.setdefault(index, state_at(index))
        receipt = self.data.snapshots.receive(index, meta.term, len(content))
        receipt.add(content[receipt.offset :])
        taken = receipt.finish()
        assert self.core.restore(CoreMeta(index, meta.term, MEMBERS))
        self.state = state_in(self.data.snapshots.read(taken))
        self.pump()

    def promise(self, ready: Ready) -> None:
        """What this member has acknowledged and is committed stays; so does term and vote."""
        for index in range(1, self.core.commit_index + 1):
            self.ledger.promised[index] = tuple(entry_at(index)[1:])
        self.ledger.hard_state = max(self.ledger.hard_state, ready.hard_state or (0, 0))

    def snapshot(self) -> None:
        """Of its own, where there is none that is as new."""
        if self.data.snapshots.newest_index() < self.core.applied_index:
            super().snapshot()


def live(files: FaultyFiles, ledger: Ledger, *, seed: int = 0) -> InstallingLife:
    """To the end."""
    life = InstallingLife(files, ledger, seed=seed)
    life.run()
    return life
