"""Claims about which backups go: never the newest, never the young, never those nobody can date."""

from datetime import UTC, datetime, timedelta

from raftkeeper.tools.backup_places import BackupRecord
from raftkeeper.tools.backup_pruning import choose_outdated

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def taken(days_ago: float, index: int = 1) -> BackupRecord:
    moment = NOW - timedelta(days=days_ago)
    return BackupRecord(f"{days_ago}-{index}", index, 1, 1, 1, 1, "", "", moment.isoformat())


def outdated(records: list[BackupRecord], keep: int, days: float = 0) -> list[str]:
    return [r.name for r in choose_outdated(records, keep, timedelta(days=days), NOW)]


def test_newest_are_kept_whatever_their_order() -> None:
    """By time, and by index within it."""
    records = [taken(3), taken(1), taken(5), taken(1, 2), taken(4)]
    assert outdated(records, 2) == ["5-1", "4-1", "3-1"]


def test_young_ones_stay_beside_the_newest() -> None:
    """Both bounds must be passed."""
    assert outdated([taken(d) for d in (0.5, 1, 2, 8, 9)], 1, days=7) == ["9-1", "8-1"]


def test_last_backup_is_never_deleted() -> None:
    """Even if somebody asks to keep none."""
    assert outdated([taken(100), taken(200)], 0) == ["200-1"]
    assert outdated([], 1) == []


def test_backup_without_a_readable_time_is_left_alone() -> None:
    """A person should look at it."""
    odd = BackupRecord("odd", 1, 1, 1, 1, 1, "", "", "yesterday")
    assert outdated([odd, taken(1), taken(2)], 1) == ["2-1"]
