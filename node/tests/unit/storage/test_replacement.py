"""Claims about replacing a member's data: nothing of it or all of it, and the old data are kept."""

import errno
import json
import random
from contextlib import suppress
from pathlib import Path

import pytest

from raftkeeper.storage import (
    DataDirectory,
    Identity,
    SnapshotMeta,
    StorageError,
    StorageOptions,
    give_up_data,
)
from raftkeeper.storage.files import RealFiles
from raftkeeper.storage.identity import read_identity
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    Crashed,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
    Survival,
)

ROOT = Path("/data")
OPTIONS = StorageOptions(segment_bytes=8192, record_bytes_max=1500, snapshots_kept=2)
OLD = Identity(b"o" * 16, 2, b"2" * 16)
NEW = Identity(b"n" * 16, 4, b"4" * 16, recovery_epoch=1)
META = SnapshotMeta(3, 1007, 9, b"{}", NEW.cluster_id, installed=True)
PIECES = [b"one" * 100, b"two" * 100]


def furnish(files: FaultyFiles) -> None:
    """A member with a vote, a snapshot and some entries, closed."""
    directory = DataDirectory.open(ROOT, OPTIONS, files=files, random_bytes=bytes)
    directory.create(OLD)
    directory.recover()
    writer = directory.start_writer(
        wakeup=CountingWakeup(), disk=FaultyDisk(files), executor=InlineExecutor()
    )
    for number in (1, 2, 3):
        writer.write(number, (7, 2), [(number, 7, 1, b"entry %d" % number)])
        assert writer.poll() == number
    writer.close()
    job = directory.snapshots.begin(SnapshotMeta(2, 7, 5, b"{}", OLD.cluster_id))
    job.add(b"old")
    job.finish()
    directory.close()


def open_data(files: FaultyFiles) -> DataDirectory:
    return open_data_at(files, ROOT)


def open_data_at(files: FaultyFiles, path: Path) -> DataDirectory:
    return DataDirectory.open(path, OPTIONS, files=files, random_bytes=bytes)


def replace_data(files: FaultyFiles) -> Path:
    """As a recovery does it."""
    directory = open_data(files)
    replacement = directory.prepare_replacement()
    job = replacement.snapshots.begin(META)
    for piece in PIECES:
        job.add(piece)
    job.finish()
    aside = directory.replace(replacement, NEW, META.term)
    assert directory.identity == NEW
    directory.close()
    return aside


def find_state(files: FaultyFiles) -> str:
    """'old' or 'new', having checked that it is whole."""
    directory = open_data(files)
    found = directory.recover()
    assert found.snapshot is not None
    if directory.identity == OLD:
        assert (found.term, found.vote, found.last_index) == (7, 2, 3)
        assert [record[3] for record in directory.read_recovered(found)] == [b"entry 3"]
        state = "old"
    else:
        assert directory.identity == NEW
        assert (found.term, found.vote, found.first_index, found.last_index) == (1007, 0, 4, 3)
        assert (found.snapshot.index, found.snapshot.zxid) == (3, 9)
        assert list(directory.snapshots.read(found.snapshot)) == PIECES
        state = "new"
    directory.release_recovered()
    directory.close()
    return state


def check_kept(files: FaultyFiles, aside: Path) -> None:
    """The old data are those of a directory that could be started again."""
    assert read_identity(files, aside / "identity") == OLD
    directory = DataDirectory.open(aside, OPTIONS, files=files, random_bytes=bytes)
    found = directory.recover()
    assert (found.term, found.last_index) == (7, 3)
    directory.release_recovered()
    directory.close()


def test_replaced_data_are_kept_whole_beside_the_new_ones() -> None:
    """With everything in them, under the epoch's name."""
    files = FaultyFiles()
    furnish(files)
    opened = files.open_count
    aside = replace_data(files)
    assert aside == ROOT / "given-up-1"
    assert find_state(files) == "new"
    check_kept(files, aside)
    assert not any("successor" in path.parts for path in files.paths())
    assert not any(path.name == "replacement" for path in files.paths())
    assert files.open_count == opened


def test_verdicts_on_the_old_data_go_with_them() -> None:
    """They say nothing about the new ones, and are not lost."""
    files = FaultyFiles()
    furnish(files)
    directory = open_data(files)
    directory.condemn("its disk has lost entries")
    directory.close()
    aside = give_up_data(ROOT, OPTIONS, 1, files=files, random_bytes=bytes)
    assert aside is not None
    assert files.names(ROOT) == ["identity"]
    with pytest.raises(StorageError, match="its disk has lost entries"):
        open_data_at(files, aside)


@pytest.mark.parametrize("survival", Survival)
def test_crash_at_any_step_leaves_the_old_data_or_the_new_and_a_second_try_succeeds(
    survival: Survival,
) -> None:
    """Never half of each; and whoever opens the directory finishes what had begun to count."""
    whole = FaultyFiles()
    furnish(whole)
    before = whole.steps
    replace_data(whole)
    states = set()
    for step in range(before + 1, whole.steps + 1):
        chance = random.Random(step)
        files = FaultyFiles()
        furnish(files)
        files.crash_at = step
        with pytest.raises(Crashed):
            replace_data(files)
        files = files.after_crash(survival, chance)
        files.crash_at = chance.randrange(1, 40)
        try:
            find_state(files)
        except Crashed:
            pass
        files = files.after_crash(chance.choice(list(Survival)), chance)
        state = find_state(files)
        states.add(state)
        if state == "old":
            replace_data(files)
            assert find_state(files) == "new"
        check_kept(files, ROOT / "given-up-1")
    assert states == {"old", "new"}


