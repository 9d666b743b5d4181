"""The measures of storage, each with its reason. Values only."""

from dataclasses import dataclass

MIB = 1024 * 1024

BLOCK_BYTES_MAX = 4 * MIB
"""Records that pile up behind a slow fsync are written in blocks of about this much, so that one
checksum never covers more than is read into memory without a thought."""

EXTENT_BYTES = 256 * 1024
"""How far apart the marks in the in-memory index of the log are: one read to find any entry."""

ZERO_CHUNK_BYTES = 1 * MIB
"""A new segment is filled with zeros in steps of this size, each synced, so that the writes of the
log never queue behind a whole segment of zeros."""

SNAPSHOT_SYNC_BYTES = 4 * MIB
"""A snapshot is synced after every so many bytes, for the same reason."""

SNAPSHOT_PIECE_BYTES_MAX = 256 * MIB
"""The longest piece that a snapshot may claim to hold; a length beyond it is damage."""


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """What an operator may want to change."""

    segment_bytes: int = 32 * MIB
    """Two of them lie preallocated; a smaller one costs more renames, a bigger one more disk."""
    snapshots_kept: int = 3
    """If the newest is damaged, the one before and the log still hold everything."""
    tail_entries: int = 10_000
    """Entries kept in the log behind the newest snapshot, for followers that lag a little."""
    tail_bytes: int = 64 * MIB
    """What these entries may take on disk, because an entry holds one request or thousands: some
    seconds of the heaviest load. Who lags further costs the leader less as a snapshot."""
    record_bytes_max: int = 4 * MIB
    """The longest payload that will be proposed."""
    quiet_ticks: int = 4
    """Ticks of the writer, a quarter of a second each, without a new block: then the hard state is
    written once more, to say how far the log is durable. A second: only where nothing is going on does
    it cost nothing, and that is where a last block can rot with nothing behind it. 0: never."""

    def __post_init__(self) -> None:
        if self.segment_bytes < 4 * self.record_bytes_max or self.segment_bytes % 4096:
            raise ValueError(
                f"segment_bytes ({self.segment_bytes}) must be a multiple of 4096 and at least four"
                f" times the largest batch ({self.record_bytes_max})"
            )
        if self.snapshots_kept < 1:
            raise ValueError("snapshots_kept must be at least 1")
