"""When a schedule in cron's five fields is next due. Pure: minutes in UTC, no clock.

Minute, hour, day of month, month, day of week (0 or 7 is Sunday); each `*`, a number, a range, a list, or
any of these with a step. If both days are restricted, either will do, as in cron.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
DAYS_MAX = 4 * 366 + 1
"""A 29th of February comes within this; what does not never comes."""


class BadSchedule(ValueError):
    """The expression means nothing. The text says which field and why."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The moments of an expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool
    """Both kinds of day are restricted."""

    def next_after(self, after_ms: int) -> int:
        """The first moment later than this, in milliseconds since 1970; 0 when there is none."""
        start = datetime.fromtimestamp(after_ms // 1000, UTC).replace(second=0, microsecond=0)
        start += timedelta(minutes=1)
        midnight = start.replace(hour=0, minute=0)
        for number in range(DAYS_MAX):
            day = midnight + timedelta(days=number)
            if not self._is_day(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    moment = day.replace(hour=hour, minute=minute)
                    if moment >= start:
                        return int(moment.timestamp()) * 1000
        return 0

    def latest(self, after_ms: int, until_ms: int) -> int:
        """The last moment later than the one and not later than the other; 0 when there is none.

        Looked for backwards in steps that double: an operator may have been away for a year.
        """
        span_ms = 60_000
        while True:
            begin_ms = max(after_ms, until_ms - span_ms)
            found = self.next_after(begin_ms)
            if found and found <= until_ms:
                while (later := self.next_after(found)) and later <= until_ms:
                    found = later
                return found
            if begin_ms == after_ms:
                return 0
            span_ms *= 2

    def _is_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either_day else of_month and of_week


def parse_schedule(expression: str) -> Schedule:
    """BadSchedule when it cannot be read, or never comes."""
    parts = SHORTHANDS.get(expression, expression).split()
    if len(parts) != len(FIELDS):
        raise BadSchedule(f"{expression!r} has {len(parts)} fields; a schedule has five")
    minutes, hours, days, months, weekdays = (
        _parse_field(text, *field) for text, field in zip(parts, FIELDS, strict=True)
    )
    schedule = Schedule(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        either_day=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    if not schedule.next_after(0):
        raise BadSchedule(f"{expression!r} never comes: no month has that day")
    return schedule


def _parse_field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, slash, step_text = item.partition("/")
        step = _number(step_text, name, 1, high) if slash else 1
        if span == "*":
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, name, low, high)
            last = _number(end, name, low, high) if dash else high if slash else first
        if first > last:
            raise BadSchedule(f"{name}: {item!r} begins after its end")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, name: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadSchedule(f"{name}: {text!r} is no number from {low} to {high}")
    return int(text)
