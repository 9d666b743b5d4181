"""One life of a member on a faulty disk: real Raft core, real storage, a toy state machine.

A `Ledger` outlives the crashes and remembers what was promised; `Life` runs until it is told to stop
or the disk takes it down. `check_recovered` compares what a start finds with the ledger.
"""

import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from raftkeeper.raft import (
    HardState,
    Membership,
    RaftConfig,
    RaftCore,
    Ready,
    Role,
    check_core,
)
from raftkeeper.raft.messages import NO_HARD_STATE
from raftkeeper.server.restored import restored_from
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    Recovered,
    SnapshotMeta,
    StorageOptions,
    Writer,
)
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

ROOT = Path("/data")
IDENTITY = Identity(b"cluster-of-tests", 1, b"first-life-of-it")
OPTIONS = StorageOptions(
    segment_bytes=8192, record_bytes_max=1500, snapshots_kept=2, tail_entries=2
)


@dataclass(slots=True)
class Ledger:
    """What was written at all, and what was promised."""

    issued: dict[int, set[tuple[int, int, bytes]]] = field(default_factory=dict)
    """Index to every (term, kind, payload) that was ever handed to storage there."""
    promised: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    hard_state: HardState = NO_HARD_STATE
    issued_hard_states: set[HardState] = field(default_factory=lambda: {NO_HARD_STATE})
    states: dict[int, int] = field(default_factory=lambda: {0: 0})
    """Applied index to the state of the toy machine there."""


class Life:
    """From opening the directory on."""

    def __init__(self, files: FaultyFiles, ledger: Ledger, *, seed: int = 0) -> None:
        self.files = files
        self.ledger = ledger
        self.random = random.Random(seed)
        self.data = open_directory(files)
        self.recovered = self.data.recover()
        self.state = check_recovered(self.data, self.recovered, ledger)
        self.disk = FaultyDisk(files)
        self.writer: Writer = self.data.start_writer(
            wakeup=CountingWakeup(), disk=self.disk, executor=InlineExecutor()
        )
        self.core = RaftCore(
            RaftConfig(1, hot_bytes_max=2000, nonce=0), restored_from(self.recovered)
        )
        self.begin()

    def begin(self) -> None:
        """The only voter leads at once."""
        if self.core.last_index == 0:
            self.core.bootstrap(Membership.of([1]))
        self.core.tick()
        self.pump()
        assert self.core.role is Role.LEADER

    def pump(self) -> None:
        """Until nothing more happens by itself."""
        while self.core.has_ready:
            ready = self.core.ready()
            self.persist(ready)
            if ready.committed_cold:
                for entry in self.writer.read(*ready.committed_cold):
                    self.apply(entry[0], entry[3])
            for entry in ready.committed:
                self.apply(entry.index, entry.payload)
            durable = self.writer.poll()
            while not self.writer.idle:
                durable = self.writer.poll()
            if durable is not None:
                assert durable == ready.number
                self.promise(ready)
                self.core.persisted(durable)
        check_core(self.core)

    def persist(self, ready: Ready) -> None:
        """Hands to storage what the core wants kept."""
        for entry in ready.entries:
            self.ledger.issued.setdefault(entry.index, set()).add(tuple(entry[1:]))
        if ready.hard_state:
            self.ledger.issued_hard_states.add(ready.hard_state)
        restart = (ready.restored.index, ready.restored.term) if ready.restored else None
        if ready.hard_state or ready.entries or restart:
            self.writer.write(ready.number, ready.hard_state, ready.entries, restart=restart)

    def promise(self, ready: Ready) -> None:
        """A sole voter has promised whatever is durable."""
        for entry in ready.entries:
            self.ledger.promised[entry.index] = tuple(entry[1:])
        self.ledger.hard_state = max(self.ledger.hard_state, ready.hard_state or (0, 0))

    def apply(self, index: int, payload: bytes) -> None:
        assert index == self.core.applied_index + 1
        self.state = zlib.crc32(payload, self.state)
        known = self.ledger.states.setdefault(index, self.state)
        assert known == self.state, f"entry {index} was applied before with another outcome"
        self.core.applied(index)

    def propose(self) -> bool:
        """One entry of a random length, if there is room."""
        length = self.random.choice([0, 10, 400, 1000, OPTIONS.record_bytes_max])
        if self.writer.room() < length:
            return False
        self.core.propose(self.random.randbytes(length))
        self.pump()
        return True

    def snapshot(self) -> None:
        index = self.core.applied_index
        job = self.data.snapshots.begin(
            SnapshotMeta(
                index=index,
                term=self.core.term_at(index) or 0,
                zxid=index,
                membership=self.core.membership_at(index).encode(),
                cluster_id=IDENTITY.cluster_id,
            )
        )
        for piece in pieces_of(self.state):
            job.add(piece)
        job.finish()
        first = self.writer.purge(self.data.snapshots.purge_index(self.writer.before_tail))
        self.writer.tick()
        self.core.compact(first - 1)

    def run(self, proposals: int) -> None:
        """An ordinary day: writes, and a snapshot now and then."""
        for count in range(1, proposals + 1):
            assert self.propose()
            if count % 7 == 0:
                self.snapshot()
        self.writer.close()
        self.data.close()


def pieces_of(state: int) -> tuple[bytes, ...]:
    """A snapshot of the toy machine."""
    return (b"state ", str(state).encode(), bytes(3000))


def state_in(pieces: Iterable[bytes]) -> int:
    """What such a snapshot is of."""
    return int(b"".join(pieces)[len(b"state ") : -3000])


def open_directory(files: FaultyFiles) -> DataDirectory:
    salts = random.Random(len(files.paths()))
    data = DataDirectory.open(ROOT, OPTIONS, files=files, random_bytes=salts.randbytes)
    if data.identity is None:
        data.create(IDENTITY)
    assert data.identity == IDENTITY
    return data


def check_recovered(data: DataDirectory, recovered: Recovered, ledger: Ledger) -> int:
    """Everything promised is there, and nothing is invented.

    Returns the state of the toy machine as the snapshot has it.
    """
    assert HardState(recovered.term, recovered.vote) in ledger.issued_hard_states
    assert (recovered.term, recovered.vote) >= ledger.hard_state
    state = snapshot_index = 0
    if recovered.snapshot:
        snapshot_index = recovered.snapshot.index
        state = state_in(data.snapshots.read(recovered.snapshot))
        assert state == ledger.states[snapshot_index]
    assert recovered.first_index <= snapshot_index + 1
    assert recovered.last_index >= max(ledger.promised, default=0)
    if recovered.first_index <= recovered.last_index:
        wal = data_wal(data, recovered)
        entries = {entry[0]: tuple(entry[1:]) for entry in wal}
        assert list(entries) == list(range(recovered.first_index, recovered.last_index + 1))
        for index, entry in entries.items():
            assert entry in ledger.issued[index]
            assert entry == ledger.promised.get(index, entry)
    return state


def data_wal(data: DataDirectory, recovered: Recovered) -> list[tuple[int, int, int, bytes]]:
    """All entries of the recovered log."""
    from raftkeeper.storage.wal import Wal

    log = recovered.log
    wal = Wal(data._files, segments=log.segments, spares=[], index=log.index, last_crc=0)
    return list(wal.read(recovered.first_index, recovered.last_index))
