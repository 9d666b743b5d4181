"""The core's view of the log: terms by runs, payloads while they are hot."""

import pytest

from raftkeeper.raft.invariants import InvariantBroken
from raftkeeper.raft.log import RaftLog
from raftkeeper.raft.messages import Entry


def log_of(
    *entries: tuple[int, int], snapshot: tuple[int, int] = (0, 0), hot_bytes_max: int = 1000
) -> RaftLog:
    """A log with entries of these (index, term), all appended in memory."""
    log = RaftLog(
        snapshot=snapshot, term_starts=(), last_index=snapshot[0], hot_bytes_max=hot_bytes_max
    )
    for index, term in entries:
        log.append(Entry(index, term, 2, b"x" * 100))
    return log


def test_terms_are_known_for_every_index_of_the_log() -> None:
    """And for the last compacted one; for no other."""
    log = log_of((6, 3), (7, 3), (8, 5), snapshot=(5, 2))
    assert [log.term_at(index) for index in range(4, 10)] == [None, 2, 3, 3, 5, None]


def test_a_log_that_starts_before_the_snapshot_keeps_its_tail() -> None:
    """The tail is for followers that lag a little."""
    log = RaftLog(snapshot=(5, 2), term_starts=[(3, 1), (5, 2)], last_index=8, hot_bytes_max=9)
    assert (log.first_index, log.last_index, log.persisted_index) == (3, 8, 8)
    assert [log.term_at(index) for index in (2, 3, 5, 8)] == [None, 1, 2, 2]


@pytest.mark.parametrize(
    ("snapshot", "starts", "last"),
    [
        ((5, 2), [(7, 2)], 8),
        ((5, 3), [(3, 1), (5, 2)], 8),
        ((5, 2), [(3, 2)], 4),
        ((0, 0), [(1, 2), (3, 1)], 4),
        ((0, 0), [(1, 1), (6, 2)], 4),
    ],
)
def test_a_log_that_does_not_fit_the_snapshot_is_refused(
    snapshot: tuple[int, int], starts: list[tuple[int, int]], last: int
) -> None:
    """A gap, another term, an end before it, falling terms, a run behind the end."""
    with pytest.raises(InvariantBroken):
        RaftLog(snapshot=snapshot, term_starts=starts, last_index=last, hot_bytes_max=9)


def test_entries_are_appended_without_gap_and_in_terms_that_never_fall() -> None:
    """Anything else is a broken invariant, not an input."""
    log = log_of((1, 2))
    with pytest.raises(InvariantBroken, match="entry 3 is the next"):
        log.append(Entry(3, 2, 2, b""))
    with pytest.raises(InvariantBroken, match="has not fallen"):
        log.append(Entry(2, 1, 2, b""))


def test_each_entry_is_handed_over_once() -> None:
    """And what is truncated and written again, again."""
    log = log_of((1, 1), (2, 1))
    assert [entry.index for entry in log.take_unhanded()] == [1, 2]
    assert not log.has_unhanded
    log.truncate_from(2)
    log.append(Entry(2, 3, 2, b"other"))
    assert [entry[:2] for entry in log.take_unhanded()] == [(2, 3)]


def test_durable_is_only_what_is_still_there() -> None:
    """A late word about an entry that was replaced says nothing about its successor."""
    log = log_of((1, 1), (2, 1), (3, 1))
    log.mark_persisted(2, 1)
    assert log.persisted_index == 2
    log.truncate_from(2)
    assert (log.persisted_index, log.last_index) == (1, 1)
    log.append(Entry(2, 2, 2, b""))
    log.mark_persisted(2, 1)
    assert log.persisted_index == 1
    log.mark_persisted(2, 2)
    log.mark_persisted(1, 1)
    assert log.persisted_index == 2


def test_truncating_forgets_terms_and_payloads() -> None:
    """Also when all that is in memory goes, and entries on disk with it."""
    log = RaftLog(snapshot=(0, 0), term_starts=[(1, 1), (4, 2)], last_index=5, hot_bytes_max=9)
    log.append(Entry(6, 3, 2, b"x"))
    log.truncate_from(4)
    log.check()
    assert [log.term_at(index) for index in (3, 4)] == [1, None]
    log.append(Entry(4, 3, 2, b"y"))
    assert log.split_hot(3, 4) == ((3, 3), (Entry(4, 3, 2, b"y"),))
    with pytest.raises(InvariantBroken, match="not compacted"):
        log.truncate_from(0)


def test_eviction_spares_what_is_not_durable_or_not_handed_over() -> None:
    """The bound is for the rest."""
    log = log_of(*((index, 1) for index in range(1, 21)), hot_bytes_max=1000)
    log.evict(20)
    assert log.split_hot(1, 20)[0] is None
    log.mark_persisted(5, 1)
    log.evict(20)
    assert log.split_hot(1, 20)[0] == (1, 5)
    log.mark_persisted(20, 1)
    log.evict(8)
    assert log.split_hot(1, 20)[0] == (1, 8)
    log.evict(20)
    cold, hot = log.split_hot(1, 20)
    assert cold == (1, 15)
    assert [entry.index for entry in hot] == [16, 17, 18, 19, 20]
    assert log.split_hot(2, 4) == ((2, 4), ())
    log.evict(20)
    assert log.split_hot(1, 20)[0] == (1, 15)
    log.check()


def test_compaction_keeps_the_term_of_the_last_one() -> None:
    """The next follower that asks needs it."""
    log = log_of((1, 1), (2, 2), (3, 2), (4, 3))
    log.mark_persisted(4, 3)
    log.compact(2)
    assert log.first_index == 3
    assert [log.term_at(index) for index in (1, 2, 3, 4)] == [None, 2, 2, 3]
    log.compact(1)
    log.compact(9)
    assert log.first_index == 3
    log.compact(4)
    assert (log.first_index, log.last_index, log.term_at(4)) == (5, 4, 3)
    log.check()
