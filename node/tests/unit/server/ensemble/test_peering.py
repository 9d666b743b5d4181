"""Roles turn into who seals and what goes out again; what arrives is taken in its own term only."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.server.ensemble.stand_ins import (
    GroupEngine,
    HandLoop,
    RecordingLinks,
    StandInCore,
    StandInWriter,
)
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import NOBODY, Append, Entry, Heartbeat, Membership
from raftkeeper.server import limits
from raftkeeper.server.ensemble.commit_words import CommitWords
from raftkeeper.server.ensemble.peering import Peering
from raftkeeper.server.ensemble.settings import EnsembleSettings


class Bench:
    """Member 1 of three."""

    def __init__(
        self, voters: tuple[int, ...] = (1, 2, 3), core: StandInCore | None = None
    ) -> None:
        self.engine = GroupEngine()
        self.core = core or StandInCore(voters=voters)
        self.links = RecordingLinks()
        self.writer = StandInWriter()
        self.clock = FakeClock()
        self.peering = Peering(
            engine=self.engine,  # type: ignore[arg-type]
            core=self.core,  # type: ignore[arg-type]
            writer=self.writer,  # type: ignore[arg-type]
            clock=self.clock,
            links=self.links,
            words=CommitWords(self.links, HandLoop(), self.clock),
            draw=lambda low, high: high,
            settings=EnsembleSettings(election_ticks=10, batch_bytes_max=100),
            record_bytes_max=200,
        )
        self.peering.start()
        self.peering.allow_own(allowed=True)

    def change(self, membership: Membership) -> None:
        """The log's last entry holds it from now on."""
        self.core.change(membership)
        self._follow()

    def take_back(self) -> None:
        """That entry is cut off."""
        self.core.take_back()
        self._follow()

    def _follow(self) -> None:
        ready: Any = SimpleNamespace(
            membership=self.core.membership,
            redraw_timeout=False,
            sends_cold=(),
            snapshot_fetch=None,
        )
        self.peering.on_ready(ready)

    def seal(self, *words: bytes) -> bool:
        """What the driver does at the end of a turn."""
        self.engine.gathered.extend(words)
        return self.peering.sealer.idle and self.peering.sealer.seal()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_follower_sends_its_groups_with_the_leaders_term(bench: Bench) -> None:
    """The leader of another term must not take them."""
    bench.core.follow(2, term=5)
    bench.peering.follow_role()
    assert bench.seal(b"a")
    assert bench.links.groups == [(2, 5, 1, b"a")]
    assert bench.core.proposed == []


def test_unsettled_groups_go_to_the_next_leader_in_order(bench: Bench) -> None:
    """All of them, because nobody knows what the old one still did."""
    bench.core.follow(2, term=5)
    bench.peering.follow_role()
    bench.seal(b"a")
    bench.seal(b"b")
    bench.links.groups.clear()
    bench.core.follow(NOBODY, term=6)
    bench.peering.follow_role()
    assert bench.links.groups == []
    bench.core.follow(3, term=6)
    bench.peering.follow_role()
    assert bench.links.groups == [(3, 6, 1, b"a"), (3, 6, 2, b"b")]


def test_same_leader_in_a_new_term_gets_them_again(bench: Bench) -> None:
    """It has dropped what it had not sealed."""
    bench.core.follow(2, term=5)
    bench.peering.follow_role()
    bench.seal(b"a")
    bench.core.follow(2, term=6)
    bench.peering.follow_role()
    assert bench.links.groups == [(2, 5, 1, b"a"), (2, 6, 1, b"a")]


def test_new_link_to_the_leader_gets_them_again(bench: Bench) -> None:
    """What was under way on the old one may be lost."""
    bench.core.follow(2, term=5)
    bench.peering.follow_role()
    bench.seal(b"a")
    bench.peering.link_up(3)
    assert len(bench.links.groups) == 1
    bench.peering.link_up(2)
    assert bench.links.groups[1:] == [(2, 5, 1, b"a")]


def test_new_leader_seals_its_own_unsettled_groups_first(bench: Bench) -> None:
    """Before newer ones, or its clients' order would break."""
    bench.core.follow(2, term=5)
    bench.peering.follow_role()
    bench.seal(b"a")
    bench.core.lead(term=6)
    bench.peering.follow_role()
    assert bench.seal(b"b")
    assert bench.core.proposed == [b"a+b"]


