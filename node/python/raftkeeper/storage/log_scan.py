"""Reads the whole log at start and tells a torn tail from damage.

The rules, and why they are enough:
- A record of kind RESTART drops the log before it: a snapshot that was received covers its index.
- A block is written only after the one before is durable. So a crash can tear one block, the last:
  behind it there are no blocks, in no segment. It was never promised, and is cut off.
- The hard state says how far the log was durable at some moment. A log that is whole only up to a place
  before that has lost what was promised, and nothing is cut off.
- Anything else that is not zeros or a whole block is damage, and stops the start: a bad block with a
  good one behind it, a block that does not name the one before it, a missing segment, also the first,
  a step in the indexes, a fall of the terms.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from raftkeeper._engine import scan_block
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files
from raftkeeper.storage.hard_state import UNKNOWN_END, LogEnd
from raftkeeper.storage.layout import (
    RESTART,
    SECTOR_BYTES,
    is_unfinished,
    segment_name,
    segment_sequence,
)
from raftkeeper.storage.log_index import LogIndex
from raftkeeper.storage.segments import HEADER_BYTES, Segment, open_segment

_log = logging.getLogger("raftkeeper.storage")

Places = list[tuple[int, int, int, int, int]]


@dataclass(slots=True)
class LogImage:
    """What the log holds. `segments` up to the last with entries, `spares` behind it."""

    segments: list[Segment] = field(default_factory=list)
    spares: list[Segment] = field(default_factory=list)
    index: LogIndex = field(default_factory=LogIndex)
    last_crc: int = 0
    restart_index: int = 0
    """Of the last RESTART: a snapshot of this entry or a later one was there when it was written."""
    configs: list[tuple[int, bytes]] = field(default_factory=list)
    """(index, payload) of the records of the kind that was asked for."""


class LogScan:
    """One pass over all segments."""

    def __init__(
        self,
        files: Files,
        directory: Path,
        *,
        cluster_id: bytes,
        collect_kind: int,
        durable_end: LogEnd = UNKNOWN_END,
    ) -> None:
        self._files = files
        self._directory = directory
        self._cluster_id = cluster_id
        self._collect_kind = collect_kind
        self._durable_end = durable_end
        self._image = LogImage()
        self._chained = False
        self._torn: tuple[Segment, int, int] | None = None

    @property
    def image(self) -> LogImage:
        """What was read so far: after damage, what lies before it."""
        return self._image

    def run(self) -> LogImage:
        """Raises StorageError on damage. A torn tail is overwritten with zeros."""
        image = self._image
        for segment in self._open_all():
            blocks = self._scan_segment(segment)
            if blocks or not image.segments:
                image.segments += [*image.spares, segment]
                image.spares = []
            else:
                image.spares.append(segment)
        self._check_beginning()
        self._check_end()
        if self._torn is not None:
            self._cut(*self._torn)
        return image

    def _open_all(self) -> list[Segment]:
        sequences: list[int] = []
        for name in self._files.names(self._directory):
            sequence = segment_sequence(name)
            if sequence is not None:
                sequences.append(sequence)
            elif is_unfinished(name):
                self._files.remove(self._directory / name)
        for expected, sequence in enumerate(sequences, start=sequences[0] if sequences else 0):
            if sequence != expected:
                raise StorageError(
                    self._directory / segment_name(expected),
                    "this segment of the log is missing",
                    DAMAGE_WAY_OUT,
                )
        return [
            open_segment(
                self._files, self._directory / segment_name(sequence), sequence, self._cluster_id
            )
            for sequence in sequences
        ]

    def _check_beginning(self) -> None:
        """A segment is removed only when later blocks are durable, so the first one that is left holds
        a block. Where it holds none, those that did are gone, and with them what was acknowledged.
        """
        if not self._image.segments or self._chained or self._torn is not None:
            return
        first = self._image.segments[0]
        if first.sequence > 1:
            raise StorageError(
                first.path.with_name(segment_name(first.sequence - 1)),
                "this segment of the log is missing",
                DAMAGE_WAY_OUT,
            )

    def _scan_segment(self, segment: Segment) -> int:
        """Takes in the blocks of a segment; how many."""
        data = self._files.read(segment.fd, segment.size, 0)
        offset = HEADER_BYTES
        count = 0
        while block := scan_block(data, offset, segment.salt):
            if self._torn is not None:
                torn_segment, torn_offset, _ = self._torn
                raise _damage(torn_segment, torn_offset, "a bad block has good ones behind it")
            places, after, crc, previous = block
            self._check_block(segment, offset, places, previous)
            self._take(segment, offset, after, data, places)
            self._image.last_crc = crc
            self._chained = True
            offset = after
            count += 1
        segment.end = offset
        self._check_rest(segment, data, offset)
        return count

    def _check_block(self, segment: Segment, offset: int, places: Places, previous: int) -> None:
        first, first_term = places[0][0], places[0][1]
        index = self._image.index
        if self._chained and previous != self._image.last_crc:
            raise _damage(segment, offset, "the block before this one is missing")
        if not self._chained and segment.sequence == 1 and previous != 0:
            raise _damage(segment, offset, "the first block of the log is missing")
        before = None
        if places[0][2] != RESTART:
            last_index = self._image.restart_index if index.is_empty else index.last_index
            if last_index and first > last_index + 1:
                raise _damage(segment, offset, f"entries {last_index + 1} to {first - 1} missing")
            if not index.is_empty:
                # Nearly always the next: no search for its term then.
                next_one = first == last_index + 1
                before = index.last_term if next_one else index.term_at(first - 1)
        terms = [place[1] for place in places]
        # What replaces an entry may be older than it, or the very same: leaders of newer terms bring
        # entries of earlier ones, and two of them in one turn may cut an entry off and bring it back.
        if terms != sorted(terms) or (before is not None and first_term < before):
            raise _damage(segment, offset, f"the term falls at entry {first}")

    def _take(self, segment: Segment, offset: int, after: int, data: bytes, places: Places) -> None:
        image = self._image
        first = places[0][0]
        if places[0][2] == RESTART:
            image.index.restart(segment, first)
            image.restart_index = first
            image.configs.clear()
            places = places[1:]
            if not places:
                return
            first += 1
        while image.configs and image.configs[-1][0] >= first:
            image.configs.pop()
        image.configs += [
            (index, data[at : at + length])
            for index, _, kind, at, length in places
            if kind == self._collect_kind
        ]
        positions = [(place[0], place[1]) for place in places]
        image.index.add_block(segment, offset, after, positions)

    def _check_rest(self, segment: Segment, data: bytes, offset: int) -> None:
        """Behind the last block there are zeros, or one torn block and no whole one."""
        rest = data[offset:]
        if rest == bytes(len(rest)):
            return
        if self._torn is not None:
            torn_segment, torn_offset, _ = self._torn
            raise _damage(torn_segment, torn_offset, "a bad block has more data behind it")
        for later in range(offset + SECTOR_BYTES, len(data), SECTOR_BYTES):
            if scan_block(data, later, segment.salt):
                raise _damage(segment, offset, "a bad block has good ones behind it")
        self._torn = (segment, offset, offset + len(rest.rstrip(b"\0")))

    def _check_end(self) -> None:
        """Whether everything is there that was durable once."""
        if not self._image.segments:
            return  # whether that can be is for who knows the hard state and the snapshots
        last = self._image.segments[-1]
        if LogEnd(last.sequence, last.end) >= self._durable_end:
            return
        segment, offset, _ = self._torn or (last, last.end, 0)
        raise _damage(
            segment,
            offset,
            f"the log is damaged or ends here, and was durable up to byte {self._durable_end.offset}"
            f" of segment {self._durable_end.segment}",
        )

    def _cut(self, segment: Segment, offset: int, end: int) -> None:
        _log.warning(
            "%s: the last block, at byte %d, is torn and was never acknowledged; cutting it off",
            segment.path,
            offset,
        )
        self._files.write(segment.fd, bytes(end - offset), offset)
        self._files.sync(segment.fd)


def _damage(segment: Segment, offset: int, what: str) -> StorageError:
    return StorageError(segment.path, what, DAMAGE_WAY_OUT, offset=offset)
