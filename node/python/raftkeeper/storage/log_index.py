"""Where each entry of the log lies, and its term, in a few numbers per 256 KB. In memory only.

A block whose first index is at or below the last one replaces everything from there on: that is how
a follower's log is corrected, without ever writing into what is already on disk.
"""

from bisect import bisect_right
from dataclasses import dataclass

from raftkeeper.storage.options import EXTENT_BYTES
from raftkeeper.storage.segments import Segment


@dataclass(slots=True)
class Extent:
    """A stretch of blocks in one segment whose indexes are contiguous."""

    first: int
    last: int
    segment: Segment
    start: int
    end: int


class LogIndex:
    """Extents and runs of terms, both in the order of indexes."""

    def __init__(self) -> None:
        self.extents: list[Extent] = []
        self._run_starts: list[int] = []
        self._run_terms: list[int] = []

    @property
    def is_empty(self) -> bool:
        return not self.extents

    @property
    def first_index(self) -> int:
        """Only where the log is not empty."""
        return self.extents[0].first

    @property
    def last_index(self) -> int:
        """Only where the log is not empty."""
        return self.extents[-1].last

    @property
    def last_term(self) -> int:
        """Only where the log is not empty."""
        return self._run_terms[-1]

    @property
    def term_starts(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self._run_starts, self._run_terms, strict=True))

    def term_at(self, index: int) -> int | None:
        if self.is_empty or not self.first_index <= index <= self.last_index:
            return None
        return self._run_terms[bisect_right(self._run_starts, index) - 1]

    def add_block(
        self, segment: Segment, start: int, end: int, positions: list[tuple[int, int]]
    ) -> None:
        """A block with these (index, term), behind the last or in the place of some; never past a gap:
        `restart` comes before that.
        """
        first, last = positions[0][0], positions[-1][0]
        replaces = not self.is_empty and first <= self.last_index
        if replaces:
            self._truncate_from(first)
        for index, term in positions:
            if not self._run_terms or term != self._run_terms[-1]:
                self._run_starts.append(index)
                self._run_terms.append(term)
        segment.last_index = max(segment.last_index, last)
        tail = self.extents[-1] if self.extents else None
        if (
            tail is not None
            and not replaces  # the blocks that were replaced lie in between
            and tail.segment is segment
            and tail.end == start
            and tail.last + 1 == first
            and end - tail.start <= EXTENT_BYTES
        ):
            tail.last, tail.end = last, end
        else:
            self.extents.append(Extent(first, last, segment, start, end))

    def before_tail(self, last: int, bytes_max: int) -> int:
        """The entry before the newest ones up to `last` that take at most so many bytes, counted by
        whole extents; 0 where the log is empty.
        """
        total = 0
        for extent in reversed(self.extents):
            if extent.first > last:
                continue
            total += extent.end - extent.start
            if total > bytes_max:
                return min(extent.last, last)
        return 0 if self.is_empty else self.first_index - 1

    def drop_segment(self, segment: Segment) -> None:
        """Forgets the entries of a segment at the log's beginning."""
        keep = next(
            (i for i, extent in enumerate(self.extents) if extent.segment is not segment),
            len(self.extents),
        )
        if not keep:
            return
        del self.extents[:keep]
        if self.is_empty:
            self.forget()
            return
        run = bisect_right(self._run_starts, self.first_index) - 1
        del self._run_starts[:run]
        del self._run_terms[:run]
        self._run_starts[0] = self.first_index

    def restart(self, segment: Segment, index: int) -> None:
        """A record that drops the log: it goes on behind `index`."""
        self.forget()
        segment.last_index = max(segment.last_index, index)

    def forget(self) -> None:
        """Forgets all entries."""
        self.extents.clear()
        self._run_starts.clear()
        self._run_terms.clear()

    def _truncate_from(self, index: int) -> None:
        while self.extents and self.extents[-1].first >= index:
            self.extents.pop()
        if self.extents:
            self.extents[-1].last = index - 1
        keep = bisect_right(self._run_starts, index - 1)
        del self._run_starts[keep:]
        del self._run_terms[keep:]