def test_leader_seals_groups_of_all_in_one_entry(bench: Bench) -> None:
    """One fsync for the whole ensemble."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    assert bench.peering.take_group(2, 6, 1, b"two")
    assert bench.peering.take_group(3, 6, 4, b"three")
    assert bench.seal(b"own")
    assert bench.core.proposed == [b"two+three+own"]


def test_group_of_another_term_is_dropped(bench: Bench) -> None:
    """Its node sends it again to whoever leads then; sealing it here could overtake others."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    assert not bench.peering.take_group(2, 5, 1, b"late")
    bench.core.follow(3, term=7)
    bench.peering.follow_role()
    assert not bench.peering.take_group(2, 7, 1, b"lost")
    assert not bench.peering.arrivals.queue


def test_deposed_leader_forgets_what_arrived(bench: Bench) -> None:
    """The nodes that own it keep it."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    bench.peering.take_group(2, 6, 1, b"two")
    bench.core.follow(3, term=7)
    bench.peering.follow_role()
    assert not bench.peering.arrivals.queue
    assert bench.engine.led == [False, True, False]


def test_malformed_group_costs_its_sender_the_link_and_nobody_else(bench: Bench) -> None:
    """The others' groups are sealed all the same."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    bench.peering.take_group(2, 6, 1, b"good")
    bench.peering.take_group(3, 6, 1, b"malformed")
    bench.peering.take_group(3, 6, 2, b"behind")
    assert bench.seal()
    assert bench.core.proposed == [b"good"]
    assert bench.links.dropped == [3]


def test_gap_costs_the_link(bench: Bench) -> None:
    """The next one brings everything again."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    bench.peering.take_group(2, 6, 1, b"one")
    assert not bench.peering.take_group(2, 6, 3, b"three")
    assert bench.links.dropped == [2]


def test_batches_grow_while_two_are_under_way(bench: Bench) -> None:
    """Until the wait is long enough to be for round trips."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    for word in (b"a", b"b"):
        assert bench.seal(word)
    assert not bench.seal(b"c")
    bench.clock.us += limits.BATCH_SPACING_US
    assert bench.seal()
    bench.core.last_index = bench.core.commit_index + limits.BATCHES_UNDER_WAY_MAX
    bench.clock.us += limits.BATCH_SPACING_US
    assert not bench.seal(b"d")


def test_leader_that_hands_over_seals_nothing(bench: Bench) -> None:
    """What waits goes to the next one."""
    bench.core.lead(term=6)
    bench.peering.follow_role()
    bench.core.may_propose = False
    assert not bench.seal(b"a")
    assert list(bench.engine.gathered) == [b"a"]


def test_nothing_leaves_without_a_leader(bench: Bench) -> None:
    """It stays in the engine, which has its bounds."""
    bench.peering.follow_role()
    assert not bench.seal(b"a")
    assert bench.links.groups == []


def test_engine_hears_of_a_lost_leader_after_an_election_timeout_once(bench: Bench) -> None:
    """A change of leaders that takes milliseconds closes nobody."""
    bench.peering.follow_role()
    for _ in range(9):
        bench.peering.tick()
    assert bench.engine.lost == []
    for _ in range(20):
        bench.peering.tick()
    assert (bench.engine.lost, bench.peering.lost) == ([True], True)
    bench.core.follow(2, term=3)
    bench.peering.follow_role()
    assert (bench.engine.lost, bench.peering.lost) == ([True, False], False)


def test_touches_wait_for_a_link_to_the_leader(bench: Bench) -> None:
    """Taken and not sent they would be lost, and sessions with them."""
    bench.engine.touches = b"touched"
    bench.core.follow(2, term=3)
    bench.links.up = {3}
    bench.peering.tell_leader()
    assert bench.engine.touches == b"touched"
    bench.links.up = {2}
    bench.peering.tell_leader()
    assert bench.links.touches == [(2, 3, b"touched")]


def test_follower_tells_whether_it_should_lead(bench: Bench) -> None:
    """Again with each call: words get lost, and leaders change. A leader has nobody to tell."""
    bench.core.follow(2, term=3)
    bench.peering.tell_fitness("it is being drained")
    bench.links.up = {3}
    bench.peering.tell_fitness("")
    bench.links.up = {2}
    bench.peering.tell_fitness("")
    bench.core.lead(term=4)
    bench.peering.tell_fitness("no space")
    assert bench.links.fitness == [(2, 3, "it is being drained"), (2, 3, "")]


