"""A histogram of fixed buckets: cheap to fill, and addable across nodes, unlike a summary.

It holds counts only; quantiles are estimated from the buckets by whoever shows them.
"""

from bisect import bisect_left
from typing import Self

DURATION_BOUNDS_US = tuple(
    step * scale for scale in (100, 1_000, 10_000, 100_000, 1_000_000) for step in (1, 2, 5)
)
"""0.1 ms to 5 s: an fsync below 0.1 ms is as good as none, one above 5 s as bad as it gets."""


class Histogram:
    """Counts of values at most each bound, and one more for all above."""

    __slots__ = ("bounds", "count", "counts", "maximum", "minimum", "total")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.count = 0
        self.total = 0
        self.minimum = 0
        self.maximum = 0

    @classmethod
    def of_durations(cls) -> Self:
        """For microseconds of disk and loop work."""
        return cls(DURATION_BOUNDS_US)

    def add(self, value: int) -> None:
        """Counts one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.count += 1
        self.total += value
        if value > self.maximum:
            self.maximum = value
        if value < self.minimum or self.count == 1:
            self.minimum = value

    @property
    def average(self) -> float:
        """The mean of the values, 0 without any."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> int:
        """The upper bound of the bucket in which this share of the values is reached."""
        wanted = share * self.count
        seen = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            seen += count
            if seen >= wanted and seen:
                return min(bound, self.maximum)
        return self.maximum
