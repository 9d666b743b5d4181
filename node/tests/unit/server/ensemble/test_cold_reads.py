"""Old entries go out one read at a time, at a rate that grows with what clients write."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.server.ensemble.stand_ins import StandInCore, StandInWriter
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import ColdSend
from raftkeeper.server import limits
from raftkeeper.server.ensemble.cold_reads import ColdReads
from raftkeeper.server.ensemble.settings import EnsembleSettings

RATE = 1_000_000
ENTRY_BYTES = 200_000
ENTRY_US = ENTRY_BYTES * 1_000_000 // RATE


class TimedLoop:
    """Runs what is due when the clock is there."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._calls: list[tuple[int, Callable[..., object], tuple[object, ...]]] = []

    def call_soon(self, callback: Callable[..., object], *args: object) -> None:
        self.call_later(0, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Any:
        self._calls.append((self._clock.us + round(delay * 1e6), callback, args))

    @property
    def is_due(self) -> bool:
        return any(at_us <= self._clock.us for at_us, _, _ in self._calls)

    def turn(self) -> None:
        """One turn: what is due now, and nothing that this sets off."""
        due = [call for call in self._calls if call[0] <= self._clock.us]
        self._calls = [call for call in self._calls if call not in due]
        for _, callback, args in due:
            callback(*args)


class Bench:
    """Leader 1, whose log holds entries of the same length; members 2 and 3 are far behind."""

    def __init__(self, bytes_per_s: int = RATE) -> None:
        self.settings = EnsembleSettings(catch_up_bytes_per_s=bytes_per_s)
        self.clock = FakeClock()
        self.loop = TimedLoop(self.clock)
        self.core: Any = StandInCore()
        self.core.lead(term=4)
        self.core.config.append_bytes_max = ENTRY_BYTES
        self.writer: Any = StandInWriter()
        self.writer.records = [(index, 1, 2, b"x" * ENTRY_BYTES) for index in range(1, 21)]
        self.looks = 0
        self.reads = ColdReads(self, self.loop, self.clock)

    def guarded(self, step: Callable[..., object], *arguments: object) -> None:
        step(*arguments)

    def look(self) -> None:
        self.looks += 1

    def ask(self, *members: int, term: int = 4) -> None:
        self.reads.take([ColdSend(member, term, 1, 20) for member in members])

    def run(self, duration_us: int, *, logged_per_ms: int = 0, again: bool = False) -> int:
        """How many answers come in that time; `again` asks anew after each."""
        before = len(self.core.cold)
        for _ in range(duration_us // 1_000):
            answers = len(self.core.cold)
            self.loop.turn()
            if again and len(self.core.cold) > answers:
                self.ask(2)
            self.writer.bytes_written += logged_per_ms
            self.clock.us += 1_000
        return len(self.core.cold) - before


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_answer_is_bounded_and_the_driver_looks_after_it(bench: Bench) -> None:
    """As much as one message holds, though more was asked for."""
    bench.ask(2)
    assert bench.core.cold == []
    bench.loop.turn()
    ((cold, entries),) = bench.core.cold
    assert cold == ColdSend(2, 4, 1, 20)
    assert [entry.index for entry in entries] == [1]
    assert bench.looks == 1


def test_reads_keep_to_the_rate(bench: Bench) -> None:
    """However fast the member takes them."""
    bench.ask(2)
    assert bench.run(10 * ENTRY_US, again=True) in (10, 11)


def test_a_remainder_of_a_byte_waits_for_the_clock(bench: Bench) -> None:
    """A pause shorter than a tick of the clock would spin for ever where time stands still."""
    bench.settings = EnsembleSettings(catch_up_bytes_per_s=1_004_000_000)
    bench.core.config.append_bytes_max = 0  # nothing saved up
    bench.reads = ColdReads(bench, bench.loop, bench.clock)
    bench.ask(2, 3)
    bench.loop.turn()
    bench.clock.us += ENTRY_BYTES // 1_000 - 1
    bench.loop.turn()
    assert len(bench.core.cold) == 1
    assert not bench.loop.is_due
    assert bench.run(3_000) == 1


def test_members_take_turns_and_share_the_rate(bench: Bench) -> None:
    """One read at a time for all of them."""
    bench.core.config.append_bytes_max = 0  # nothing saved up
    bench.ask(2, 3)
    assert bench.run(ENTRY_US // 2) == 1
    assert bench.run(ENTRY_US) == 1
    assert [cold.to for cold, _ in bench.core.cold] == [2, 3]


def test_no_more_than_one_read_is_saved_up(bench: Bench) -> None:
    """A long quiet time brings no burst."""
    bench.clock.us += 100 * ENTRY_US
    bench.ask(2)
    assert bench.run(5 * ENTRY_US, again=True) in (6, 7)


def test_catching_up_outruns_clients_that_write_more_than_the_rate(bench: Bench) -> None:
    """Otherwise it would never end, for each of those that may be behind."""
    bench.ask(2)
    duration_us, logged_per_ms = 10 * ENTRY_US, 3 * RATE // 1_000
    answers = bench.run(duration_us, logged_per_ms=logged_per_ms, again=True)
    twice = 2 * logged_per_ms * duration_us // 1_000
    assert answers * ENTRY_BYTES > 0.95 * len(bench.core.members) * twice


def test_short_entries_count_a_sector_each(bench: Bench) -> None:
    """Reading them costs as much, and what is logged is counted in the same way."""
    bench.core.config.append_bytes_max = 0  # nothing saved up, one entry a read
    bench.settings = EnsembleSettings(catch_up_bytes_per_s=limits.COLD_ENTRY_COST_BYTES * 100)
    bench.reads = ColdReads(bench, bench.loop, bench.clock)
    bench.writer.records = [(1, 1, 2, b"x")]
    bench.ask(2)
    assert bench.run(1_000_000, again=True) in (100, 101)


def test_no_bound_still_reads_once_a_turn() -> None:
    """So that nothing waits for more than one read."""
    bench = Bench(bytes_per_s=0)
    bench.ask(2, 3)
    bench.loop.turn()
    assert len(bench.core.cold) == 1
    bench.loop.turn()
    assert len(bench.core.cold) == 2


def test_a_newer_question_takes_the_place_of_an_older_one(bench: Bench) -> None:
    """The member was fed anew meanwhile; what waits stays bounded by the members."""
    bench.ask(2)
    bench.reads.take([ColdSend(2, 4, 5, 6)])
    assert bench.run(10 * ENTRY_US) == 1
    assert bench.core.cold[0][0].first == 5


def test_purged_entries_are_answered_with_none(bench: Bench) -> None:
    """The core sends a snapshot then."""
    bench.writer.records = []
    bench.ask(2)
    bench.loop.turn()
    assert bench.core.cold == [(ColdSend(2, 4, 1, 20), ())]


@pytest.mark.parametrize("deposed", [True, False])
def test_questions_of_an_ended_leadership_are_dropped(bench: Bench, deposed: bool) -> None:
    """The log may be replaced by then."""
    bench.ask(2, term=4)
    if deposed:
        bench.core.follow(2, term=5)
    else:
        bench.core.lead(term=6)
    bench.run(10_000)
    assert bench.core.cold == []