def test_touches_count_for_the_leader_of_their_term_only(bench: Bench) -> None:
    """And malformed ones cost the link."""
    bench.core.lead(term=6)
    bench.peering.take_touches(2, 5, b"old")
    bench.peering.take_touches(2, 6, b"new")
    bench.peering.take_touches(3, 6, b"malformed")
    assert (bench.engine.merged, bench.links.dropped) == ([b"new"], [3])


def test_full_disk_takes_no_entries_but_hears_the_leader(bench: Bench) -> None:
    """Else the writer's queue would grow without bound."""
    bench.writer.full = "no space"
    append: Any = Append(2, 1, 3, 10, 1, (Entry(11, 3, 2, b""),), 10, 0)
    beat = Heartbeat(2, 1, 3, 10, 1)
    bench.peering.step(append)
    bench.peering.step(beat)
    bench.writer.full = ""
    bench.peering.step(append)
    assert bench.core.stepped == [beat, append]


def test_reset_link_is_told_to_the_core(bench: Bench) -> None:
    """A killed leader is replaced without waiting for a timeout; a silent link proves nothing."""
    bench.peering.link_lost(2, reset=False)
    assert bench.core.unreachable == []
    bench.peering.link_lost(2, reset=True)
    assert bench.core.unreachable == [2]


def test_sole_member_seals_by_itself_when_it_may_serve() -> None:
    """The single node's path, with one block under way."""
    bench = Bench(voters=(1,))
    bench.core.lead(term=2)
    bench.peering.follow_role()
    assert bench.seal(b"a")
    assert bench.core.proposed == [b"a"]
    bench.writer.idle = False
    assert not bench.seal(b"b")
    assert bench.engine.led == [True]


def test_sole_member_that_is_deposed_seals_nothing() -> None:
    """A word of a newer term came in this very turn; to propose would be the end of the node."""
    bench = Bench(voters=(1,))
    bench.core.lead(term=2)
    bench.peering.follow_role()
    bench.core.may_propose = False
    assert not bench.seal(b"a")
    assert list(bench.engine.gathered) == [b"a"]


def test_link_to_a_removed_member_stays_until_that_is_committed_and_heard(bench: Bench) -> None:
    """A leader that removes itself leads on until the others have confirmed it."""
    bench.change(Membership.of(voters=[1, 2]))
    assert set(bench.links.members) == {2, 3}
    bench.clock.us += int(limits.DEPARTED_LINK_S * 1_000_000)
    bench.peering.let_go()
    assert set(bench.links.members) == {2, 3}
    bench.core.commit_index = 11
    bench.peering.let_go()
    assert set(bench.links.members) == {2}


def test_member_whose_removal_is_taken_back_stays(bench: Bench) -> None:
    """The entry that removed it was cut off."""
    bench.change(Membership.of(voters=[1, 2]))
    bench.take_back()
    bench.core.commit_index = 11
    bench.clock.us += int(limits.DEPARTED_LINK_S * 1_000_000)
    bench.peering.let_go()
    assert set(bench.links.members) == {2, 3}


def test_new_member_is_dialed_when_its_adding_is_committed(bench: Bench) -> None:
    """The first word binds its disk to the id, which the next leader may give to another disk."""
    bench.change(Membership.of(voters=[1, 2, 3], learners=[4]))
    bench.peering.meet()
    assert set(bench.links.members) == {2, 3}
    bench.core.commit_index = bench.core.config_index
    bench.peering.meet()
    assert set(bench.links.members) == {2, 3, 4}


def test_member_whose_adding_is_taken_back_is_never_dialed(bench: Bench) -> None:
    """Nor kept for a while, as one that was removed."""
    bench.change(Membership.of(voters=[1, 2, 3], learners=[4]))
    bench.take_back()
    bench.peering.meet()
    bench.peering.let_go()
    assert set(bench.links.members) == {2, 3}


def test_founder_speaks_when_its_first_entry_is_durable() -> None:
    """One that is stopped before founds anew, and nobody may belong to what it has forgotten."""
    core = StandInCore()
    core.before = Membership.of(())
    core.config_index, core.persisted_index, core.commit_index = 1, 0, 0
    bench = Bench(core=core)
    assert bench.links.members == {}
    core.persisted_index = 1
    bench.peering.meet()
    assert set(bench.links.members) == {2, 3}
