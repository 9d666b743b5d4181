"""Which backups are no longer wanted. A plain function of what there is; nothing is deleted here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from raftkeeper.tools.backup_places import BackupRecord


def choose_outdated(
    records: Sequence[BackupRecord], keep: int, keep_for: timedelta, now: datetime
) -> list[BackupRecord]:
    """Oldest first: those beyond the newest `keep` that are older than `keep_for`.

    A record whose time cannot be read is kept: a person should look at it.
    """
    dated = [(moment, record) for record in records if (moment := _moment(record)) is not None]
    dated.sort(key=lambda pair: (pair[0], pair[1].index))
    beyond = dated[: max(0, len(dated) - max(1, keep))]
    return [record for moment, record in beyond if now - moment > keep_for]


def _moment(record: BackupRecord) -> datetime | None:
    try:
        moment = datetime.fromisoformat(record.taken_at)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
