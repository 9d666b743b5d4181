"""What backups and schedules say of themselves, and what a cluster says of its backups. Pure."""

from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.decide.backups import next_due_ms
from raftkeeper_operator.decide.cron import BadSchedule, parse_schedule
from raftkeeper_operator.observe.backup_picture import BackupPicture, BackupSeen, ScheduleSeen
from raftkeeper_operator.report.conditions import Verdict
from raftkeeper_operator.report.status import timestamp

Status = dict[str, Any]


def judge_waiting(picture: BackupPicture) -> tuple[Status, Verdict]:
    """Of a backup that has not begun."""
    why = picture.why_not or "other backups of the cluster run first"
    message = f"it waits: {why}"
    return {"phase": "Pending", "message": message}, (
        "Complete",
        "False",
        "BackupRunning",
        message,
    )


def schedule_report(
    picture: BackupPicture, schedule: ScheduleSeen, before: Mapping[str, Any]
) -> tuple[Status, Verdict]:
    """Of a schedule: what it did, and when it is due."""
    status: Status = {
        key: before[key] for key in ("lastScheduledAt", "lastBackup") if before.get(key)
    }
    made = picture.of(schedule.name)
    succeeded = [backup for backup in made if backup.phase == "Succeeded"]
    if succeeded:
        status["lastSuccessfulAt"] = timestamp(succeeded[0].completed_ms)
    elif before.get("lastSuccessfulAt"):
        status["lastSuccessfulAt"] = before["lastSuccessfulAt"]
    if due_ms := next_due_ms(schedule, picture.now_ms):
        status["nextScheduledAt"] = timestamp(due_ms)
    return status, _judge(picture, schedule)


def _judge(picture: BackupPicture, schedule: ScheduleSeen) -> Verdict:
    if schedule.spec.suspend:
        return "Scheduled", "False", "Suspended", "spec.suspend is set"
    try:
        parse_schedule(schedule.spec.schedule)
    except BadSchedule as error:
        return "Scheduled", "False", "ScheduleInvalid", f"spec.schedule: {error}"
    made = picture.of(schedule.name)
    ended = [backup for backup in made if backup.ended]
    if ended and ended[0].phase == "Failed":
        message = f"{ended[0].name} failed; the next one is made when it is due"
        return "Scheduled", "True", "OnSchedule", message
    waiting = f"; none while {picture.why_not}" if picture.why_not else ""
    return "Scheduled", "True", "OnSchedule", f"backups are made when they are due{waiting}"


def judge_backups(picture: BackupPicture | None, before: Mapping[str, Any]) -> Verdict:
    """The cluster's condition, by the newest that ended; as before when they could not be read."""
    kind = "BackupHealthy"
    if picture is None and before:
        return kind, before["status"], before["reason"], before.get("message", "")
    ended = _ended(picture)
    if not ended:
        return kind, "Unknown", "NoBackup", "there is no backup of this cluster"
    if ended[-1].phase == "Failed":
        return kind, "False", "BackupFailed", f"{ended[-1].name} failed"
    return kind, "True", "BackupRecent", f"{ended[-1].name} succeeded"


def last_backup(picture: BackupPicture | None, before: Mapping[str, Any]) -> Status:
    """The part of the cluster's status that names the newest backup that succeeded."""
    succeeded = [backup for backup in _ended(picture) if backup.phase == "Succeeded"]
    if succeeded:
        newest = succeeded[-1]
        return {"lastBackup": {"name": newest.name, "at": timestamp(newest.completed_ms)}}
    kept = before.get("lastBackup") if picture is None else None
    return {"lastBackup": kept} if kept else {}


def _ended(picture: BackupPicture | None) -> list[BackupSeen]:
    """Oldest first."""
    backups = picture.backups if picture is not None else ()
    return sorted((b for b in backups if b.ended), key=lambda b: (b.completed_ms, b.name))
