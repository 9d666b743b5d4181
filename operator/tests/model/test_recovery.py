"""A majority of the disks is lost, somebody asks for a recovery, disks are found again: whatever the order.

What the model world checks beside its other promises: no recovery is ordered while a majority is there or
anybody leads, or for one that knows less than another; an ensemble that was given up never leads again; and
the cluster arrives.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.run import RECOVERY_KINDS, Move, Run, play
from tests.model.world import World, first_desired

from raftkeeper_operator.decide.decide import decide

pytestmark = pytest.mark.timeout(300)

MOVES = st.lists(st.tuples(st.sampled_from(RECOVERY_KINDS), st.integers(0, 59)), max_size=120)
SIZES = st.sampled_from([3, 5])
ZONES = st.sampled_from([(), ("a", "b", "c")])


def started(size: int, zones: tuple[str, ...]) -> Run:
    """A cluster in which all is well."""
    run = Run(World(first_desired(size, zones)), decide)
    run.calm_down()
    return run


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(size=SIZES, zones=ZONES, moves=MOVES)
def test_whatever_is_lost_and_found_it_arrives(
    size: int, zones: tuple[str, ...], moves: list[Move]
) -> None:
    """With an operator that dies, comes late and sees old pictures meanwhile."""
    play(decide, World(first_desired(size, zones)), moves)


@settings(max_examples=30, deadline=None)
@given(size=SIZES, zones=ZONES, dies=st.sampled_from([1, 2, 3]), at=st.integers(0, 59))
def test_an_operator_that_dies_after_every_effect_finishes_a_recovery(
    size: int, zones: tuple[str, ...], dies: int, at: int
) -> None:
    """It goes on from what is there; the ensemble is another one, of another id."""
    run = started(size, zones)
    was = run.world.ensemble
    run.move("lose many", at)
    run.force()
    for turn in range(120):
        run.step(dies=turn % dies == 0)
        if not run.acted:
            run.world.tick()
    run.calm_down()
    now = run.world.ensemble
    assert (now.recovery_epoch, run.world.given_up) == (1, [was])
    assert now.cluster_id != was.cluster_id
    assert not {member.id for member in now.members} & set(was.ids_committed)


@settings(max_examples=30, deadline=None)
@given(size=SIZES, zones=ZONES, at=st.integers(0, 59), later=st.integers(0, 80))
def test_disks_that_are_found_during_a_recovery_never_lead(
    size: int, zones: tuple[str, ...], at: int, later: int
) -> None:
    """All that were lost come back, at once, at any moment after it was asked for."""
    run = started(size, zones)
    run.move("lose many", at)
    run.world.tick()
    run.force()
    for turn in range(120):
        run.step()
        if turn == later:
            for name in sorted(run.world.lost_disks):
                run.move("bring back", 0)
                assert name
        if not run.acted:
            run.world.tick()
    run.calm_down()
    assert not any(old.leader_id for old in run.world.given_up)


def test_nothing_is_recovered_that_nobody_asked_for() -> None:
    """A majority that is lost stays lost, and is explained, until a person decides."""
    run = started(3, ())
    run.move("lose many", 0)
    for _ in range(100):
        plan = run.step()
        if not run.acted:
            run.world.tick()
    assert plan.reason == "QuorumLost"
    assert not run.world.given_up
