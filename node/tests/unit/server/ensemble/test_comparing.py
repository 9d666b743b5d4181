"""Members compare their states while they pass an index, when one has caught up, and when all is quiet."""

from tests.unit.server.ensemble.stand_ins import GroupEngine, RecordingLinks, StandInCore
from tests.unit.server.fakes import FakeClock

from raftkeeper.server.ensemble.comparing import Comparison
from raftkeeper.server.ensemble.settings import EnsembleSettings

GOOD, BAD = 0x600D, 0xBAD
EVERY, EVERY_S = 1000, 60.0


class Bench:
    """A member at an index, with a state."""

    def __init__(self, me: int = 1) -> None:
        self.engine = GroupEngine()
        self.core = StandInCore(me)
        self.clock = FakeClock()
        self.links = RecordingLinks()
        self.told: list[frozenset[int]] = []
        self.comparison = Comparison(
            engine=self.engine,  # type: ignore[arg-type]
            core=self.core,  # type: ignore[arg-type]
            clock=self.clock,
            links=self.links,
            settings=EnsembleSettings(compare_every_entries=EVERY, compare_every_s=EVERY_S),
        )
        self.comparison.on_contradicted = self.told.append

    def stand_at(self, index: int, digest: int = GOOD) -> None:
        self.engine.applied_index = index
        self.engine.state = (index, 7, digest)

    def said(self) -> list[tuple[int, int, int, int]]:
        """Since the last time."""
        said, self.links.digests = sorted(self.links.digests), []
        return said


def started_at(index: int, digest: int = GOOD) -> Bench:
    """One that serves, and has said so much."""
    bench = Bench()
    bench.stand_at(index, digest)
    bench.comparison.start()
    bench.said()
    return bench


def test_digest_goes_to_everybody_and_a_majority_against_it_is_told() -> None:
    """The wrong one finds out by itself, also when it leads."""
    bench = started_at(990)
    assert bench.comparison.at == EVERY
    bench.stand_at(1000, BAD)
    bench.comparison.pass_index()
    assert bench.comparison.at == 2 * EVERY
    assert bench.said() == [(2, 1000, 7, BAD), (3, 1000, 7, BAD)]
    bench.comparison.hear(2, 1000, 7, GOOD)
    bench.comparison.hear(9, 1000, 7, GOOD)
    assert bench.told == []
    bench.comparison.hear(3, 1000, 7, GOOD)
    assert bench.told == [frozenset({2, 3})]


def test_member_that_has_caught_up_compares_at_once() -> None:
    """What lay on its disk may be wrong, and the next index far away."""
    bench = Bench()
    bench.stand_at(990, BAD)
    for member in (2, 3):
        bench.comparison.hear(member, 990, 7, GOOD)
    assert bench.told == []
    bench.comparison.start()
    assert bench.told == [frozenset({2, 3})]


def test_quiet_member_compares_now_and_then() -> None:
    """At whatever index; not while something is applied, and not all the time."""
    bench = started_at(990)
    bench.comparison.tick()
    assert bench.said() == []
    bench.clock.us += int(EVERY_S * 1_000_000)
    bench.stand_at(991)
    bench.comparison.tick()
    assert bench.said() == []
    bench.comparison.tick()
    assert bench.said() == [(2, 991, 7, GOOD), (3, 991, 7, GOOD)]
    bench.comparison.tick()
    assert bench.said() == []
    bench.clock.us += int(EVERY_S * 1_000_000)
    bench.comparison.tick()
    assert len(bench.said()) == 2


def test_who_hears_of_the_index_where_it_stands_tells_its_own() -> None:
    """So one that asks is enough to compare all; of another index nothing can be said."""
    bench = started_at(990)
    bench.stand_at(995)
    bench.comparison.hear(2, 994, 7, GOOD)
    assert bench.said() == []
    bench.comparison.hear(2, 995, 7, GOOD)
    assert bench.said() == [(2, 995, 7, GOOD), (3, 995, 7, GOOD)]
    bench.comparison.hear(3, 995, 7, GOOD)
    assert bench.said() == []


def test_state_that_differs_is_answered_once() -> None:
    """Its member has started since all others said theirs; and two that differ do not go on for ever."""
    bench = started_at(990)
    bench.comparison.hear(2, 990, 7, BAD)
    assert bench.said() == [(2, 990, 7, GOOD)]
    bench.comparison.hear(2, 990, 7, BAD)
    assert bench.said() == []
    bench.stand_at(1000)
    bench.comparison.pass_index()
    bench.said()
    bench.comparison.hear(2, 1000, 7, BAD)
    assert bench.said() == [(2, 1000, 7, GOOD)]


def test_member_that_does_not_serve_compares_nothing() -> None:
    """Its state is being replaced, or not as new as it must be."""
    bench = started_at(990)
    bench.comparison.stop()
    bench.comparison.hear(2, 990, 7, GOOD)
    bench.clock.us += int(EVERY_S * 1_000_000)
    for _ in range(3):
        bench.comparison.tick()
    assert (bench.said(), bench.comparison.at) == ([], 0)


def test_member_that_is_alone_compares_nothing_until_there_is_another() -> None:
    """There is nobody to compare with."""
    bench = Bench()
    three = bench.core.membership
    bench.core.membership = StandInCore(1, voters=(1,)).membership
    bench.stand_at(990)
    bench.comparison.start()
    assert (bench.said(), bench.comparison.at) == ([], 0)
    bench.core.membership = three
    bench.comparison.follow(three)
    assert bench.comparison.at == EVERY
