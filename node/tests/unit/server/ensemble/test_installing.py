"""Snapshots of others: for the core, or to heal a state that a majority contradicts."""

from collections.abc import Callable

import pytest
from tests.unit.server.ensemble.stand_ins import (
    HandLoop,
    RecordingLinks,
    StandInCore,
    StandInWriter,
)
from tests.unit.server.fakes import FakeClock

from raftkeeper.server import limits
from raftkeeper.server.ensemble.installing import Installer
from raftkeeper.storage import SnapshotMeta

RIGHT = frozenset({2, 3})


def meta_of(index: int) -> SnapshotMeta:
    core = StandInCore()
    return SnapshotMeta(index, 1, 5, core.membership.encode(), b"c" * 16, installed=True)


class Bench:
    """An installer and its host."""

    def __init__(self) -> None:
        self.core = StandInCore()
        self.writer = StandInWriter()
        self.clock = FakeClock()
        self.links = RecordingLinks()
        self.loop = HandLoop()
        self.on_kept: Callable[[BaseException | None], None]
        self.suspended: list[str] = []
        self.loaded: list[SnapshotMeta] = []
        self.kept: list[SnapshotMeta] = []
        self.done: Callable[[SnapshotMeta], None] | None = None
        self.installer = Installer(
            core=self.core,  # type: ignore[arg-type]
            writer=self.writer,  # type: ignore[arg-type]
            clock=self.clock,
            links=self.links,
            snapshots=self,
            host=self,
            loop=self.loop,
            guarded=lambda step, *arguments: step(*arguments),
        )

    def suspend(self, reason: str) -> None:
        self.suspended.append(reason)

    def load(self, meta: SnapshotMeta, then: Callable[[SnapshotMeta], None]) -> None:
        self.loaded.append(meta)
        self.done = then

    def keep_only(
        self, meta: SnapshotMeta, on_done: Callable[[BaseException | None], None]
    ) -> None:
        self.kept.append(meta)
        self.on_kept = on_done

    def read(self, meta: SnapshotMeta) -> None:  # type: ignore[override]
        raise AssertionError("the host loads")


def test_core_gets_the_snapshot_it_asked_for() -> None:
    """Durable by then; the driver finds it when the core says `restored`."""
    bench = Bench()
    bench.installer.core_fetches()
    bench.installer.on_snapshot(meta_of(50))
    assert [(meta.index, meta.term) for meta in bench.core.restores] == [(50, 1)]
    assert bench.installer.take_offered() == meta_of(50)


def test_failed_fetch_is_told_to_the_core_after_a_pause() -> None:
    """It takes the next offer, and these come with every heartbeat; snapshots are big."""
    bench = Bench()
    bench.installer.core_fetches()
    bench.installer.on_snapshot(None)
    assert bench.core.failed_fetches == 0
    assert bench.loop.delays == [limits.HEAL_RETRY_S]
    bench.loop.run()
    assert bench.core.failed_fetches == 1


def test_wrong_member_stops_serving_and_fetches_from_a_right_one() -> None:
    """From the leader, if it is one of them."""
    bench = Bench()
    bench.core.follow(3, 1)
    bench.installer.on_contradicted(RIGHT)
    bench.installer.on_contradicted(RIGHT)
    assert (len(bench.suspended), bench.links.fetches) == (1, [3])
    assert "[2, 3]" in bench.installer.diverged


def test_healed_member_keeps_no_snapshot_of_its_own() -> None:
    """They may be as wrong as its state was; a start must not find them."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.core.applied_index = 60
    reloads: list[SnapshotMeta] = []
    bench.installer.on_reload = reloads.append
    bench.installer.on_snapshot(meta_of(50))
    assert (bench.kept, reloads, bench.loaded) == ([meta_of(50)], [meta_of(50)], [])
    bench.clock.us += int(limits.HEAL_RETRY_S * 1_000_000)
    bench.installer.tick()
    assert len(bench.links.fetches) == 1
    bench.on_kept(None)
    assert bench.loaded == [meta_of(50)]
    assert bench.installer.diverged
    assert bench.done is not None
    bench.done(meta_of(50))
    assert bench.installer.diverged == ""


def test_snapshot_beyond_what_the_core_has_handed_over_waits_for_the_next_try() -> None:
    """Entries that it holds would be applied once more, which ends the node."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.core.applied_index = 40
    bench.installer.on_snapshot(meta_of(50))
    assert (bench.kept, bench.loaded) == ([], [])
    bench.core.applied_index = 60
    bench.clock.us += int(limits.HEAL_RETRY_S * 1_000_000)
    bench.installer.tick()
    assert len(bench.links.fetches) == 2
    bench.installer.on_snapshot(meta_of(50))
    bench.on_kept(None)
    assert bench.loaded == [meta_of(50)]


def test_snapshot_of_the_core_is_not_replaced_by_an_older_one_that_heals() -> None:
    """It came while the others were being removed, and heals as well."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.core.applied_index = 60
    bench.installer.on_snapshot(meta_of(50))
    bench.installer.core_fetches()
    bench.installer.on_snapshot(meta_of(90))
    assert bench.installer.take_offered() == meta_of(90)
    bench.on_kept(None)
    assert bench.loaded == []


def test_snapshots_that_cannot_be_removed_end_the_node() -> None:
    """A start might take one of them for right."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.core.applied_index = 60
    bench.installer.on_snapshot(meta_of(50))
    with pytest.raises(OSError, match="no"):
        bench.on_kept(OSError("no"))
    assert bench.loaded == []


def test_snapshot_that_the_log_does_not_follow_is_not_loaded() -> None:
    """The entries between would be missing for ever."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.core.applied_index = 60
    bench.writer.first_index = 55
    bench.installer.on_snapshot(meta_of(50))
    assert bench.loaded == bench.kept == []


def test_failed_healing_is_tried_again_later() -> None:
    """Not in a hurry: snapshots are big."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.installer.on_snapshot(None)
    bench.installer.tick()
    assert len(bench.links.fetches) == 1
    bench.clock.us += int(limits.HEAL_RETRY_S * 1_000_000)
    bench.installer.tick()
    assert len(bench.links.fetches) == 2


def test_cores_fetch_takes_the_place_of_healing() -> None:
    """It replaces the state too; the answer to the other must not be taken for it."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.installer.core_fetches()
    assert bench.links.cancelled == 1
    bench.installer.on_snapshot(meta_of(50))
    assert len(bench.core.restores) == 1
    assert bench.loaded == []
