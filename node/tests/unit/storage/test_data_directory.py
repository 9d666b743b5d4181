"""The directory as a whole, on real files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raftkeeper.storage import DataDirectory, Identity, SnapshotMeta, StorageError, StorageOptions

IDENTITY = Identity(b"cluster-of-tests", 1, b"first-life-of-it")
OPTIONS = StorageOptions(segment_bytes=64 * 1024, record_bytes_max=16 * 1024)


def write_something(path: Path) -> None:
    """A life: three entries, a snapshot of the first two."""
    data = DataDirectory.open(path, OPTIONS)
    if data.identity is None:
        data.create(IDENTITY)
    data.recover()
    fd = os.eventfd(0, os.EFD_CLOEXEC)
    writer = data.start_writer(fd)
    writer.write(1, (1, 1), [(1, 1, 3, b"config"), (2, 1, 2, b"a"), (3, 1, 2, b"b")])
    writer.close()
    job = data.snapshots.begin(SnapshotMeta(2, 1, 5, b"config", IDENTITY.cluster_id))
    job.add(b"state")
    job.finish()
    data.close()
    os.close(fd)


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    """Identity, term and vote, snapshot, log."""
    write_something(tmp_path / "a" / "b")
    data = DataDirectory.open(tmp_path / "a" / "b", OPTIONS)
    assert data.identity == IDENTITY
    recovered = data.recover()
    assert (recovered.term, recovered.vote) == (1, 1)
    assert recovered.snapshot is not None
    assert list(data.snapshots.read(recovered.snapshot)) == [b"state"]
    assert (recovered.first_index, recovered.last_index) == (1, 3)
    assert recovered.configs == ((1, b"config"),)
    data.close()


def test_a_second_process_is_told_in_one_line(tmp_path: Path) -> None:
    """And the first one is not disturbed."""
    data = DataDirectory.open(tmp_path, OPTIONS)
    code = (
        "import sys; from pathlib import Path;"
        " from raftkeeper.storage import DataDirectory, StorageError, StorageOptions\n"
        "try: DataDirectory.open(Path(sys.argv[1]), StorageOptions())\n"
        "except StorageError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert said == (
        f"{tmp_path}: another process uses this data directory."
        " Stop it, or choose another directory\n"
    )
    data.close()
    DataDirectory.open(tmp_path, OPTIONS).close()


def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    """With what is in the way."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="opening the data directory failed"):
        DataDirectory.open(tmp_path / "file" / "data", OPTIONS)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("identity", "the identity is missing"),
        ("hard_state", "term and vote are missing"),
        ("log", "the log is missing"),
    ],
)
def test_a_missing_part_stops_the_start(tmp_path: Path, missing: str, said: str) -> None:
    """A half-empty directory is never taken for a new one."""
    write_something(tmp_path)
    target = tmp_path / missing
    for path in target.iterdir() if target.is_dir() else [target]:
        path.unlink()
    with pytest.raises(StorageError, match=said):
        DataDirectory.open(tmp_path, OPTIONS).recover()


def test_a_log_that_does_not_reach_back_stops_the_start(tmp_path: Path) -> None:
    """With its only snapshot gone, the entries before the log are nowhere."""
    data = DataDirectory.open(tmp_path, OPTIONS)
    data.create(IDENTITY)
    data.recover()
    fd = os.eventfd(0, os.EFD_CLOEXEC)
    writer = data.start_writer(fd)
    for index in range(1, 20):
        writer.write(index, (1, 1) if index == 1 else None, [(index, 1, 2, bytes(8000))])
    while not writer.idle:
        os.eventfd_read(fd)
        os.eventfd_write(fd, 1)
        os.set_blocking(fd, False)
        writer.poll()
        os.set_blocking(fd, True)
    assert writer.purge(15) > 1
    writer.close()
    data.close()
    os.close(fd)
    data = DataDirectory.open(tmp_path, OPTIONS)
    with pytest.raises(StorageError, match="neither in a snapshot nor in the log"):
        data.recover()


def test_calls_out_of_order_are_refused(tmp_path: Path) -> None:
    """Create once, recover once created, one writer for a recovery."""
    data = DataDirectory.open(tmp_path, OPTIONS)
    with pytest.raises(ValueError, match="no identity yet"):
        data.recover()
    data.create(IDENTITY)
    with pytest.raises(ValueError, match="belongs to"):
        data.create(IDENTITY)
    with pytest.raises(ValueError, match="recover first"):
        data.start_writer(0)
    data.close()


def test_options_that_cannot_work_are_refused() -> None:
    """A batch must fit a segment several times."""
    with pytest.raises(ValueError, match="segment_bytes"):
        StorageOptions(segment_bytes=8192, record_bytes_max=8192)
    with pytest.raises(ValueError, match="snapshots_kept"):
        StorageOptions(snapshots_kept=0)
