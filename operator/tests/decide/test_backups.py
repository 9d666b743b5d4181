"""Decisions about backups: what is begun, ended, made and removed, and when nothing is."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from raftkeeper_operator.api.backup import BackupScheduleSpec, BackupSpec
from raftkeeper_operator.decide.backups import (
    RUNNING_AT_ONCE,
    CreateBackup,
    FinishBackup,
    RemoveBackup,
    RemoveFile,
    StartBackup,
    decide_backups,
    next_due_ms,
)
from raftkeeper_operator.observe.backup_picture import (
    BackupPicture,
    BackupSeen,
    JobSeen,
    ScheduleSeen,
)

HOUR_MS = 3_600_000
NOW_MS = int(datetime(2026, 5, 1, 12, 30, tzinfo=UTC).timestamp()) * 1000
PLACE = {"cluster": "zoo", "destination": {"volume": {"claimName": "backups"}}}
SPEC = BackupSpec.model_validate(PLACE)
DONE = JobSeen("j", "ju", done=True, succeeded=True, words='{"sha256": "x", "znodes": 5}')


def backup(name: str, phase: str = "", age_h: float = 1, **more: Any) -> BackupSeen:
    created_ms = NOW_MS - int(age_h * HOUR_MS)
    return BackupSeen(name, f"uid-{name}", created_ms, SPEC, phase, **more)


def schedule(text: str = "0 * * * *", last_h: float = 0.4, **spec: Any) -> ScheduleSeen:
    made = BackupScheduleSpec.model_validate({**PLACE, "schedule": text, **spec})
    created_ms = NOW_MS - 1000 * HOUR_MS
    return ScheduleSeen("s", "su", created_ms, made, NOW_MS - int(last_h * HOUR_MS))


def picture(*backups: BackupSeen, schedules: tuple[ScheduleSeen, ...] = ()) -> BackupPicture:
    return BackupPicture(NOW_MS, "", backups, schedules)


def test_a_new_backup_is_started() -> None:
    """The oldest first, and not more than a few at a time."""
    many = [backup(f"b{age}", age_h=age) for age in range(1, 5)]
    started = decide_backups(picture(*many))
    assert started == (StartBackup("b4", "uid-b4"), StartBackup("b3", "uid-b3"))
    running = [backup(f"r{n}", "Running", job=JobSeen("j", "u", done=False)) for n in range(2)]
    assert len(running) == RUNNING_AT_ONCE
    assert decide_backups(picture(*many, *running)) == ()


def test_nothing_is_started_without_a_leader() -> None:
    """It waits, and goes on waiting however often it is looked at."""
    waiting = replace(picture(backup("b"), schedules=(schedule(last_h=9),)), why_not="no leader")
    assert decide_backups(waiting) == ()


def test_a_job_that_ended_well_finishes_its_backup() -> None:
    """With what the Job said in its last words."""
    (action,) = decide_backups(picture(backup("b", "Running", job=DONE)))
    assert action == FinishBackup("b", "uid-b", {"sha256": "x", "znodes": 5})


def test_a_job_that_failed_says_why() -> None:
    """Its own words if it had any, else Kubernetes'."""
    for words, message in (
        ('{"error": "the bucket refused"}', "the bucket refused"),
        (
            "Job has reached the specified backoff limit",
            "Job has reached the specified backoff limit",
        ),
        ("", "its Job failed without a word"),
    ):
        job = JobSeen("j", "u", done=True, words=words)
        (action,) = decide_backups(picture(backup("b", "Running", job=job)))
        assert action == FinishBackup("b", "uid-b", None, message)


def test_a_job_that_says_nothing_has_not_succeeded() -> None:
    """A backup without its digest is none."""
    (action,) = decide_backups(picture(backup("b", "Running", job=replace(DONE, words="[]"))))
    assert isinstance(action, FinishBackup)
    assert action.result is None


