"""Snapshots of other members, and the log that restarts behind them: after any crash all fits."""

import dataclasses

import pytest
from tests.unit.storage.directory_lives import CLUSTER, OPTIONS, ROOT, DirectoryLives, settle

from raftkeeper.raft import Membership, RaftConfig
from raftkeeper.server.restored import build_core
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    SnapshotMeta,
    SnapshotStore,
    StorageError,
)
from raftkeeper.storage.hard_state import SLOT_OFFSETS
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

MEMBERS = Membership.of([1, 2, 3])
PIECES = [b"one", bytes(5000), b"three"]


def meta_of(index: int, term: int) -> SnapshotMeta:
    return SnapshotMeta(index, term, index * 10, MEMBERS.encode(), CLUSTER)


def bytes_of_snapshot(index: int, term: int) -> bytes:
    """A whole snapshot as another member has it on its disk."""
    files = FaultyFiles()
    files.make_directory(ROOT)
    store = SnapshotStore(files, ROOT, OPTIONS)
    job = store.begin(meta_of(index, term))
    for piece in PIECES:
        job.add(piece)
    job.finish()
    file = store.newest()
    assert file is not None
    data = file.read(0, file.size)
    file.close()
    return data


class Follower(DirectoryLives):
    """Who takes snapshots in."""

    def __init__(self) -> None:
        super().__init__(member_id=2)


def receive(store: SnapshotStore, data: bytes, index: int, term: int) -> SnapshotMeta:
    receipt = store.receive(index, term, len(data))
    receipt.add(data)
    return receipt.finish()


def test_received_snapshot_reads_as_it_was_sent() -> None:
    """Verified, named, and marked as another member's."""
    data, writer = Follower().live()
    meta = receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    assert meta == dataclasses.replace(meta_of(50, 4), installed=True)
    assert list(data.snapshots.read(meta)) == PIECES
    writer.close()


def test_reception_goes_on_where_it_broke_off() -> None:
    """A connection that is lost costs only what was under way."""
    data, writer = Follower().live()
    sent = bytes_of_snapshot(50, 4)
    receipt = data.snapshots.receive(50, 4, len(sent))
    receipt.add(sent[:100])
    receipt.close()
    again = data.snapshots.receive(50, 4, len(sent))
    assert again.offset == 100
    again.add(sent[100:])
    assert again.finish().index == 50
    writer.close()


def test_another_snapshot_starts_from_nothing() -> None:
    """Half of one and half of another make none."""
    data, writer = Follower().live()
    sent = bytes_of_snapshot(50, 4)
    receipt = data.snapshots.receive(50, 4, len(sent))
    receipt.add(sent[:100])
    receipt.close()
    assert data.snapshots.receive(60, 4, len(sent)).offset == 0
    writer.close()


@pytest.mark.parametrize("place", [20, 60, -10])
def test_damaged_snapshot_is_not_taken_in(place: int) -> None:
    """One flipped bit, wherever it is."""
    data, writer = Follower().live()
    sent = bytearray(bytes_of_snapshot(50, 4))
    sent[place] ^= 1
    receipt = data.snapshots.receive(50, 4, len(sent))
    receipt.add(bytes(sent))
    with pytest.raises((StorageError, ValueError)):
        receipt.finish()
    receipt.abandon()
    assert data.snapshots.newest() is None
    writer.close()


def test_snapshot_of_another_position_is_not_taken_in() -> None:
    """What was said must be what comes."""
    data, writer = Follower().live()
    with pytest.raises(StorageError, match="another snapshot"):
        receive(data.snapshots, bytes_of_snapshot(50, 4), 51, 4)
    writer.close()


def test_log_restarts_behind_a_snapshot_although_it_was_longer() -> None:
    """Entries of a deposed leader, before and behind the snapshot's index, never come back."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (3, 1), [(index, 3, 2, b"wrong") for index in range(1, 61)])
    settle(writer)
    receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    writer.restart(50, 4)
    writer.write(2, (5, 1), [(51, 5, 2, b"right")])
    settle(writer)
    assert list(writer.read(51, 51)) == [(51, 5, 2, b"right")]
    with pytest.raises(KeyError):
        list(writer.read(49, 50))
    writer.close()
    recovered = follower.open().recover()
    assert recovered.restart is None
    assert (recovered.first_index, recovered.last_index) == (51, 51)
    assert recovered.term_starts == ((51, 5),)


def test_restart_record_holds_when_a_newer_own_snapshot_covers_it() -> None:
    """The installed snapshot may be retired; the wrong entries stay forgotten."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (3, 1), [(index, 3, 2, b"wrong") for index in range(1, 61)])
    settle(writer)
    receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    writer.restart(50, 4)
    writer.write(2, (5, 1), [(index, 5, 2, b"right") for index in range(51, 60)])
    settle(writer)
    job = data.snapshots.begin(meta_of(59, 5))
    job.finish()
    writer.close()
    recovered = follower.open().recover()
    assert (recovered.first_index, recovered.last_index) == (51, 59)


