"""Leadership moves when the leader stops, should not lead, or another is preferred; never in a hurry."""

from tests.unit.server.ensemble.stand_ins import StandInCore
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import NOBODY
from raftkeeper.server import limits
from raftkeeper.server.ensemble.leadership import Leadership

PAUSE_US = int(limits.TRANSFER_PAUSE_S * 1_000_000)


def make() -> tuple[Leadership, StandInCore, FakeClock]:
    core, clock = StandInCore(), FakeClock()
    return Leadership(core, clock), core, clock  # type: ignore[arg-type]


def test_preferred_member_gets_leadership_after_a_pause() -> None:
    """And again only after another one, should it fail."""
    leadership, core, clock = make()
    core.lead(1)
    core.preferred_leader = 2
    leadership.tick(unfit="")
    assert core.transfers == []
    clock.us += PAUSE_US
    leadership.tick(unfit="")
    leadership.tick(unfit="")
    assert core.transfers == [2]
    clock.us += PAUSE_US
    leadership.tick(unfit="")
    assert core.transfers == [2, 2]


def test_leader_that_stops_hands_over_at_once() -> None:
    """To whoever is best."""
    leadership, core, _ = make()
    core.lead(1)
    leadership.leaving = True
    leadership.tick(unfit="")
    assert core.transfers == [NOBODY]


def test_unfit_leader_hands_over() -> None:
    """A full disk, or a state that is wrong."""
    leadership, core, _ = make()
    core.lead(1)
    leadership.tick(unfit="no space")
    assert core.transfers == [NOBODY]


def test_follower_and_running_transfer_are_left_alone() -> None:
    """One transfer at a time, by the leader."""
    leadership, core, _ = make()
    core.follow(2, 1)
    leadership.tick(unfit="no space")
    core.lead(2)
    core.transferring = 3
    leadership.tick(unfit="no space")
    assert core.transfers == []
