"""What to do about backups: start, finish, make those that are due, remove those that are outdated. Pure.

Backups take nothing from an ensemble that it could miss, so they are no part of the one plan of a cluster:
whatever is due is done beside it. Every action is safe to repeat.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from raftkeeper_operator.decide.cron import BadSchedule, parse_schedule
from raftkeeper_operator.observe.backup_picture import (
    BackupPicture,
    BackupSeen,
    JobSeen,
    ScheduleSeen,
)

RUNNING_AT_ONCE = 2
"""Of one cluster: a member sends four snapshots at a time at most, and members need some of these."""


@dataclass(frozen=True, slots=True)
class StartBackup:
    """Create its Job."""

    backup: str
    uid: str


@dataclass(frozen=True, slots=True)
class FinishBackup:
    """Write its outcome into its status."""

    backup: str
    uid: str
    result: dict[str, Any] | None
    """What the Job said of it; None when it failed."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CreateBackup:
    """Make a RaftKeeperBackup for a schedule. Its name holds the moment, so it is made once."""

    schedule: str
    uid: str
    backup: str
    due_ms: int


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Create the Job that deletes the file of an outdated backup."""

    backup: str
    uid: str


@dataclass(frozen=True, slots=True)
class RemoveBackup:
    """Delete the RaftKeeperBackup of a file that is gone."""

    backup: str
    uid: str


BackupAction: TypeAlias = StartBackup | FinishBackup | CreateBackup | RemoveFile | RemoveBackup


def decide_backups(picture: BackupPicture) -> tuple[BackupAction, ...]:
    """Everything that is due now."""
    actions = list(_finish(picture))
    actions += _start(picture)
    for schedule in picture.schedules:
        actions += _make_due(picture, schedule)
        actions += _remove_outdated(picture, schedule)
    return tuple(actions)


def next_due_ms(schedule: ScheduleSeen, now_ms: int) -> int:
    """When a schedule wants its next backup; 0 for never."""
    if schedule.spec.suspend:
        return 0
    try:
        return parse_schedule(schedule.spec.schedule).next_after(now_ms)
    except BadSchedule:
        return 0


def _finish(picture: BackupPicture) -> Iterator[BackupAction]:
    for backup in picture.backups:
        if backup.phase != "Running":
            continue
        if backup.job is None:
            gone = "its Job is gone, and nobody has read how it ended"
            yield FinishBackup(backup.name, backup.uid, None, gone)
        elif backup.job.done:
            yield _outcome(backup, backup.job)


def _outcome(backup: BackupSeen, job: JobSeen) -> FinishBackup:
    said = _read_words(job.words)
    if job.succeeded and "sha256" in said:
        return FinishBackup(backup.name, backup.uid, said)
    message = str(said.get("error") or job.words or "its Job failed without a word")
    return FinishBackup(backup.name, backup.uid, None, message)


def _read_words(words: str) -> dict[str, Any]:
    try:
        said = json.loads(words)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _start(picture: BackupPicture) -> list[BackupAction]:
    if picture.why_not:
        return []
    running = sum(backup.phase == "Running" for backup in picture.backups)
    waiting = [backup for backup in picture.backups if backup.phase in {"", "Pending"}]
    waiting.sort(key=lambda backup: (backup.created_ms, backup.name))
    room = max(0, RUNNING_AT_ONCE - running)
    return [StartBackup(backup.name, backup.uid) for backup in waiting[:room]]


def _make_due(picture: BackupPicture, schedule: ScheduleSeen) -> Iterator[BackupAction]:
    if schedule.spec.suspend or picture.why_not:
        return
    if any(not backup.ended for backup in picture.of(schedule.name)):
        # One that takes longer than the time between two is enough.
        return
    since_ms = max(schedule.last_scheduled_ms, schedule.created_ms)
    try:
        # What was missed while nobody looked is made once, not as often as it was missed.
        due_ms = parse_schedule(schedule.spec.schedule).latest(since_ms, picture.now_ms)
    except BadSchedule:
        return
    if due_ms:
        moment = datetime.fromtimestamp(due_ms // 1000, UTC)
        name = f"{schedule.name}-{moment:%Y%m%d%H%M}"
        yield CreateBackup(schedule.name, schedule.uid, name, due_ms)


def _remove_outdated(picture: BackupPicture, schedule: ScheduleSeen) -> Iterator[BackupAction]:
    for backup in outdated(picture, schedule):
        if backup.phase == "Failed" or (backup.removal is not None and backup.removal.succeeded):
            yield RemoveBackup(backup.name, backup.uid)
        elif backup.removal is None:
            yield RemoveFile(backup.name, backup.uid)


def outdated(picture: BackupPicture, schedule: ScheduleSeen) -> tuple[BackupSeen, ...]:
    """Those that break a bound of the retention. The newest that succeeded never does."""
    retention = schedule.spec.retention
    found = []
    for phase in ("Succeeded", "Failed"):
        same = [backup for backup in picture.of(schedule.name) if backup.phase == phase]
        for place, backup in enumerate(same):
            age_ms = picture.now_ms - backup.created_ms
            too_old = retention.max_age_ms is not None and age_ms > retention.max_age_ms
            newest = place == 0 and phase == "Succeeded"
            if not newest and (place >= retention.keep_last or too_old):
                found.append(backup)
    return tuple(found)
