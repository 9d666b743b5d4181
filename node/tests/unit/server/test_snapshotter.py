"""Claims about when a snapshot is begun, and what is said when none is."""

from types import SimpleNamespace
from typing import Any, cast

from tests.unit.server.fakes import FakeClock

from raftkeeper.server import limits
from raftkeeper.server.figures import DriverFigures
from raftkeeper.server.snapshotter import Snapshotter


class Disk:
    """One on which the newest snapshot is always that of everything."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.asked = 0

    def newest_index(self) -> int:
        self.asked += 1
        return self.index


def make(disk: Disk) -> tuple[Snapshotter, FakeClock]:
    clock = FakeClock()
    snapshotter = Snapshotter(
        engine=cast("Any", None),
        core=cast("Any", SimpleNamespace(applied_index=9)),
        writer=cast("Any", None),
        data=cast("Any", SimpleNamespace(snapshots=disk)),
        cluster_id=bytes(16),
        settings=cast("Any", None),
        clock=clock,
        figures=DriverFigures(),
        restored=None,
    )
    return snapshotter, clock


async def test_held_snapshotter_says_that_nothing_was_begun() -> None:
    """Also when an earlier one has been taken: whoever waits for a newer one must not believe it."""
    snapshotter, _ = make(Disk(9))
    assert await snapshotter.take(1)
    snapshotter.held = "the state is being replaced"
    assert not snapshotter.start()
    assert not await snapshotter.take(1)
    snapshotter.held = ""
    assert await snapshotter.take(1)
    await snapshotter.close()


async def test_snapshot_for_another_member_waits_after_a_failure() -> None:
    """Whoever needs one asks every few seconds, and a full disk is written full only so often."""
    disk = Disk(0)  # so one is begun, and without an engine that fails
    snapshotter, clock = make(disk)
    assert not await snapshotter.take(1)
    assert snapshotter.failed == 1
    snapshotter.start_for_another()
    assert not snapshotter.running
    clock.us += int(limits.SNAPSHOT_RETRY_S * 1_000_000)
    snapshotter.start_for_another()
    assert snapshotter.running
    await snapshotter.close()
