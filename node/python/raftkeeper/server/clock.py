"""The only place of the node that asks what time it is.

Wall time is stamped into log entries (ctime, mtime, TTLs); monotonic time drives timeouts and
latencies. Everything else gets its time handed in, so that tests can hold the clock.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """What the server needs of time."""

    def now_us(self) -> int:
        """Monotonic microseconds."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""


class SystemClock:
    """The machine's clocks."""

    @staticmethod
    def now_us() -> int:
        """Monotonic microseconds."""
        return time.monotonic_ns() // 1000

    @staticmethod
    def wall_ms() -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000
