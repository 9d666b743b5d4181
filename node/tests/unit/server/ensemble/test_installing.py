"""Snapshots of others: for the core, or to heal a state that a majority contradicts."""

from collections.abc import Callable
from pathlib import Path

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
from raftkeeper.storage import SnapshotMeta, StorageFull, Verdict

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

    def hand_over(self, index: int) -> None:
        """The core has everything up to here, committed and durable, and it is applied."""
        self.core.commit_index = self.core.handed_index = self.core.applied_index = index

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
    bench.hand_over(60)
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


def test_snapshot_of_the_core_is_not_replaced_by_an_older_one_that_heals() -> None:
    """It came while the others were being removed, and heals as well."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.hand_over(60)
    bench.installer.on_snapshot(meta_of(50))
    bench.installer.core_fetches()
    bench.installer.on_snapshot(meta_of(90))
    bench.on_kept(None)
    assert bench.kept == [meta_of(50), meta_of(90)]
    bench.on_kept(None)
    assert bench.installer.take_offered() == meta_of(90)
    assert bench.loaded == []


def test_snapshots_that_cannot_be_removed_end_the_node() -> None:
    """A start might take one of them for right."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.hand_over(60)
    bench.installer.on_snapshot(meta_of(50))
    with pytest.raises(OSError, match="no"):
        bench.on_kept(OSError("no"))
    assert bench.loaded == []


def test_snapshot_that_the_log_does_not_follow_is_not_loaded() -> None:
    """The entries between would be missing for ever."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.hand_over(60)
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
    """It replaces the state too; the answer to the other must not be taken for it. And no snapshot of
    the wrong state is left beside it.
    """
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.installer.core_fetches()
    assert bench.links.cancelled == 1
    bench.installer.on_snapshot(meta_of(50))
    assert bench.core.restores == []
    bench.on_kept(None)
    assert (len(bench.core.restores), bench.kept) == (1, [meta_of(50)])
    assert bench.loaded == []


def test_snapshot_ahead_of_the_commit_goes_through_the_core() -> None:
    """An engine that is ahead of the core would be handed entries that it has already."""
    bench = Bench()
    bench.installer.on_contradicted(RIGHT)
    bench.installer.on_snapshot(meta_of(50))
    bench.on_kept(None)
    assert [meta.index for meta in bench.core.restores] == [50]
    assert bench.loaded == []
    assert bench.installer.take_offered() == meta_of(50)


def test_snapshot_ahead_of_what_was_handed_over_waits_for_it() -> None:
    """The log has its last entry, and that is not durable here yet, or not applied."""
    bench = Bench()
    bench.core.needs_snapshot = False
    bench.installer.on_contradicted(RIGHT)
    bench.installer.on_snapshot(meta_of(50))
    bench.on_kept(None)
    bench.core.commit_index = 50  # as `restore` has made it
    for handed in (10, 49):
        bench.core.handed_index = handed
        bench.installer.tick()
    assert bench.loaded == []
    bench.core.handed_index = 50
    bench.installer.tick()
    assert bench.loaded == [meta_of(50)]
    assert len(bench.core.restores) == 1


def test_state_that_is_being_loaded_is_waited_for() -> None:
    """However long it takes: another fetch would begin it anew, again and again."""
    bench = Bench()
    bench.hand_over(60)
    bench.installer.on_contradicted(RIGHT)
    bench.installer.on_snapshot(meta_of(50))
    bench.on_kept(None)
    bench.clock.us += 100 * int(limits.HEAL_RETRY_S * 1_000_000)
    bench.installer.tick()
    assert len(bench.links.fetches) == 1


def test_snapshot_is_asked_for_that_the_own_log_goes_on_behind() -> None:
    """An older one would be of no use, and on a quiet ensemble there comes no newer one by itself."""
    bench = Bench()
    bench.hand_over(60)
    bench.writer.first_index = 55
    bench.installer.on_contradicted(RIGHT)
    assert bench.links.covered == [54]


class Noted:
    """What was written to the disk, if there is room."""

    def __init__(self, diverged: Verdict | None = None) -> None:
        self.diverged = diverged
        self.is_full = False

    def mark_diverged(self, verdict: Verdict) -> None:
        if self.is_full:
            raise StorageFull(Path("/data"), "no space", "Free some space")
        self.diverged = verdict

    def mark_healed(self) -> None:
        self.diverged = None


def test_wrong_state_is_noted_until_it_is_healed() -> None:
    """With who is right; so that no start serves it again."""
    bench, noted = Bench(), Noted()
    bench.installer.remember(noted)
    bench.hand_over(60)
    bench.installer.on_contradicted(RIGHT)
    assert noted.diverged == Verdict(bench.installer.diverged, (2, 3))
    bench.installer.on_snapshot(meta_of(50))
    bench.on_kept(None)
    assert noted.diverged is not None
    assert bench.done is not None
    bench.done(meta_of(50))
    assert noted.diverged is None


def test_wrong_state_is_noted_as_soon_as_there_is_room() -> None:
    """A full disk is no reason to serve; the note is tried again."""
    bench, noted = Bench(), Noted()
    bench.installer.remember(noted)
    noted.is_full = True
    bench.installer.on_contradicted(RIGHT)
    assert (len(bench.suspended), noted.diverged) == (1, None)
    noted.is_full = False
    bench.installer.tick()
    assert noted.diverged is not None


def test_start_knows_what_was_noted_and_heals() -> None:
    """From those that were right; where none of them is a member any more, from the leader."""
    for right, asked in (((2, 3), [2]), ((8, 9), [3])):
        bench = Bench()
        bench.core.leader_id = 3 if right == (8, 9) else 0
        bench.installer.remember(Noted(Verdict("it differs", right)))
        assert bench.installer.diverged == "it differs"
        bench.installer.tick()
        assert bench.links.fetches == asked