def test_crash_between_snapshot_and_restart_is_repaired_at_the_start() -> None:
    """The snapshot is durable, the log still the old one: it is restarted before anything else."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (5, 1), [(index, 3, 2, b"wrong") for index in range(1, 61)])
    settle(writer)
    receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    writer.close()
    data = follower.open()
    recovered = data.recover()
    assert recovered.restart == (50, 4)
    assert recovered.last_index == 50
    writer = data.start_writer(
        wakeup=CountingWakeup(), disk=FaultyDisk(follower.files), executor=InlineExecutor()
    )
    writer.write(1, None, [(51, 5, 2, b"right")])
    settle(writer)
    writer.close()
    again = follower.open().recover()
    assert (again.restart, again.first_index, again.last_index) == (None, 51, 51)


@pytest.mark.parametrize("restarted", [False, True])
def test_crash_before_the_term_of_a_received_snapshot_is_durable_is_repaired(
    restarted: bool,
) -> None:
    """The member starts in that term and has voted for nobody in it, on both slots of its disk."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (3, 1), [(index, 3, 2, b"x") for index in range(1, 11)])
    settle(writer)
    receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    if restarted:  # as releases before this one could leave it
        writer.restart(50, 4)
        settle(writer)
    writer.close()
    recovered = follower.open().recover()
    assert (recovered.term, recovered.vote, recovered.last_index) == (4, 0, 50)
    core = build_core(RaftConfig(2, nonce=0), recovered, ROOT)
    assert core.term == 4
    for offset in SLOT_OFFSETS:
        follower.files.content(ROOT / "hard_state")[offset] ^= 1
        again = follower.open().recover()
        assert (again.term, again.vote) == (4, 0)


def test_vote_of_a_later_term_than_the_snapshots_is_kept() -> None:
    """Only a hard state that is behind is moved."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (5, 3), [(index, 3, 2, b"x") for index in range(1, 11)])
    settle(writer)
    receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    writer.close()
    recovered = follower.open().recover()
    assert (recovered.term, recovered.vote) == (5, 3)


def test_log_that_reaches_over_a_received_snapshot_is_kept() -> None:
    """A member that healed its state has the right log behind it."""
    follower = Follower()
    data, writer = follower.live()
    writer.write(1, (4, 1), [(index, 4, 2, b"right") for index in range(1, 61)])
    settle(writer)
    meta = receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    data.snapshots.keep_only(meta)
    writer.close()
    recovered = follower.open().recover()
    assert (recovered.restart, recovered.first_index, recovered.last_index) == (None, 1, 60)


def test_keep_only_removes_all_other_snapshots() -> None:
    """They hold a state that is wrong, newer ones too."""
    data, writer = Follower().live()
    for index in (40, 70):
        data.snapshots.begin(meta_of(index, 4)).finish()
    meta = receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    data.snapshots.keep_only(meta)
    newest = data.snapshots.newest()
    assert newest is not None
    assert newest.index == 50
    newest.close()
    writer.close()


def test_what_was_received_later_is_kept_too() -> None:
    """The core may have begun its log anew behind it by then."""
    data, writer = Follower().live()
    first = receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    receive(data.snapshots, bytes_of_snapshot(90, 4), 90, 4)
    data.snapshots.keep_only(first)
    assert data.snapshots.newest_index() == 90
    again = receive(data.snapshots, bytes_of_snapshot(50, 4), 50, 4)
    data.snapshots.keep_only(again)
    assert data.snapshots.newest_index() == 50
    writer.close()


def test_waiting_directory_is_bound_once_and_only_in_its_incarnation() -> None:
    """An empty disk gets its id from the ensemble, for this life of the disk."""
    files = FaultyFiles()
    data = DataDirectory.open(ROOT, OPTIONS, files=files)
    data.create(Identity.waiting(b"a" * 16))
    with pytest.raises(ValueError, match="no identity yet"):
        data.recover()
    with pytest.raises(ValueError, match="belongs to"):
        data.create(Identity(CLUSTER, 3, b"b" * 16))
    data.create(Identity(CLUSTER, 3, b"a" * 16))
    data.recover()
    with pytest.raises(ValueError, match="belongs to"):
        data.create(Identity(CLUSTER, 4, b"a" * 16))
