"""What the writer promises, and when."""

import errno
from concurrent.futures import Executor
from pathlib import Path

import pytest

from raftkeeper.storage import (
    DataDirectory,
    Identity,
    SnapshotMeta,
    StorageFailed,
    StorageOptions,
    Writer,
)
from raftkeeper.storage.hard_state import UNKNOWN_END
from raftkeeper.storage.options import BLOCK_BYTES_MAX
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

SMALL = StorageOptions(segment_bytes=8192, record_bytes_max=1500)


class Bench:
    """A writer over a disk that works job by job."""

    def __init__(
        self,
        options: StorageOptions = SMALL,
        *,
        manual: bool = True,
        executor: Executor | None = None,
    ) -> None:
        self.files = FaultyFiles()
        self.data = DataDirectory.open(
            Path("/data"), options, files=self.files, random_bytes=lambda count: b"s" * count
        )
        self.data.create(Identity(b"c" * 16, 1, b"i" * 16))
        self.data.recover()
        self.disk = FaultyDisk(self.files, manual=manual)
        self.wakeup = CountingWakeup()
        self.executor = executor or InlineExecutor()
        self.writer: Writer = self.data.start_writer(
            wakeup=self.wakeup, disk=self.disk, executor=self.executor
        )
        self.writer.poll()


def test_nothing_is_durable_before_its_last_job_is_done() -> None:
    """Both slots of the hard state, then the block."""
    bench = Bench()
    bench.writer.write(1, (2, 1), [(1, 1, 2, b"x")])
    assert len(bench.disk.waiting) == 3
    for _ in range(2):
        bench.disk.run(1)
        assert bench.writer.poll() is None
    bench.disk.run(1)
    assert bench.writer.poll() == 1
    assert bench.writer.idle


def test_what_comes_meanwhile_leaves_under_one_fsync() -> None:
    """One block in flight; three Readys in the next."""
    bench = Bench()
    bench.writer.write(1, None, [(1, 1, 2, b"a")])
    for number in (2, 3, 4):
        bench.writer.write(number, None, [(number, 1, 2, b"b")])
    assert len(bench.disk.waiting) == 1
    assert not bench.writer.idle
    bench.disk.run()
    assert bench.writer.poll() == 1
    assert len(bench.disk.waiting) == 1
    bench.disk.run()
    assert bench.writer.poll() == 4
    assert [record[0] for record in bench.writer.read(1, 4)] == [1, 2, 3, 4]


def test_records_that_replace_others_get_a_block_of_their_own() -> None:
    """A block holds indexes without a step back."""
    bench = Bench()
    bench.writer.write(1, None, [(1, 1, 2, b"a")])
    bench.writer.write(2, None, [(2, 1, 2, b"b")])
    bench.writer.write(3, None, [(2, 2, 2, b"B")])
    bench.disk.run()
    assert bench.writer.poll() == 1
    assert len(bench.disk.waiting) == 2
    bench.disk.run(1)
    assert bench.writer.poll() is None
    bench.disk.run()
    assert bench.writer.poll() == 3
    assert list(bench.writer.read(1, 2)) == [(1, 1, 2, b"a"), (2, 2, 2, b"B")]


