"""Snapshots: whole or not there; the newest good one is found; a few are kept."""

import errno
import json
import random
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from raftkeeper._engine import crc32c
from raftkeeper.storage.errors import StorageError, StorageFull
from raftkeeper.storage.layout import FORMAT_VERSION, snapshot_name
from raftkeeper.storage.options import SNAPSHOT_SYNC_BYTES, StorageOptions
from raftkeeper.storage.snapshot_file import SnapshotMeta, Summary
from raftkeeper.storage.snapshots import SnapshotStore
from raftkeeper.testing.faulty_files import FaultyFiles, Survival

ROOT = Path("/snapshots")
CLUSTER = b"cluster-of-tests"
PIECES = [b"one", bytes(5000), b"", random.Random(1).randbytes(2000)]


class HookedFiles(FaultyFiles):
    """Something happens before the first file is removed."""

    on_remove: Callable[[], None] | None = None

    def remove(self, path: Path) -> None:
        hook, self.on_remove = self.on_remove, None
        if hook is not None:
            hook()
        super().remove(path)


@pytest.fixture
def files() -> FaultyFiles:
    files = FaultyFiles()
    files.make_directory(ROOT)
    return files


@pytest.fixture
def store(files: FaultyFiles) -> SnapshotStore:
    return SnapshotStore(files, ROOT, StorageOptions(snapshots_kept=2))


def meta_of(index: int) -> SnapshotMeta:
    return SnapshotMeta(index, 3, index * 10, b'{"voters":[1]}', CLUSTER)


def take(store: SnapshotStore, index: int) -> None:
    job = store.begin(meta_of(index))
    for piece in PIECES:
        job.add(piece)
    job.finish()


def test_a_snapshot_reads_back_as_it_was_taken(store: SnapshotStore) -> None:
    """What is of it, and every piece."""
    assert store.newest_good(CLUSTER) == (None, None)
    take(store, 7)
    meta, damage = store.newest_good(CLUSTER)
    assert (meta, damage) == (meta_of(7), None)
    assert list(store.read(meta)) == PIECES


def test_a_snapshot_keeps_the_index_of_its_membership(store: SnapshotStore) -> None:
    """It stands for the membership; all members must mean the same by it."""
    store.begin(replace(meta_of(7), config_index=3)).finish()
    assert store.newest_good(CLUSTER) == (replace(meta_of(7), config_index=3), None)


def test_a_head_of_an_earlier_release_is_read(files: FaultyFiles, store: SnapshotStore) -> None:
    """It says nothing of the index of the membership."""
    told = {"index": 7, "term": 3, "zxid": 70, "membership": '{"voters":[1]}', "installed": False}
    body = json.dumps({**told, "cluster_id": CLUSTER.hex()}).encode()
    head = struct.pack("<4sIII", b"RKSN", FORMAT_VERSION, len(body), crc32c(body)) + body
    summary = Summary()
    summary.add(head)
    fd = files.create(ROOT / snapshot_name(7, 3, installed=False))
    files.write(fd, head + summary.tail(), 0)
    assert store.newest_good(CLUSTER) == (meta_of(7), None)


