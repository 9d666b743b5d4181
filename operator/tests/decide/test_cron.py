"""Schedules: which moments an expression means, and what is wrong with one that means none."""

from datetime import UTC, datetime

import pytest

from raftkeeper_operator.decide.cron import BadSchedule, parse_schedule


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 3 * * *", "2026-05-01T02:59:59", "2026-05-01T03:00"),
        ("0 3 * * *", "2026-05-01T03:00:00", "2026-05-02T03:00"),
        ("*/15 * * * *", "2026-05-01T10:01", "2026-05-01T10:15"),
        ("5-10/5,40 8 * * *", "2026-05-01T08:05", "2026-05-01T08:10"),
        ("5-10/5,40 8 * * *", "2026-05-01T08:10", "2026-05-01T08:40"),
        ("0 0 31 * *", "2026-04-30T12:00", "2026-05-31T00:00"),
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ("30 1 * * 1", "2026-05-01T00:00", "2026-05-04T01:30"),
        ("0 0 * * 7", "2026-05-01T00:00", "2026-05-03T00:00"),
        ("0 0 * * 0", "2026-05-01T00:00", "2026-05-03T00:00"),
        ("0 0 2 * 5", "2026-04-30T00:00", "2026-05-01T00:00"),
        ("0 12 * 12 *", "2026-12-31T12:00", "2027-12-01T12:00"),
        ("@hourly", "2026-05-01T10:00", "2026-05-01T11:00"),
        ("@monthly", "2026-05-01T00:00", "2026-06-01T00:00"),
        ("50/5 * * * *", "2026-05-01T10:51", "2026-05-01T10:55"),
    ],
)
def test_next_moment(expression: str, after: str, due: str) -> None:
    """The first moment later than the given one, as cron has it."""
    assert parse_schedule(expression).next_after(at(after)) == at(due)


def test_latest_of_many_missed_is_found() -> None:
    """After a year away the last moment counts, whether minutes or months lie between them."""
    now = at("2026-05-01T10:07:30")
    year_ago = at("2025-05-01T00:00")
    assert parse_schedule("* * * * *").latest(year_ago, now) == at("2026-05-01T10:07")
    assert parse_schedule("0 0 1 1 *").latest(year_ago, now) == at("2026-01-01T00:00")
    assert parse_schedule("0 3 * * *").latest(at("2026-05-01T03:00"), now) == 0


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 3 * *", "has 4 fields"),
        ("60 3 * * *", "minute: '60' is no number from 0 to 59"),
        ("0 x * * *", "hour: 'x'"),
        ("0 3 0 * *", "day of month: '0'"),
        ("0 3 * 13 *", "month: '13'"),
        ("0 3 * * 8", "day of week: '8'"),
        ("0 5-3 * * *", "begins after its end"),
        ("*/0 * * * *", "'0' is no number from 1"),
        ("0 0 30 2 *", "never comes"),
        ("@never x x x x", "minute: '@never'"),
    ],
)
def test_bad_schedules_are_explained(expression: str, words: str) -> None:
    """What is wrong is said with the field and what it holds."""
    with pytest.raises(BadSchedule, match=words):
        parse_schedule(expression)


def test_latest_of_moments_that_come_close_together() -> None:
    """Looking back far enough for one finds several, and takes the last."""
    schedule = parse_schedule("0,1 * * * *")
    hour_ms = 3_600_000
    assert schedule.latest(0, 10 * hour_ms + 30 * 60_000) == 10 * hour_ms + 60_000
