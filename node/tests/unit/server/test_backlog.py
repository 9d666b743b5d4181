"""Entries that cannot be applied at once: in order, in slices, and never into a state in pieces."""

from collections.abc import Iterator

from tests.unit.server.ensemble.stand_ins import HandLoop
from tests.unit.server.fakes import FakeClock, FakeEngine

from raftkeeper.server import limits
from raftkeeper.server.backlog import Backlog


class Bench:
    """A backlog whose entries cost half a slice each."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.loop = HandLoop()
        self.clock = FakeClock()
        self.slices = 0
        self.reads: list[tuple[int, int]] = []
        self.backlog = Backlog(
            self.engine,  # type: ignore[arg-type]
            self.loop,  # type: ignore[arg-type]
            self.clock,
            lambda step, *arguments: step(*arguments),
            read=self.read,
            on_entry=lambda _index, _bytes: self.spend(),
            on_slice=self.count,
        )

    def read(self, first: int, last: int) -> Iterator[tuple[int, int, int, bytes]]:
        self.reads.append((first, last))
        return iter([(index, 1, 2, b"") for index in range(first, last + 1)])

    def spend(self) -> None:
        self.clock.us += limits.REPLAY_SLICE_US // 2

    def count(self) -> None:
        self.slices += 1


def test_entries_are_applied_in_slices() -> None:
    """The loop turns between them."""
    bench = Bench()
    bench.backlog.add(1, 4)
    bench.backlog.add(5, 6)
    assert not bench.backlog.is_empty
    bench.loop.run()
    assert bench.engine.applied_index == 6
    assert bench.slices >= 3
    assert bench.backlog.is_empty


def test_nothing_is_applied_while_the_state_is_replaced() -> None:
    """And what the new state holds already is passed over."""
    bench = Bench()
    bench.backlog.add(1, 2)
    bench.backlog.block(blocked=True)
    bench.loop.run()
    assert bench.engine.applied_index == 0
    assert not bench.backlog.is_empty
    bench.engine.applied_index = 1
    bench.backlog.block(blocked=False)
    bench.loop.run()
    assert [index for index, _ in bench.engine.applied] == [2]


def test_entries_behind_a_loaded_state_come_first() -> None:
    """A healed member applies its own log before what has been committed meanwhile."""
    bench = Bench()
    bench.backlog.block(blocked=True)
    bench.backlog.add(3, 4)
    bench.backlog.put_first(1, 2)
    bench.backlog.block(blocked=False)
    bench.loop.run()
    assert [index for index, _ in bench.engine.applied] == [1, 2, 3, 4]


def test_cleared_entries_are_not_applied() -> None:
    """They are in the snapshot that takes their place."""
    bench = Bench()
    bench.backlog.add(1, 2)
    bench.backlog.clear()
    bench.loop.run()
    assert bench.engine.applied == []


def test_what_comes_while_the_state_is_replaced_costs_no_memory() -> None:
    """A restore may take minutes: only the range that waits is kept, and is read in its turn."""
    bench = Bench()
    bench.backlog.block(blocked=True)
    for index in range(1, 1001):
        bench.backlog.add(index, index)
    bench.loop.run()
    assert bench.reads == []
    bench.backlog.block(blocked=False)
    bench.backlog.add(1001, 1001)
    bench.loop.run()
    assert bench.reads == [(1, 1001)]
    assert bench.engine.applied_index == 1001
