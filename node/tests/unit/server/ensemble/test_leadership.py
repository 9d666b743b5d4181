"""Leadership moves when the leader stops, should not lead, or another is preferred; never in a hurry."""

from tests.raft.cluster_runner import ClusterScenario
from tests.unit.raft.ensemble import core_of, ensemble
from tests.unit.server.ensemble.stand_ins import StandInCore
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import NOBODY, RaftCore, mark_unfit
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


def make_leader() -> tuple[Leadership, RaftCore, ClusterScenario]:
    """Member 1 of three, and the others have caught up."""
    scenario = ensemble()
    scenario.do("tick 1 2")
    scenario.do("settle")
    core = core_of(scenario, 1)
    return Leadership(core, FakeClock()), core, scenario


def test_unfit_leader_hands_over_to_one_that_is_fit() -> None:
    """A full disk, or a state that is wrong: at once, to whoever can take over."""
    leadership, core, _ = make_leader()
    leadership.tick(unfit="")
    assert core.transferring == NOBODY
    mark_unfit(core, 2, "no space")
    leadership.tick(unfit="no space")
    assert core.transferring == 3


def test_drained_member_does_not_lead() -> None:
    """Nor does it take leadership back; until it is told otherwise."""
    leadership, core, _ = make_leader()
    leadership.drained = True
    leadership.tick(unfit="")
    assert leadership.unfit == "it is being drained"
    assert core.transferring == 2


def test_unfit_leader_stays_where_nobody_can_take_over() -> None:
    """Of two that are unfit each would hand over to the other for ever; and one that has not caught
    up would be waited for without writes, again and again.
    """
    leadership, core, scenario = make_leader()
    mark_unfit(core, 2, "no space")
    scenario.do("cut 3")
    scenario.do("propose 1 a")
    scenario.do("settle")
    scenario.do("tick 1 8")
    scenario.do("settle")
    scenario.do("heal")
    scenario.do("tick 1 8")
    scenario.do("deliver kind=Heartbeat")
    scenario.do("deliver kind=HeartbeatReply")
    assert [view.caught_up for view in core.followers()] == [True, False]
    leadership.tick(unfit="no space")
    assert core.transferring == NOBODY
    leadership.leaving = True
    leadership.tick(unfit="no space")
    assert core.transferring == 2


def test_follower_and_running_transfer_are_left_alone() -> None:
    """One transfer at a time, by the leader."""
    leadership, core, _ = make()
    core.follow(2, 1)
    leadership.tick(unfit="no space")
    core.lead(2)
    core.transferring = 3
    leadership.tick(unfit="no space")
    assert core.transfers == []
