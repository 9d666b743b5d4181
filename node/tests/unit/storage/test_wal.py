"""Where blocks go, what can be read back, what may be purged."""

import random

import pytest
from tests.unit.storage.log_bench import LOG, LogBench

from raftkeeper.storage.errors import StorageError
from raftkeeper.storage.segments import remove_segments
from raftkeeper.storage.wal import block_bytes
from raftkeeper.testing.faulty_files import Crashed, Survival

BIG = b"x" * 1200


def test_the_length_of_a_block_is_known_before_it_is_framed(bench: "LogBench") -> None:
    """Else one could be framed that does not fit."""
    for payload in (0, 1, 455, 456, 457, 1000):
        block = bench.wal.frame([(bench.wal.last_index + 1, 1, 2, b"x" * payload)])
        assert len(block.data) == block_bytes(1, payload)
        bench.open()


def test_only_segments_below_the_index_are_purged(bench: "LogBench") -> None:
    """The one being written stays whatever is asked."""
    for index in range(1, 8):
        bench.append((index, 1, 2, BIG))
    assert [s.last_index for s in bench.wal._segments] == [2, 4, 6, 7]
    assert bench.wal.detach_purgeable(1) == []
    assert [s.sequence for s in bench.wal.detach_purgeable(5)] == [1, 2]
    assert bench.wal.first_index == 5
    assert [s.sequence for s in bench.wal.detach_purgeable(99)] == [3]
    assert (bench.wal.first_index, bench.wal.last_index) == (7, 7)


@pytest.mark.parametrize("step", range(1, 7))
def test_a_crash_while_purging_leaves_no_gap_in_the_numbers(step: int) -> None:
    """Whatever removals have reached the disk."""
    for seed in range(20):
        bench = LogBench()
        for index in range(1, 8):
            bench.append((index, 1, 2, BIG))
        segments = bench.wal.detach_purgeable(6)
        bench.files.crash_at = bench.files.steps + step
        with pytest.raises(Crashed):
            remove_segments(bench.files, LOG, segments)
        bench.files = bench.files.after_crash(Survival.TORN, random.Random(seed))
        assert bench.open().last_index == 7


def test_purged_entries_are_not_readable(bench: "LogBench") -> None:
    """A reader on its way hears it, too."""
    for index in range(1, 8):
        bench.append((index, 1, 2, BIG))
    reader = bench.wal.read(1, 7)
    assert next(reader)[0] == 1
    bench.wal.detach_purgeable(4)
    assert next(reader)[0] == 2
    with pytest.raises(KeyError, match="entry 3"):
        next(reader)
    with pytest.raises(KeyError, match="entry 8"):
        list(bench.wal.read(7, 8))


def test_the_tail_that_is_kept_is_bounded_in_bytes(bench: "LogBench") -> None:
    """An entry may be hundreds of kilobytes, so their number says little."""
    assert bench.wal.before_tail(7, 0) == 0
    for index in range(1, 8):
        bench.append((index, 1, 2, BIG))
    extent_bytes = 2 * block_bytes(1, len(BIG))
    assert bench.wal.before_tail(7, 0) == 7
    assert bench.wal.before_tail(6, extent_bytes) == 4
    assert bench.wal.before_tail(5, 2 * extent_bytes) == 2
    assert bench.wal.before_tail(7, 100 * extent_bytes) == 0
    bench.wal.detach_purgeable(4)
    assert bench.wal.before_tail(7, 100 * extent_bytes) == 4


def test_rot_is_noticed_when_entries_are_read(bench: "LogBench") -> None:
    """And said with file and offset, not served."""
    bench.append((1, 1, 2, b"a"))
    sequence, offset = bench.append((2, 1, 2, b"b"))
    bench.content(sequence)[offset + 60] ^= 1
    with pytest.raises(StorageError, match=f"at byte {offset}"):
        list(bench.wal.read(1, 2))


def test_durable_entries_are_readable_while_the_next_block_is_under_way(bench: "LogBench") -> None:
    """The block behind them has its place already, and nothing in it."""
    bench.append((1, 1, 2, b"a"))
    bench.wal.frame([(2, 1, 2, b"b")])
    assert [record[0] for record in bench.wal.read(1, 1)] == [1]