def test_a_long_row_of_records_is_cut_into_blocks() -> None:
    """And its number is durable with the last of them."""
    bench = Bench(StorageOptions())
    payload = bytes(BLOCK_BYTES_MAX // 3)
    bench.writer.write(5, (2, 1), [(index, 1, 2, payload) for index in range(1, 8)])
    assert len(bench.disk.waiting) == 2 + 4
    bench.disk.run(5)
    assert bench.writer.poll() is None
    bench.disk.run()
    assert bench.writer.poll() == 5


def test_a_record_that_fits_no_segment_is_refused_at_once() -> None:
    """Instead of waiting for ever."""
    bench = Bench()
    with pytest.raises(ValueError, match="entry 1 fits no segment"):
        bench.writer.write(1, None, [(1, 1, 2, bytes(8000))])


def test_blocks_are_never_longer_than_a_segment() -> None:
    """However many records one Ready brings."""
    bench = Bench(manual=False)
    bench.writer.write(1, (1, 1), [(index, 1, 2, bytes(1400)) for index in range(1, 40)])
    durable = None
    while not bench.writer.idle:
        assert durable != 1
        durable = bench.writer.poll()
    assert durable == 1
    assert len(list(bench.writer.read(1, 39))) == 39


def test_a_hard_state_alone_is_persisted() -> None:
    """A vote for another has no entry."""
    bench = Bench()
    bench.writer.write(1, (7, 3), [])
    bench.disk.run()
    assert bench.writer.poll() == 1
    bench.writer.close()
    bench.data.close()
    recovered = bench.data.recover()
    assert (recovered.term, recovered.vote) == (7, 3)


def test_what_has_no_job_of_its_own_is_durable_with_what_came_before() -> None:
    """A restart of the log with nothing behind it: nobody wakes the driver a second time."""
    bench = Bench()
    bench.writer.restart(7, 2)
    bench.writer.write(1, None, [])
    assert bench.writer.poll() is None
    bench.disk.run()
    assert bench.writer.poll() == 1
    assert bench.writer.idle


def test_hard_state_is_durable_before_the_log_restarts_in_its_term() -> None:
    """A crash between the two must not leave a log that is ahead of its hard state."""
    bench = Bench()
    bench.writer.write(1, (4, 0), [(51, 4, 2, b"x")], restart=(50, 4))
    hard_state = bench.writer._hard_state.fd
    assert [job[0] == hard_state for job in bench.disk.waiting] == [True, True, False]
    while not bench.writer.idle:
        bench.disk.run(1)
        durable = bench.writer.poll()
        assert durable != 1 or bench.writer.idle
    assert durable == 1
    assert bench.writer.statistics()["log_first_index"] == 51


def test_log_that_is_quiet_is_said_to_be_durable_once() -> None:
    """After a few ticks without a block, on both slots, and not again before there is another."""
    bench = Bench(manual=False)
    bench.writer.write(1, (2, 1), [(1, 1, 2, b"x")])
    bench.writer.poll()
    end = bench.writer._wal.end
    assert bench.writer._hard_state.state.log_end < end
    before = bench.files.steps
    for _ in range(SMALL.quiet_ticks):
        assert bench.files.steps == before
        bench.writer.tick()
    bench.writer.tick()
    assert bench.files.steps == before + 4
    assert bench.writer._hard_state.state[1:] == (2, 1, *end)
    for _ in range(3 * SMALL.quiet_ticks):
        bench.writer.tick()
    assert bench.files.steps == before + 4


def test_busy_log_costs_no_word_about_its_end() -> None:
    """Each block begins the quiet time anew, and one under way is no quiet."""
    bench = Bench(manual=False)
    for index in range(1, 3 * SMALL.quiet_ticks):
        bench.writer.write(index, None, [(index, 1, 2, b"x")])
        bench.writer.poll()
        bench.writer.tick()
    bench.disk.manual = True
    bench.writer.write(99, None, [(99, 1, 2, b"x")])
    for _ in range(3 * SMALL.quiet_ticks):
        bench.writer.tick()
    assert bench.writer._hard_state.state.log_end == UNKNOWN_END


def test_writer_that_is_closed_leaves_its_last_block_known() -> None:
    """And each term and vote says how far the log was durable when they were written."""
    bench = Bench(manual=False)
    bench.writer.write(1, None, [(1, 1, 2, b"x")])
    bench.writer.poll()
    end = bench.writer._wal.end
    bench.writer.write(2, (3, 2), [(2, 1, 2, b"y")])
    assert bench.writer._hard_state.state.log_end == end
    bench.writer.poll()
    end = bench.writer._wal.end
    bench.writer.close()
    bench.data.close()
    recovered = bench.data.recover()
    assert recovered.hard_state_file.state[1:] == (3, 2, *end)


def test_a_record_waits_for_a_segment_that_is_still_being_made() -> None:
    """A slow files thread is no full disk, and loses nothing."""
    executor = InlineExecutor(manual=True)
    bench = Bench(manual=False, executor=executor)
    for index in range(1, 10):
        bench.writer.write(index, None, [(index, 1, 2, bytes(1500))])
        bench.writer.poll()
    assert not bench.writer.idle
    assert bench.writer.room() == 0
    assert bench.writer.full == ""
    executor.run()
    assert bench.wakeup.count
    durable = None
    while not bench.writer.idle:
        executor.run()
        durable = bench.writer.poll() or durable
    assert durable == 9
    assert len(list(bench.writer.read(1, 9))) == 9


def test_closing_finishes_what_was_handed_over() -> None:
    """Whatever waits goes to disk before the threads end."""
    bench = Bench()
    for index in range(1, 4):
        bench.writer.write(index, (1, 1), [(index, 1, 2, b"x")])
    bench.writer.close()
    assert bench.data.recover().last_index == 3


@pytest.mark.parametrize("step", [1, 2])
def test_a_failure_while_making_a_segment_stops_the_node(step: int) -> None:
    """An fsync that fails is final, also for zeros."""
    bench = Bench(manual=False)
    bench.files.fail_at = dict.fromkeys(
        range(bench.files.steps + 2, bench.files.steps + 60, step), errno.EIO
    )

    def work() -> None:
        for index in range(1, 20):
            bench.writer.write(index, None, [(index, 1, 2, bytes(1500))])
            bench.writer.poll()

    with pytest.raises(StorageFailed, match="Check the disk"):
        work()


def test_statistics_say_what_was_written() -> None:
    """Blocks, bytes, and where the log begins and ends."""
    bench = Bench(manual=False)
    bench.writer.write(1, None, [(1, 1, 2, b"x")])
    statistics = bench.writer.statistics()
    assert statistics["log_blocks"] == 1
    assert statistics["log_bytes"] == 512
    assert statistics["log_disk_bytes"] == 2 * 8192
    assert (statistics["log_first_index"], statistics["log_last_index"]) == (1, 1)
    assert bench.writer.fsync_us() == []


@pytest.mark.parametrize(
    ("tail_entries", "tail_bytes", "kept_behind"),
    [(3, 1 << 20, 7), (100, 8000, 5), (100, 1 << 20, 0), (0, 1 << 20, 10)],
    ids=["entries", "bytes", "neither", "none"],
)
def test_the_tail_for_followers_is_bounded_in_entries_and_in_bytes(
    tail_entries: int, tail_bytes: int, kept_behind: int
) -> None:
    """Whichever is hit first."""
    bench = Bench(
        StorageOptions(
            segment_bytes=8192,
            record_bytes_max=1500,
            tail_entries=tail_entries,
            tail_bytes=tail_bytes,
        ),
        manual=False,
    )
    for number in range(1, 11):
        bench.writer.write(number, None, [(number, 1, 2, b"x" * 1000)])
        bench.writer.poll()
    assert bench.writer.before_tail(10) == kept_behind


def test_snapshots_cut_the_log_down_to_the_tail_in_bytes() -> None:
    """Though it holds far fewer entries than may be kept: a follower behind gets a snapshot."""
    options = StorageOptions(
        segment_bytes=8192, record_bytes_max=1500, snapshots_kept=2, tail_bytes=8000
    )
    bench = Bench(options, manual=False)
    snapshots = bench.data.snapshots
    for number in range(1, 11):
        bench.writer.write(number, None, [(number, 1, 2, b"x" * 1000)])
        bench.writer.poll()
        if number >= 9:
            snapshots.begin(SnapshotMeta(number, 1, number, b"m", b"c" * 16)).finish()
    assert bench.writer.purge(snapshots.purge_index(bench.writer.before_tail)) == 6
    with pytest.raises(KeyError, match="entry 5"):
        next(bench.writer.read(5, 6))
