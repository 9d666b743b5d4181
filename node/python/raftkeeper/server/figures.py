"""What the driver counts, for the admin views. Values only."""

from dataclasses import dataclass, field

from raftkeeper.server.histogram import Histogram


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
