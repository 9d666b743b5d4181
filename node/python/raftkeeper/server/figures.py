"""What the driver counts, for the admin views. Nothing is decided by it."""

from dataclasses import dataclass, field

from raftkeeper.server import limits
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class DriverFigures:
    """Since the start of the process."""

    batches: int = 0
    entries_applied: int = 0
    bytes_applied: int = 0
    replayed: int = 0
    late_ticks: int = 0
    fsync: Histogram = field(default_factory=Histogram.of_durations)
    block: Histogram = field(default_factory=Histogram.of_durations)
    apply: Histogram = field(default_factory=Histogram.of_durations)

    def count_fsyncs(self, durations_us: list[int]) -> None:
        """Takes the durations in; says which were too long."""
        for fsync_us in durations_us:
            self.fsync.add(fsync_us)
            if fsync_us > limits.FSYNC_WARNING_MS * 1000:
                log.warning("log.fsync_slow", duration_ms=fsync_us // 1000)