def test_every_flipped_bit_and_every_cut_is_noticed(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """Lengths, checksums, data, counts: all of it."""
    take(store, 7)
    content = files.content(files.paths()[0])
    whole = bytes(content)
    for at in range(len(whole)):
        content[at] ^= 1 << (at % 8)
        found, damage = store.newest_good(CLUSTER)
        assert found is None
        assert damage is not None
        content[at] = whole[at]
    for length in range(0, len(whole), 7):
        content[:] = whole[:length]
        found, damage = store.newest_good(CLUSTER)
        assert found is None
        assert damage is not None
    content[:] = whole + b"\0"
    found, damage = store.newest_good(CLUSTER)
    assert found is None
    assert damage is not None
    content[:] = whole
    assert store.newest_good(CLUSTER) == (meta_of(7), None)


def test_a_damaged_snapshot_is_passed_over(
    files: FaultyFiles, store: SnapshotStore, caplog: pytest.LogCaptureFixture
) -> None:
    """With a word in the log; recovery sees whether the log reaches back."""
    take(store, 7)
    take(store, 9)
    files.content(files.paths()[-1])[30] ^= 1
    found, damage = store.newest_good(CLUSTER)
    assert found == meta_of(7)
    assert damage is not None
    assert damage.path.name.startswith(f"{9:020d}")
    assert "Passing it over" in caplog.text


def test_a_renamed_snapshot_or_one_of_another_cluster_is_refused(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """A stale state must not pass for a newer one."""
    take(store, 7)
    with pytest.raises(StorageError, match="another cluster"):
        store.newest_good(b"another cluster!")
    path = files.paths()[0]
    files.rename(path, path.with_name(path.name.replace("7", "8", 1)))
    found, damage = store.newest_good(CLUSTER)
    assert found is None
    assert "renamed" in str(damage)


def test_a_snapshot_that_is_not_newer_is_refused(store: SnapshotStore) -> None:
    """It could only take the place of a better one."""
    take(store, 7)
    for index in (6, 7):
        with pytest.raises(ValueError, match="there already"):
            store.begin(meta_of(index))


def test_as_many_are_kept_as_asked_and_the_log_behind_the_oldest(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """While there is only one, the log stays whole: it might turn out damaged."""

    def before_tail(last: int) -> int:
        return last - 5

    assert store.purge_index(before_tail) == 0
    take(store, 20)
    assert store.purge_index(before_tail) == 0
    take(store, 22)
    assert store.purge_index(before_tail) == 17
    take(store, 40)
    assert [int(path.name[:20]) for path in files.paths()] == [22, 40]
    assert store.purge_index(before_tail) == 22


def test_no_space_is_said_and_leaves_nothing_behind(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """It can be tried again later."""
    job = store.begin(meta_of(7))
    files.capacity_bytes = files.used_bytes + 100
    with pytest.raises(StorageFull, match="Free some space"):
        job.add(random.Random(2).randbytes(5000))
    job.abandon()
    job.abandon()
    with pytest.raises(StorageError):
        job.add(b"x")
    assert files.paths() == []
    files.capacity_bytes = 1 << 30
    take(store, 7)


def test_a_snapshot_that_was_given_up_gets_no_name(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """Its thread may be about to finish when it turns out that the state in it is wrong."""
    take(store, 7)
    job = store.begin(meta_of(9))
    job.add(b"wrong")
    job.give_up()
    with pytest.raises(StorageError, match="given up"):
        job.finish()
    job.abandon()
    assert store.newest_index() == 7
    assert len(files.paths()) == 1


def test_one_thread_at_a_time_changes_which_files_are_there() -> None:
    """Else one removes what another has just listed."""
    files = HookedFiles()
    files.make_directory(ROOT)
    store = SnapshotStore(files, ROOT, StorageOptions(snapshots_kept=2))
    for index in (5, 7):
        take(store, index)
    job = store.begin(meta_of(9))
    other = threading.Thread(target=job.finish)

    def on_remove() -> None:
        other.start()
        other.join(0.2)  # long enough for it to come to where it has to wait
        assert other.is_alive()

    files.on_remove = on_remove
    store.keep_only(meta_of(7))
    other.join(10)
    assert not other.is_alive()
    names = [path.name for path in files.paths()]
    assert names == [snapshot_name(index, 3, installed=False) for index in (7, 9)]


def test_a_failed_fsync_leaves_no_snapshot(files: FaultyFiles, store: SnapshotStore) -> None:
    """Under its name there is a whole one or none."""
    job = store.begin(meta_of(7))
    job.add(b"x")
    files.fail_at = {files.steps + 2: errno.EIO}
    with pytest.raises(StorageError, match="finishing a snapshot failed"):
        job.finish()
    job.abandon()
    assert store.newest_good(CLUSTER) == (None, None)


def test_a_long_snapshot_is_synced_on_the_way(files: FaultyFiles, store: SnapshotStore) -> None:
    """So that the log's fsync never waits for all of it."""
    seen: list[str] = []
    job = store.begin(meta_of(7))
    files.on_step = seen.append
    job.add(random.Random(3).randbytes(SNAPSHOT_SYNC_BYTES))
    assert "sync" in seen
    assert job.file_bytes > SNAPSHOT_SYNC_BYTES


def test_a_damaged_snapshot_is_put_aside_and_the_one_before_stands_in(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """Kept under another name, durably; one that is whole stays."""
    take(store, 7)
    take(store, 9)
    store.put_damaged_aside()
    assert store.newest_index() == 9
    path = max(files.paths())
    files.rot(path, 40, 3)
    store.put_damaged_aside()
    assert store.newest_index() == 7
    after = files.after_crash(Survival.LOST, random.Random(1))
    assert [path.name for path in after.paths()][1].endswith(".snap.damaged")
    take(store, 9)
    assert store.newest_index() == 9


def test_a_snapshot_that_cannot_begin_leaves_nothing_open(
    files: FaultyFiles, store: SnapshotStore
) -> None:
    """A full disk is asked again and again: each time must cost nothing."""
    files.capacity_bytes = 10
    for _ in range(3):
        with pytest.raises(StorageFull):
            store.begin(meta_of(7))
    assert files.paths() == []
    assert files.open_count == 0
    files.capacity_bytes = 1 << 20
    take(store, 7)
