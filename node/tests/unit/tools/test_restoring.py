"""Claims about a restore that fails: nothing of it is left. That it works is shown with whole nodes."""

from pathlib import Path

import pytest

from raftkeeper.tools.backup_places import BackupError
from raftkeeper.tools.restoring import WORK_PREFIX, Target, restore_into


def test_tries_that_were_killed_leave_nothing_in_the_folder(tmp_path: Path) -> None:
    """What an earlier process had fetched is removed, and so is what this one has."""
    data, backups = tmp_path / "data", tmp_path / "backups"
    for number in range(3):
        (data / f"{WORK_PREFIX}{number}").mkdir(parents=True)
        (data / f"{WORK_PREFIX}{number}" / "snapshot").write_bytes(b"half of it")
    backups.mkdir()
    (backups / "damaged.snap").write_bytes(b"this is no snapshot")
    with pytest.raises(BackupError, match="no backup that could be restored"):
        restore_into(Target(data, "10.0.0.1:2888"), f"{backups}/damaged.snap", {})
    assert list(data.iterdir()) == []