def test_a_job_that_is_gone_ends_its_backup() -> None:
    """Nobody knows how it went, so it failed."""
    (action,) = decide_backups(picture(backup("b", "Running")))
    assert isinstance(action, FinishBackup)
    assert action.result is None


def test_what_has_ended_stays_ended() -> None:
    """A finished backup is not looked at again, whatever its Job says."""
    ended = (backup("a", "Succeeded", job=DONE), backup("b", "Failed"))
    assert decide_backups(picture(*ended)) == ()


def test_a_due_backup_is_made_with_its_moment_in_the_name() -> None:
    """The same moment gives the same name, so two operators make one backup."""
    (action,) = decide_backups(picture(schedules=(schedule(last_h=0.6),)))
    due_ms = NOW_MS - HOUR_MS // 2
    assert action == CreateBackup("s", "su", "s-202605011200", due_ms)


def test_many_missed_backups_are_made_once() -> None:
    """After a long absence the last moment counts."""
    (action,) = decide_backups(picture(schedules=(schedule(last_h=500),)))
    assert isinstance(action, CreateBackup)
    assert action.backup == "s-202605011200"


def test_no_backup_is_made_before_its_time_or_while_one_runs() -> None:
    """Not due, suspended, unreadable, or the last one not ended: nothing is made."""
    running = backup("b", "Running", schedule="s", job=JobSeen("j", "u", done=False))
    for found in (
        picture(schedules=(schedule(last_h=0.4),)),
        picture(schedules=(schedule(last_h=9, suspend=True),)),
        picture(schedules=(schedule("0 0 30 2 *", last_h=9),)),
        picture(running, schedules=(schedule(last_h=9),)),
    ):
        assert decide_backups(found) == ()


def test_next_due_is_after_now() -> None:
    """For the operator to look again in time; 0 for never."""
    assert next_due_ms(schedule(), NOW_MS) == NOW_MS + HOUR_MS // 2
    assert next_due_ms(schedule(suspend=True), NOW_MS) == 0
    assert next_due_ms(schedule("61 * * * *"), NOW_MS) == 0


def of_schedule(*ages_h: float, phase: str = "Succeeded") -> list[BackupSeen]:
    return [backup(f"{phase[0]}{age}", phase, age_h=age, schedule="s") for age in ages_h]


def test_those_beyond_the_count_lose_their_files() -> None:
    """The oldest go: first the file, and when that is gone the resource."""
    kept = schedule(retention={"keepLast": 2})
    made = of_schedule(1, 2, 3)
    assert decide_backups(picture(*made, schedules=(kept,))) == (RemoveFile("S3", "uid-S3"),)
    removing = replace(made[2], removal=JobSeen("r", "u", done=False))
    assert decide_backups(picture(*made[:2], removing, schedules=(kept,))) == ()
    failed = replace(made[2], removal=JobSeen("r", "u", done=True))
    assert decide_backups(picture(*made[:2], failed, schedules=(kept,))) == ()
    removed = replace(made[2], removal=replace(DONE, name="r"))
    assert decide_backups(picture(*made[:2], removed, schedules=(kept,))) == (
        RemoveBackup("S3", "uid-S3"),
    )


def test_the_newest_that_succeeded_always_stays() -> None:
    """However old it is, and however many failed since."""
    kept = schedule(retention={"keepLast": 1, "maxAge": "1h"})
    made = [*of_schedule(50), *of_schedule(1, 2, phase="Failed")]
    assert decide_backups(picture(*made, schedules=(kept,))) == (RemoveBackup("F2", "uid-F2"),)


def test_those_of_people_are_never_removed() -> None:
    """A backup that no schedule made belongs to who made it."""
    kept = schedule(retention={"keepLast": 1})
    by_hand = [backup(f"h{age}", "Succeeded", age_h=age) for age in (1, 2, 3)]
    assert decide_backups(picture(*by_hand, schedules=(kept,))) == ()
