"""What a member knows against its own data is known at the next start, and to nobody else's data."""

from pathlib import Path

import pytest
from tests.unit.storage.directory_lives import ROOT, DirectoryLives

from raftkeeper.storage import StorageError
from raftkeeper.storage.verdicts import Verdict, drop_verdict, read_verdict, write_verdict
from raftkeeper.testing.faulty_files import FaultyFiles, Survival

PATH = Path("/data/diverged")
LIFE = b"i" * 16


@pytest.fixture
def files() -> FaultyFiles:
    files = FaultyFiles()
    files.make_directory(PATH.parent)
    return files


def test_verdict_is_read_as_it_was_written(files: FaultyFiles) -> None:
    """And it is gone when it is dropped, also after a crash."""
    assert read_verdict(files, PATH, LIFE) is None
    write_verdict(files, PATH, LIFE, Verdict("it differs", (1, 3)))
    files = files.after_crash(Survival.LOST, chance=None)  # type: ignore[arg-type]
    assert read_verdict(files, PATH, LIFE) == Verdict("it differs", (1, 3))
    drop_verdict(files, PATH)
    files = files.after_crash(Survival.LOST, chance=None)  # type: ignore[arg-type]
    assert read_verdict(files, PATH, LIFE) is None


def test_verdict_on_another_life_of_the_disk_says_nothing(files: FaultyFiles) -> None:
    """A file that was left behind when the data were replaced."""
    write_verdict(files, PATH, LIFE, Verdict("it differs"))
    assert read_verdict(files, PATH, b"j" * 16) is None


def test_verdict_that_cannot_be_read_counts(files: FaultyFiles) -> None:
    """It was there for a reason."""
    write_verdict(files, PATH, LIFE, Verdict("it differs"))
    files.content(PATH)[5] ^= 1
    verdict = read_verdict(files, PATH, LIFE)
    assert verdict is not None
    assert "cannot be read" in verdict.reason


def test_no_start_on_condemned_data() -> None:
    """As with any other damage, with the reason and the way out."""
    lives = DirectoryLives(member_id=2)
    data, writer = lives.live()
    data.condemn("the log ends at entry 4")
    writer.close()
    for _ in range(2):
        with pytest.raises(StorageError, match="the log ends at entry 4") as caught:
            lives.open()
        assert caught.value.is_damage
    lives.files.remove(ROOT / "damaged")
    lives.open()


def test_wrong_state_is_known_to_every_start_until_it_is_healed() -> None:
    """A node starts with it, and has to ask."""
    lives = DirectoryLives(member_id=2)
    data = lives.open()
    assert data.diverged is None
    data.mark_healed()
    data.mark_diverged(Verdict("it differs", (1, 3)))
    for _ in range(2):
        data = lives.open()
        assert data.diverged == Verdict("it differs", (1, 3))
    data.mark_healed()
    assert data.diverged is None
    assert lives.open().diverged is None
