"""The core's view of the log: terms of all entries, the payloads of the recent ones. No disk here.

Terms are kept as runs (first index, term), a few numbers for millions of entries. Payloads are kept
for entries that are not durable or not handed over as committed yet, and beyond that up to
`hot_bytes_max`, for followers that are a little behind; older ones are read from disk by the driver.
Whether they are applied does not count: while a snapshot is loaded that may take long.

    compacted │ cold (on disk)        │ hot (in memory too)            │
              first_index             hot_first      persisted_index    last_index
"""

from bisect import bisect_right
from collections.abc import Iterable

from raftkeeper.raft.invariants import broken, invariant
from raftkeeper.raft.messages import Entry, Index, Term


class RaftLog:
    """Indexes are contiguous from `first_index` to `last_index`; terms never fall."""

    __slots__ = (
        "_handed_index",
        "_hot",
        "_hot_bytes",
        "_hot_bytes_max",
        "_hot_first",
        "_run_starts",
        "_run_terms",
        "first_index",
        "last_index",
        "persisted_index",
    )

    def __init__(
        self,
        *,
        snapshot: tuple[Index, Term],
        term_starts: Iterable[tuple[Index, Term]],
        last_index: Index,
        hot_bytes_max: int,
    ) -> None:
        runs = list(term_starts)
        snapshot_index, snapshot_term = snapshot
        self.first_index: Index = runs[0][0] if runs else snapshot_index + 1
        if self.first_index == snapshot_index + 1:
            runs.insert(0, snapshot)
        elif self.first_index == 1:
            runs.insert(0, (0, 0))
        self._run_starts = [start for start, _ in runs]
        self._run_terms = [term for _, term in runs]
        self.last_index: Index = last_index
        # What was found on disk is durable, and handed over long ago.
        self.persisted_index: Index = last_index
        self._handed_index = last_index
        self._hot: list[Entry] = []
        self._hot_first: Index = last_index + 1
        self._hot_bytes = 0
        self._hot_bytes_max = hot_bytes_max
        self.check()
        invariant(
            self.first_index <= snapshot_index + 1 <= last_index + 1
            and self.term_at(snapshot_index) == snapshot_term,
            f"the log {self.first_index}..{last_index} continues the snapshot at {snapshot}",
        )

    def term_at(self, index: Index) -> Term | None:
        """The term of the entry, also of the last one compacted; None where it is not known."""
        if index > self.last_index:
            return None
        run = bisect_right(self._run_starts, index) - 1
        return self._run_terms[run] if run >= 0 else None

    @property
    def last_term(self) -> Term:
        return self._run_terms[-1]

    @property
    def is_durable(self) -> bool:
        """Whether all of it is."""
        return self.persisted_index >= self.last_index

    @property
    def base_index(self) -> Index:
        """The first index whose term is known: what comes behind it can be sent. The entry before
        the log, or the first of the log if it was read from disk without the one before.
        """
        return max(self.first_index - 1, self._run_starts[0])

    @property
    def hot_first(self) -> Index:
        """The first entry that is in memory; behind the end when none is."""
        return self._hot_first

    def is_covered_by(self, last_index: Index, last_term: Term) -> bool:
        """Whether a log that ends there holds at least what this one does (Raft, section 5.4.1)."""
        return (last_term, last_index) >= (self._run_terms[-1], self.last_index)

    def find_agreement(self, index: Index, term: Term) -> tuple[Index, Term]:
        """The last entry at or before `index` whose term is not above `term`, with its term.

        Nothing between it and `index` can be the same in a log that has `term` at `index`, so one
        question skips a whole run of terms. Where that leads before what is known, so does the
        answer: only a snapshot can help there.
        """
        index = min(index, self.last_index)
        run = min(bisect_right(self._run_starts, index), bisect_right(self._run_terms, term)) - 1
        if run < 0:
            return max(min(index, self.base_index - 1), 0), 0
        if run + 1 < len(self._run_starts):
            index = min(index, self._run_starts[run + 1] - 1)
        return index, self._run_terms[run]

    def append(self, entry: Entry) -> None:
        if entry.index != self.last_index + 1:
            broken(f"entry {entry.index} is the next")
        last_term = self._run_terms[-1]
        if entry.term != last_term:
            invariant(entry.term > last_term, f"the term of entry {entry.index} has not fallen")
            self._run_starts.append(entry.index)
            self._run_terms.append(entry.term)
        self.last_index = entry.index
        self._hot.append(entry)
        self._hot_bytes += len(entry.payload)

    def truncate_from(self, index: Index) -> None:
        """Cuts off the entry at `index` and all behind it. The caller answers for none being committed."""
        invariant(self.first_index <= index, f"entry {index} to cut off is not compacted")
        keep = bisect_right(self._run_starts, index - 1)
        del self._run_starts[keep:]
        del self._run_terms[keep:]
        kept_hot = max(index - self._hot_first, 0)
        self._hot_bytes -= sum(len(entry.payload) for entry in self._hot[kept_hot:])
        del self._hot[kept_hot:]
        self._hot_first = min(self._hot_first, index)
        self.last_index = index - 1
        self.persisted_index = min(self.persisted_index, self.last_index)
        self._handed_index = min(self._handed_index, self.last_index)

    @property
    def has_unhanded(self) -> bool:
        return self._handed_index < self.last_index

    def take_unhanded(self) -> tuple[Entry, ...]:
        """Entries that are on their way to nowhere yet, to be persisted; each is given once."""
        first = self._handed_index + 1
        self._handed_index = self.last_index
        return self.hot_slice(first, self.last_index)

    def mark_persisted(self, index: Index, term: Term) -> None:
        """Up to `index` is durable, if the entry there is still the one that was written."""
        if index > self.persisted_index and self.term_at(index) == term:
            self.persisted_index = index

    def split_hot(
        self, first: Index, last: Index
    ) -> tuple[tuple[Index, Index] | None, tuple[Entry, ...]]:
        """Entries first..last: the range that must be read from disk, and the rest."""
        if first >= self._hot_first:
            return None, self.hot_slice(first, last)
        cold_last = min(last, self._hot_first - 1)
        return (first, cold_last), self.hot_slice(cold_last + 1, last)

    def hot_slice(self, first: Index, last: Index) -> tuple[Entry, ...]:
        return tuple(self._hot[first - self._hot_first : last + 1 - self._hot_first])

    def hot_batch(self, first: Index, bytes_max: int) -> tuple[tuple[Entry, ...], int]:
        """Entries from `first` on, at least one, until `bytes_max` are gathered; and their size."""
        hot = self._hot
        start = first - self._hot_first
        stop = start + 1
        size = len(hot[start].payload)
        while stop < len(hot) and size + len(hot[stop].payload) <= bytes_max:
            size += len(hot[stop].payload)
            stop += 1
        return tuple(hot[start:stop]), size

    def restore(self, index: Index, term: Term) -> None:
        """Nothing is left: a snapshot that ends with this entry stands for all."""
        self._run_starts = [index]
        self._run_terms = [term]
        self.first_index = index + 1
        self.last_index = self.persisted_index = self._handed_index = index
        self._hot = []
        self._hot_first = index + 1
        self._hot_bytes = 0

    def evict(self, handed_index: Index) -> None:
        """Lets go of payloads that are durable and handed over, down to half the bound once it is hit:
        rarely and in bulk, so that an entry costs nothing on the way.
        """
        if self._hot_bytes <= self._hot_bytes_max:
            return
        # Below zero while entries that are on disk only are handed over, after a restart.
        evictable = max(min(handed_index, self.persisted_index) + 1 - self._hot_first, 0)
        count = 0
        for entry in self._hot[:evictable]:
            if self._hot_bytes <= self._hot_bytes_max // 2:
                break
            self._hot_bytes -= len(entry.payload)
            count += 1
        del self._hot[:count]
        self._hot_first += count

    def compact(self, index: Index) -> None:
        """Entries up to `index` are gone from disk; the term of the last of them stays known."""
        term = self.term_at(index)
        if index < self.first_index or term is None:
            return
        keep = bisect_right(self._run_starts, index)
        self._run_starts[:keep] = [index]
        self._run_terms[:keep] = [term]
        self.first_index = index + 1
        dropped = self._hot[: max(index + 1 - self._hot_first, 0)]
        self._hot_bytes -= sum(len(entry.payload) for entry in dropped)
        del self._hot[: len(dropped)]
        self._hot_first = max(self._hot_first, index + 1)

    def check(self) -> None:
        """Invariants of the log alone."""
        invariant(
            self._run_starts == sorted(set(self._run_starts)), "12: runs of terms are in order"
        )
        invariant(self._run_terms == sorted(self._run_terms), "13: terms never fall")
        invariant(self._run_starts[-1] <= self.last_index, "14: no run starts behind the log")
        invariant(
            self._hot_first + len(self._hot) == self.last_index + 1,
            "15: what is in memory ends where the log ends",
        )
        invariant(
            self._hot_first <= self.persisted_index + 1, "16: what is not durable is in memory"
        )
