"""Handing leadership over: to whom, and what stops meanwhile."""

import pytest
from tests.raft.cluster_runner import ClusterScenario
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    NOBODY,
    NotLeader,
    RaftConfig,
    Role,
    TimeoutNow,
    TransferRefused,
    Transferring,
    Update,
)


def let_catch_up(scenario: ClusterScenario) -> None:
    """The followers of member 1 answer quickly, as often as it takes to be sure of them."""
    scenario.do("tick 1 2")
    scenario.do("settle")


def test_only_the_leader_hands_over_and_only_to_a_voter() -> None:
    """A learner told to stand does not; nor does anybody told by another than its leader."""
    scenario = ensemble("nodes 3 learners=4")
    core_of(scenario, 4).step(TimeoutNow(1, 4, 2))
    core_of(scenario, 2).step(TimeoutNow(3, 2, 2))
    assert core_of(scenario, 4).term == core_of(scenario, 2).term == 2
    with pytest.raises(TransferRefused, match="4 is not another voter"):
        core_of(scenario, 1).transfer(4)
    with pytest.raises(NotLeader):
        core_of(scenario, 2).transfer()


def test_while_leadership_goes_over_nothing_is_proposed() -> None:
    """The refusal says to whom, and that asking again will do."""
    core = core_of(ensemble(), 1)
    assert (core.may_propose, core.transferring) == (True, NOBODY)
    core.transfer(3)
    core.transfer(3)
    assert (core.may_propose, core.transferring) == (False, 3)
    with pytest.raises(Transferring, match="goes from member 1 to 3; try again"):
        core.propose(b"")


def test_a_transfer_to_the_best_goes_to_the_preferred_one() -> None:
    """By zone first, then by priority; nobody in contact means nobody."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    let_catch_up(scenario)
    assert core.preferred_leader == NOBODY
    core.change(Update(3, "", "", 2), core.config_index)
    scenario.do("settle")
    assert core.preferred_leader == 3
    core.change(Update(2, "", "near", 0), core.config_index)
    scenario.do("settle")
    zoned = RaftConfig(1, preferred_zones=("near",), nonce=0)
    core.config, kept = zoned, core.config
    assert core.preferred_leader == 2
    core.config = kept
    core.transfer()
    assert core.transferring == 3
    scenario.do("settle")
    assert core_of(scenario, 3).role is Role.LEADER
    assert (core.preferred_leader, core.followers(), core.tail_index) == (NOBODY, (), 6)


def test_leader_that_is_new_hands_over_to_the_longest_log() -> None:
    """It knows of nobody that has caught up; then who lacks least is better than who is preferred."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    scenario.do("change 1 priority 3 2")
    scenario.do("deliver to=2")
    scenario.do("persist 2")
    scenario.do("deliver from=2")
    assert [view.caught_up for view in core.followers()] == [False, False]
    assert core.preferred_leader == NOBODY
    core.transfer()
    assert core.transferring == 2


def test_without_contact_there_is_nobody_to_hand_over_to() -> None:
    """A sole voter, or one whose followers are silent."""
    core = core_of(ensemble("nodes 1"), 1)
    with pytest.raises(TransferRefused, match="no other voter"):
        core.transfer()
    assert core.preferred_leader == NOBODY


def test_an_outsider_prefers_nobody() -> None:
    """A leader on its way out has no preference of its own to compare."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    scenario.do("change 1 remove 1")
    scenario.do("deliver")
    for member in (2, 3):
        scenario.do(f"persist {member}")
    scenario.do("deliver")
    assert core.role is Role.LEADER
    assert 1 not in core.membership.everyone
    assert core.preferred_leader == NOBODY
