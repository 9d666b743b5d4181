"""The level is raised when every member speaks a higher one, and only then is more written."""

from collections.abc import Sequence
from typing import Any

from tests.unit.server.ensemble.stand_ins import (
    GroupEngine,
    RecordingLinks,
    StandInCore,
    StandInWriter,
)

from raftkeeper.raft import Change, ChangeRefusal, ChangeRefused, RaiseLevel
from raftkeeper.raft.change import decide_change
from raftkeeper.server.ensemble.levels import Levels


class ChangingCore(StandInCore):
    """Takes changes, as a leader does."""

    def __init__(self, voters: Sequence[int]) -> None:
        super().__init__(voters=voters)
        self.config = type("Config", (), {"member_id": 1, "level_max": 2})()
        self.changes: list[tuple[Change, int]] = []
        self.busy = False

    def change(self, change: Change, config_index: int) -> int:
        if self.busy:
            raise ChangeRefused(ChangeRefusal.BUSY)
        self.changes.append((change, config_index))
        self.membership = decide_change(self.membership, change)
        self.config_index += 1
        return self.config_index


class Bench:
    """Member 1, whose release speaks level 2, in an ensemble that uses level 1."""

    def __init__(self, voters: Sequence[int] = (1, 2, 3), *, quotas: bool = False) -> None:
        self.engine = GroupEngine()
        self.core = ChangingCore(voters)
        self.links = RecordingLinks()
        self.writer = StandInWriter()
        parts: dict[str, Any] = {"engine": self.engine, "core": self.core, "writer": self.writer}
        self.levels = Levels(**parts, links=self.links, enforce_quotas=quotas)
        self.levels.follow(self.core.membership)


def test_level_is_raised_when_every_member_speaks_it() -> None:
    """Once, and for the membership that was looked at."""
    bench = Bench()
    bench.core.lead(term=2)
    bench.links.levels = {2: 2, 3: 1}
    assert not bench.levels.tick()
    bench.links.levels = {2: 2, 3: 2}
    assert bench.levels.tick()
    assert not bench.levels.tick()
    assert bench.core.changes == [(RaiseLevel(2), 1)]
    assert bench.core.membership.level == 2


def test_member_that_is_away_keeps_the_level_where_it_is() -> None:
    """Nobody knows what it will be started with."""
    bench = Bench()
    bench.core.lead(term=2)
    bench.links.levels = {2: 2}
    assert not bench.levels.tick()
    assert bench.core.changes == []


def test_level_goes_no_higher_than_the_leader_speaks() -> None:
    """However new the others are."""
    bench = Bench()
    bench.core.lead(term=2)
    bench.links.levels = {2: 3, 3: 3}
    assert bench.levels.tick()
    assert bench.core.membership.level == 2


def test_sole_member_raises_the_level_by_itself() -> None:
    """There is nobody to wait for."""
    bench = Bench(voters=(1,))
    bench.core.lead(term=2)
    assert bench.levels.tick()


def test_only_a_leader_that_can_write_raises_the_level() -> None:
    """A change under way comes first; then it is tried again."""
    bench = Bench()
    bench.links.levels = {2: 2, 3: 2}
    bench.core.follow(2, term=2)
    assert not bench.levels.tick()
    bench.core.lead(term=3)
    bench.writer.full = "no space"
    assert not bench.levels.tick()
    bench.writer.full, bench.core.busy = "", True
    assert not bench.levels.tick()
    bench.core.busy = False
    assert bench.levels.tick()


def test_engine_enforces_quotas_from_the_level_on_that_brought_it() -> None:
    """Where it is asked for; and not while the entry that raised the level is cut off again."""
    bench, lenient = Bench(quotas=True), Bench()
    low, high = bench.core.membership, decide_change(bench.core.membership, RaiseLevel(2))
    for membership in (high, high, low, high):
        bench.levels.follow(membership)
        lenient.levels.follow(membership)
    assert bench.engine.enforces == [False, True, False, True]
    assert not any(lenient.engine.enforces)
