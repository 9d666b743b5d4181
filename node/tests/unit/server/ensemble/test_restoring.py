"""A state is replaced only when no client is left, in slices, and by the newest snapshot asked for."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.server.ensemble.stand_ins import HandLoop
from tests.unit.server.fakes import FakeClock

from raftkeeper.server import limits
from raftkeeper.server.ensemble.restoring import Restorer
from raftkeeper.storage import SnapshotMeta


def meta_of(index: int) -> SnapshotMeta:
    return SnapshotMeta(index, 1, 5, b"", b"c" * 16)


class Bench:
    """Engine, snapshots and clients at once."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.checks = 1
        self.by_conn: dict[int, Any] = {}
        self.writes: dict[int, Any] = {}
        self.loop = HandLoop()
        self.clock = FakeClock()
        self.done: list[int] = []
        self.restorer = Restorer(
            self,  # type: ignore[arg-type]
            self.loop,  # type: ignore[arg-type]
            self.clock,
            self,  # type: ignore[arg-type]
            lambda step, *arguments: step(*arguments),
        )

    def begin(self, index: int) -> None:
        self.restorer.begin(meta_of(index), self, lambda meta: self.done.append(meta.index))

    def read(self, meta: SnapshotMeta) -> Iterator[bytes]:
        yield from (b"%d.%d" % (meta.index, number) for number in range(3))

    def abort_all(self) -> None:
        self.said.append("abort")

    def restore_begin(self) -> None:
        assert not self.by_conn, "no client is connected to a state that goes away"
        self.said.append("begin")

    def restore_piece(self, data: bytes) -> None:
        self.clock.us += limits.RESTORE_SLICE_US
        self.said.append(data.decode())

    def restore_more(self, znodes: int) -> bool:
        self.clock.us += limits.RESTORE_SLICE_US
        self.checks -= 1
        self.said.append("check")
        return self.checks > 0

    def restore_end(self) -> None:
        assert self.checks == 0, "nothing is left to be done at once"
        self.said.append("end")


def run(bench: Bench, turns: int) -> None:
    for _ in range(turns):
        callback, arguments = bench.loop.soon.popleft()
        step: Callable[..., object] = callback
        step(*arguments)


def test_clients_are_gone_before_the_state_is_touched() -> None:
    """What they have read and watch belongs to the old one."""
    bench = Bench()
    bench.by_conn[1] = object()
    bench.begin(50)
    run(bench, 5)
    assert "begin" not in bench.said
    assert bench.restorer.running
    bench.by_conn.clear()
    bench.loop.run()
    assert bench.said[-6:] == ["begin", "50.0", "50.1", "50.2", "check", "end"]
    assert bench.done == [50]
    assert not bench.restorer.running


def test_loading_lets_the_loop_turn_between_slices() -> None:
    """Votes and heartbeats are answered meanwhile."""
    bench = Bench()
    bench.begin(50)
    run(bench, 1)
    assert bench.said[-1] == "50.0"
    run(bench, 1)
    assert bench.said[-1] == "50.1"


def test_checks_of_a_whole_snapshot_are_cut_into_slices_too() -> None:
    """A million znodes take a quarter of a second, in which votes must be answered."""
    bench = Bench()
    bench.checks = 3
    bench.begin(50)
    run(bench, 4)
    assert bench.said[-1] == "check"
    assert bench.restorer.running
    run(bench, 1)
    assert bench.said[-2:] == ["check", "check"]
    run(bench, 1)
    assert bench.said[-2:] == ["check", "end"]
    assert bench.done == [50]


def test_newer_snapshot_takes_the_place_of_one_being_loaded() -> None:
    """Nothing of the older one comes after it."""
    bench = Bench()
    bench.begin(50)
    run(bench, 2)
    bench.begin(70)
    bench.loop.run()
    assert bench.said[-6:] == ["begin", "70.0", "70.1", "70.2", "check", "end"]
    assert bench.done == [70]
