"""Snapshots beside the requests: one at a time, given up in time, and no error of theirs is lost."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import InvariantBroken, Membership
from raftkeeper.server import limits
from raftkeeper.server.config import Snapshot
from raftkeeper.server.figures import DriverFigures
from raftkeeper.server.snapshotter import Snapshotter
from raftkeeper.storage import StorageError

DEADLINE_S = 10.0


class Bench:
    """Engine, core, writer, and the directory of snapshots. What blocks does so in its thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.applied_index = 7
        self.newest = 0
        self.held = ""
        self.fatal: list[BaseException] = []
        self.abandoned = 0
        self.jobs: list[Job] = []
        self.loop_thread = threading.get_ident()
        self.blocked: Callable[[], None] = lambda: None
        self.purge_error: Exception | None = None
        self.newest_error: Exception | None = None
        core = SimpleNamespace(
            term_at=lambda index: 1,
            membership_at=lambda index: Membership.of([1]),
            memberships=SimpleNamespace(index_at=lambda index: 1),
            tail_index=8,
            compact=self.compact,
        )
        self.core: Any = core
        core.applied_index = self.applied_index
        writer: Any = SimpleNamespace(
            before_tail=lambda last: last,
            statistics=lambda: {"log_disk_bytes": 0},
            purge=lambda index: 3,
        )
        data: Any = SimpleNamespace(snapshots=self)
        engine: Any = self
        self.snapshotter = Snapshotter(
            engine=engine,
            core=core,
            writer=writer,
            data=data,
            cluster_id=b"c" * 16,
            settings=Snapshot(),
            clock=self.clock,
            figures=DriverFigures(),
            restored=None,
            why_held=lambda: self.held,
            on_fatal=self.fatal.append,
        )

    def compact(self, index: int) -> None:
        if self.purge_error is not None:
            raise self.purge_error

    # the engine
    def snapshot_begin(self) -> tuple[int, int]:
        self.pieces = [b"one"]
        return self.applied_index, 70

    def snapshot_next(self, most: int) -> bytes:
        return self.pieces.pop() if self.pieces else b""

    def snapshot_abandon(self) -> None:
        self.abandoned += 1

    # the directory of snapshots
    def newest_index(self) -> int:
        if self.newest_error is not None:
            raise self.newest_error
        return self.newest

    def purge_index(self, before_tail: object) -> int:
        return 2

    def begin(self, meta: object) -> "Job":
        assert threading.get_ident() != self.loop_thread
        self.blocked()
        self.jobs.append(Job(self))
        return self.jobs[-1]


class Job:
    """One that is being written."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.closed = self.given_up = self.in_place = False

    def add(self, piece: bytes) -> None:
        pass

    def finish(self) -> None:
        self.bench.blocked()
        if self.given_up:
            raise OSError("given up")
        self.closed = self.in_place = True

    def give_up(self) -> None:
        self.given_up = True

    def abandon(self) -> None:
        self.closed = True


async def until(condition: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_S
    while not condition():
        assert loop.time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.001)


async def test_a_snapshot_is_begun_and_written_in_its_thread() -> None:
    """Each of its steps may wait for the disk, and the loop serves meanwhile."""
    bench = Bench()
    assert await bench.snapshotter.take(DEADLINE_S)
    assert bench.jobs[0].in_place
    assert bench.snapshotter.last_index == 7
    await bench.snapshotter.close()


async def test_none_is_told_of_when_none_was_started() -> None:
    """The result of an earlier one says nothing of the state of now."""
    bench = Bench()
    assert await bench.snapshotter.take(DEADLINE_S)
    bench.held = "the state is wrong"
    assert not await bench.snapshotter.take(DEADLINE_S)
    assert bench.snapshotter.start() is None
    assert len(bench.jobs) == 1
    await bench.snapshotter.close()


async def test_an_interrupted_one_is_not_put_in_place_by_its_thread() -> None:
    """It was at its very end, and the state in it turned out to be wrong."""
    bench, finishing, go_on = Bench(), threading.Event(), threading.Event()

    def block() -> None:
        if bench.jobs:
            finishing.set()
            go_on.wait(DEADLINE_S)

    bench.blocked = block
    bench.snapshotter.start()
    await until(finishing.is_set)
    bench.snapshotter.interrupt()
    go_on.set()
    await bench.snapshotter.close()
    assert (bench.jobs[0].in_place, bench.jobs[0].closed, bench.abandoned) == (False, True, 1)


async def test_one_that_is_interrupted_while_it_begins_leaves_nothing_open() -> None:
    """Its thread opens the file all the same."""
    bench, beginning, go_on = Bench(), threading.Event(), threading.Event()

    def block() -> None:
        beginning.set()
        go_on.wait(DEADLINE_S)

    bench.blocked = block
    bench.snapshotter.start()
    await until(beginning.is_set)
    bench.snapshotter.interrupt()
    await until(lambda: not bench.snapshotter.running)
    go_on.set()
    await bench.snapshotter.close()
    assert [job.closed for job in bench.jobs] == [True]


@pytest.mark.parametrize("where", ["newest_error", "purge_error"])
async def test_an_error_before_or_behind_the_walk_is_told(where: str) -> None:
    """Nobody else looks at the task."""
    bench = Bench()
    setattr(bench, where, StorageError(Path("x"), "does not read", "Try again"))
    assert not await bench.snapshotter.take(DEADLINE_S)
    assert (bench.snapshotter.failed, bench.fatal) == (1, [])
    await bench.snapshotter.close()


async def test_a_broken_invariant_ends_the_node() -> None:
    """As everywhere else."""
    bench = Bench()
    bench.purge_error = InvariantBroken("index 2 to compact is applied")
    assert not await bench.snapshotter.take(DEADLINE_S)
    assert bench.fatal == [bench.purge_error]
    await bench.snapshotter.close()


async def test_one_for_another_member_waits_after_a_failure() -> None:
    """Whoever needs one asks every few seconds, and a full disk is written full only so often."""
    bench = Bench()
    bench.newest_error = StorageError(Path("x"), "no space", "Free some space")
    assert not await bench.snapshotter.take(DEADLINE_S)
    bench.newest_error = None
    bench.snapshotter.start_for_another()
    assert not bench.snapshotter.running
    bench.clock.us += int(limits.SNAPSHOT_RETRY_S * 1_000_000)
    bench.snapshotter.start_for_another()
    assert bench.snapshotter.running
    await bench.snapshotter.close()
