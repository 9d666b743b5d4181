"""The log as a row of segments: where the next block goes, reading entries back, purging.

Decides and remembers; the writes themselves are the disk thread's, so nothing here waits. A block
counts as written from the moment it is framed, because a write that fails ends the node.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from raftkeeper._engine import frame_block, scan_block
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files
from raftkeeper.storage.hard_state import LogEnd
from raftkeeper.storage.layout import RESTART, SECTOR_BYTES
from raftkeeper.storage.log_index import LogIndex
from raftkeeper.storage.segments import Segment

Record = tuple[int, int, int, bytes]
"""(index, term, kind, payload); an entry of the Raft core is one."""

_BLOCK_HEADER_BYTES = 32
_RECORD_HEADER_BYTES = 24


class BlockWrite(NamedTuple):
    """One block and where it goes."""

    fd: int
    offset: int
    data: bytes


def block_bytes(count: int, payload_bytes: int) -> int:
    """The length of a block of so many records with so many bytes of payload in all."""
    used = _BLOCK_HEADER_BYTES + count * _RECORD_HEADER_BYTES + payload_bytes
    return -(-used // SECTOR_BYTES) * SECTOR_BYTES


class Wal:
    """The open log. `segments` are those with entries, the last one being written; `spares` follow."""

    def __init__(
        self,
        files: Files,
        *,
        segments: list[Segment],
        spares: list[Segment],
        index: LogIndex,
        last_crc: int,
    ) -> None:
        self._files = files
        self._segments = segments
        self._spares = deque(spares)
        self._index = index
        self._last_crc = last_crc

    @property
    def needs_spare(self) -> bool:
        return not self._spares

    @property
    def next_sequence(self) -> int:
        return (self._spares or self._segments)[-1].sequence + 1

    @property
    def first_index(self) -> int:
        """Of the entries on disk; 0 without any."""
        return 0 if self._index.is_empty else self._index.first_index

    @property
    def last_index(self) -> int:
        """Of the entries on disk; 0 without any."""
        return 0 if self._index.is_empty else self._index.last_index

    @property
    def end(self) -> LogEnd:
        """Behind the last block that was framed."""
        segment = self._segments[-1]
        return LogEnd(segment.sequence, segment.end)

    @property
    def disk_bytes(self) -> int:
        return sum(segment.size for segment in (*self._segments, *self._spares))

    @property
    def room_bytes(self) -> int:
        """The longest block that surely fits: the next segment's, or what is left of this one."""
        room = self._segments[-1].room_bytes
        return max(room, self._spares[0].room_bytes) if self._spares else room

    def add_spare(self, segment: Segment) -> None:
        self._spares.append(segment)

    def fits(self, length: int) -> bool:
        return length <= self.room_bytes

    def frame(self, records: Sequence[Record]) -> BlockWrite:
        """The next block. The caller has asked `fits`."""
        length = block_bytes(len(records), sum(len(record[3]) for record in records))
        if length > self._segments[-1].room_bytes:
            self._segments.append(self._spares.popleft())
        segment = self._segments[-1]
        data = frame_block(records, segment.salt, self._last_crc)
        self._last_crc = int.from_bytes(data[4:8], "little")
        start, segment.end = segment.end, segment.end + len(data)
        if records[0][2] == RESTART:
            self._index.restart(segment, records[0][0])
            records = records[1:]
        positions = [(record[0], record[1]) for record in records]
        if positions:
            self._index.add_block(segment, start, segment.end, positions)
        return BlockWrite(segment.fd, start, data)

    def read(self, first: int, last: int) -> Iterator[Record]:
        """Durable entries first..last, a stretch of the disk at a time.

        Raises KeyError when they are not (or, between two steps, no longer) in the log.
        """
        while first <= last:
            for record in self._read_extent(first, last):
                yield record
                first = record[0] + 1

    def _read_extent(self, first: int, last: int) -> list[Record]:
        """The entries from `first` on that lie in the same extent."""
        extent = next((e for e in self._index.extents if e.first <= first <= e.last), None)
        if extent is None:
            raise KeyError(f"entry {first} is not in the log")
        segment = extent.segment
        data = self._files.read(segment.fd, extent.end - extent.start, extent.start)
        until = min(last, extent.last)
        records: list[Record] = []
        offset = 0
        # Not to the end of the extent: its last block may still be under way to the disk.
        while not records or records[-1][0] < until:
            block = scan_block(data, offset, segment.salt)
            if block is None:
                raise StorageError(
                    segment.path,
                    "a block of the log can no longer be read",
                    DAMAGE_WAY_OUT,
                    offset=extent.start + offset,
                )
            places, offset, _, _ = block
            records += [
                (index, term, kind, data[at : at + length])
                for index, term, kind, at, length in places
                if first <= index <= until
            ]
        return records

    def before_tail(self, last: int, bytes_max: int) -> int:
        """The entry before the newest ones up to `last` that take at most so many bytes."""
        return self._index.before_tail(last, bytes_max)

    def detach_purgeable(self, index: int) -> list[Segment]:
        """Takes out the oldest segments whose entries are all at or below `index`; the caller
        removes their files. The segment being written always stays.
        """
        purgeable: list[Segment] = []
        while len(self._segments) > 1 and self._segments[0].last_index <= index:
            segment = self._segments.pop(0)
            self._index.drop_segment(segment)
            purgeable.append(segment)
        return purgeable

    def close(self) -> None:
        for segment in (*self._segments, *self._spares):
            self._files.close(segment.fd)