def test_stage_that_a_killed_process_has_left_is_durable_before_it_is_followed() -> None:
    """Otherwise a power cut after the next start brings the stage before it back, and the new log is
    moved over the old one, which is to be kept.
    """
    whole = FaultyFiles()
    furnish(whole)
    stages: list[int] = []
    whole.on_step = lambda what: stages.append(whole.steps) if "replacement" in what else None
    replace_data(whole)
    for killed_at in range(stages[0] + 1, stages[-1] + 2):
        for cut_off_at in range(1, 30):
            files = FaultyFiles()
            furnish(files)
            files.crash_at = killed_at
            with pytest.raises(Crashed):
                replace_data(files)
            files = files.after_crash(Survival.KILLED, random.Random(0))
            files.crash_at = cut_off_at
            with suppress(Crashed):
                find_state(files)
            files = files.after_crash(Survival.LOST, random.Random(0))
            if find_state(files) == "new":
                check_kept(files, ROOT / "given-up-1")


def test_log_on_another_volume_is_kept_on_it() -> None:
    """Where a file cannot be moved to another file system."""

    class TwoVolumes(FaultyFiles):
        def rename(self, old: Path, new: Path) -> None:
            if old.parent == ROOT / "log" and "log" not in new.relative_to(ROOT).parts[:1]:
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            super().rename(old, new)

    files = TwoVolumes()
    furnish(files)
    replace_data(files)
    assert find_state(files) == "new"
    assert ROOT / "log/given-up-1/00000000000000000001.log" in files.paths()
    assert ROOT / "given-up-1/identity" in files.paths()


def test_given_up_directory_is_an_empty_one_that_remembers_the_epoch() -> None:
    """With another life of its disk, so that nobody takes it for the member it was."""
    files = FaultyFiles()
    furnish(files)
    assert give_up_data(ROOT, OPTIONS, 3, files=files) == ROOT / "given-up-3"
    check_kept(files, ROOT / "given-up-3")
    files = files.copy()
    directory = open_data(files)
    identity = directory.identity
    assert identity is not None
    assert identity.is_waiting
    assert identity.recovery_epoch == 3
    assert identity.incarnation != OLD.incarnation
    directory.create(Identity(NEW.cluster_id, 5, identity.incarnation, recovery_epoch=3))
    assert directory.recover().last_index == 0
    directory.close()
    files = files.copy()
    before = files.paths()
    assert give_up_data(ROOT, OPTIONS, 3, files=files) is None, "it has passed this epoch"
    assert files.paths() == before


@pytest.mark.parametrize("name", ["identity", "hard_state", "00000000000000000001.log"])
def test_damaged_data_are_given_up_as_whole_ones(name: str) -> None:
    """It does not matter any more what is in them."""
    files = FaultyFiles()
    furnish(files)
    files = files.copy()
    (path,) = (path for path in files.paths() if path.name == name)
    files.rot(path, 5, 3)
    if name == "hard_state":
        files.rot(path, 4096 + 5, 3)
    assert give_up_data(ROOT, OPTIONS, 1, files=files) == ROOT / "given-up-1"
    files = files.copy()
    directory = open_data(files)
    assert directory.identity is not None
    assert directory.identity.is_waiting
    directory.close()


def test_data_damaged_after_the_epoch_do_not_overwrite_those_given_up_in_it() -> None:
    """A damaged identity does not say which epoch it has passed."""
    files = FaultyFiles()
    furnish(files)
    assert give_up_data(ROOT, OPTIONS, 1, files=files) == ROOT / "given-up-1"
    files = files.copy()
    files.rot(ROOT / "identity", 5, 1)
    assert give_up_data(ROOT, OPTIONS, 1, files=files) == ROOT / "given-up-1-2"
    check_kept(files, ROOT / "given-up-1")


def test_empty_directory_has_nothing_to_give_up() -> None:
    """New ones, and those that wait; the latter pass the epoch as they are."""
    files = FaultyFiles()
    assert give_up_data(ROOT, OPTIONS, 1, files=files) is None
    files = files.copy()
    directory = open_data(files)
    directory.create(Identity.waiting(b"w" * 16))
    directory.close()
    files = files.copy()
    assert give_up_data(ROOT, OPTIONS, 1, files=files) is None
    assert read_identity(files, ROOT / "identity") == Identity.waiting(b"w" * 16, 1)


def test_identity_without_an_epoch_is_of_epoch_0(tmp_path: Path) -> None:
    """Directories from before there were recoveries."""
    from raftkeeper._engine import crc32c

    body = json.dumps(
        {
            "version": 1,
            "cluster_id": OLD.cluster_id.hex(),
            "member_id": 2,
            "incarnation": OLD.incarnation.hex(),
            "founds": False,
        }
    ).encode()
    path = tmp_path / "identity"
    path.write_bytes(body + b"\n" + f"crc32c {crc32c(body):08x}\n".encode())
    assert read_identity(RealFiles(), path) == OLD


def test_replacement_that_cannot_be_read_stops_the_start() -> None:
    """It is never guessed what was to be done."""
    files = FaultyFiles()
    furnish(files)
    files = files.copy()
    for content in (b"{", b"[]", b'{"aside": "../x", "stage": "in"}'):
        fd = files.create(ROOT / "replacement")
        files.write(fd, content, 0)
        files.close(fd)
        files = files.copy()
        with pytest.raises(StorageError, match="replacement"):
            open_data(files)
        files = files.copy()
