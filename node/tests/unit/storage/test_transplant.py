"""Claims about a snapshot as the beginning of another cluster: whole, or nothing that would start."""

from pathlib import Path
from typing import Any

import pytest

from raftkeeper.raft import Member, Membership
from raftkeeper.storage import DataDirectory, Identity, SnapshotMeta, StorageError, StorageOptions
from raftkeeper.storage import transplant as module
from raftkeeper.storage.files import RealFiles
from raftkeeper.storage.transplant import transplant

OLD, NEW = b"o" * 16, b"n" * 16
PIECES = [b"one" * 1000, b"two" * 1000, b"three" * 1000]
IDENTITY = Identity(NEW, 1, b"i" * 16)
SEGMENT_BYTES = 1024 * 1024
MEMBERSHIP = Membership.of([1], details=[Member(1, b"i" * 16, "a:1")], next_id=9)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Of entry 50, as another cluster's member 3 wrote it."""
    source = DataDirectory.open(tmp_path / "source", StorageOptions())
    source.create(Identity(OLD, 3, b"x" * 16))
    membership = Membership.of([3, 4]).encode()
    job = source.snapshots.begin(SnapshotMeta(50, 7, 40, membership, OLD))
    for piece in PIECES:
        job.add(piece)
    job.finish()
    source.close()
    (file,) = (tmp_path / "source" / "snapshots").iterdir()
    return file


def recovered(path: Path) -> tuple[Any, list[bytes]]:
    """What a node would find, and the content of its snapshot."""
    directory = DataDirectory.open(path, StorageOptions())
    try:
        found = directory.recover()
        assert found.snapshot is not None
        return found, list(directory.snapshots.read(found.snapshot))
    finally:
        directory.close()


def test_directory_is_that_of_a_first_member_behind_the_snapshot(
    snapshot: Path, tmp_path: Path
) -> None:
    """Another cluster with the same state; the log goes on after it, and ids are not used again."""
    target = tmp_path / "target"
    transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    found, pieces = recovered(target)
    assert pieces == PIECES
    assert (found.term, found.vote, found.first_index, found.last_index) == (7, 0, 51, 50)
    assert (found.snapshot.index, found.snapshot.term, found.snapshot.zxid) == (50, 7, 40)
    assert found.snapshot.cluster_id == NEW
    assert Membership.decode(found.snapshot.membership) == MEMBERSHIP
    assert sorted(path.name for path in target.iterdir()) == [
        "hard_state",
        "identity",
        "lock",
        "log",
        "snapshots",
    ]


def test_used_directory_is_left_as_it_is(snapshot: Path, tmp_path: Path) -> None:
    """A member's, and one that has lost its identity."""
    target = tmp_path / "target"
    transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    with pytest.raises(StorageError, match="belongs to a member"):
        transplant(target, snapshot, Identity(b"z" * 16, 1, b"z" * 16), MEMBERSHIP)
    (target / "identity").unlink()
    before = sorted(target.rglob("*"))
    with pytest.raises(StorageError, match="without an identity"):
        transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    assert sorted(target.rglob("*")) == before


def test_directory_in_use_is_refused(snapshot: Path, tmp_path: Path) -> None:
    """By a node that waits to be added, for one."""
    target = tmp_path / "target"
    directory = DataDirectory.open(target, StorageOptions())
    with pytest.raises(StorageError, match="another process"):
        transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    directory.close()


def test_empty_volume_with_lost_and_found_is_empty(snapshot: Path, tmp_path: Path) -> None:
    """And so is one where a node has only looked in."""
    target = tmp_path / "target"
    for folder in (target, target / "log"):
        (folder / "lost+found").mkdir(parents=True)
    DataDirectory.open(target, StorageOptions()).close()
    transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    assert recovered(target)[1] == PIECES


def test_damaged_snapshot_leaves_no_member(snapshot: Path, tmp_path: Path) -> None:
    """Wherever the damage is; no node starts there, and a good one can be taken instead."""
    whole = snapshot.read_bytes()
    target = tmp_path / "target"
    for at in range(0, len(whole), 37):
        snapshot.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StorageError):
            transplant(target, snapshot, IDENTITY, MEMBERSHIP)
        with pytest.raises(StorageError, match="identity is missing"):
            DataDirectory.open(target, StorageOptions())
    snapshot.write_bytes(whole)
    transplant(target, snapshot, IDENTITY, MEMBERSHIP)
    assert recovered(target)[1] == PIECES


class Crash(Exception):
    """The process is gone."""


def test_crash_at_any_step_leaves_nothing_that_starts_and_a_second_try_succeeds(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node never founds an empty ensemble where half a restore lies."""
    steps = 0
    for crash_at in range(1, 1000):
        target = tmp_path / f"target-{crash_at}"
        monkeypatch.setattr(module, "RealFiles", lambda at=crash_at: Crashing(at))
        try:
            transplant(target, snapshot, IDENTITY, MEMBERSHIP, SEGMENT_BYTES)
            steps = crash_at
            break
        except Crash:
            pass
        monkeypatch.undo()
        _check_after_crash(target, snapshot)
    assert steps > 10


def _check_after_crash(target: Path, snapshot: Path) -> None:
    if (target / "identity").exists():
        assert recovered(target)[1] == PIECES
        return
    if _names(target) & {"transplant"}:
        with pytest.raises(StorageError, match="identity is missing"):
            DataDirectory.open(target, StorageOptions())
    transplant(target, snapshot, IDENTITY, MEMBERSHIP, SEGMENT_BYTES)
    assert recovered(target)[1] == PIECES


def _names(target: Path) -> set[str]:
    return {path.name for path in target.iterdir()} if target.exists() else set()


class Crashing(RealFiles):
    """Ends at the Nth of its own changes."""

    def __init__(self, at: int) -> None:
        self._left = at

    def _step(self) -> None:
        self._left -= 1
        if self._left <= 0:
            raise Crash

    def make_directory(self, path: Path) -> None:
        self._step()
        super().make_directory(path)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._step()
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._step()
        super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        self._step()
        super().sync_directory(directory)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)
