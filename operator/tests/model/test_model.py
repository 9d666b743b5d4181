"""The decisions under bad luck: whatever happens, the operator breaks no promise, and it arrives.

The promises are checked by the model world itself (world.py, ensemble.py). A failing example is shrunk by
Hypothesis to the few moves that matter, and the failure shows what the operator did.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.run import SPECS, Move, Run, play
from tests.model.world import World, first_desired

from raftkeeper_operator.decide.decide import decide

pytestmark = pytest.mark.timeout(300)
"""Seconds of work at most, but beside other work on a small machine it may take minutes."""

KINDS = (
    *("step",) * 6,
    *("tick",) * 6,
    "die",
    "stale",
    "late",
    "crash",
    "delete pod",
    "lose volume",
    "zone",
    "full",
    "spec",
    "lose change",
    "apply again",
    "drain",
    "drain",
    "lose node",
    "node back",
    "refuse",
)
MOVES = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 59)), max_size=120)
SIZES = st.sampled_from([1, 3, 5])
ZONES = st.sampled_from([(), ("a", "b", "c")])


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    size=SIZES,
    zones=ZONES,
    budget=st.booleans(),
    log=st.booleans(),
    releases=st.booleans(),
    moves=MOVES,
)
def test_whatever_happens_it_arrives(
    size: int,
    zones: tuple[str, ...],
    moves: list[Move],
    *,
    budget: bool,
    log: bool,
    releases: bool,
) -> None:
    """Any moves, then calm: no promise is broken, and the cluster is as the spec has it in the end."""
    desired = first_desired(size, zones, budget=budget, log=log)
    play(decide, World(desired, has_releases=releases), moves)


@settings(max_examples=30, deadline=None)
@given(
    size=SIZES,
    zones=ZONES,
    specs=st.lists(st.integers(0, len(SPECS) - 1), min_size=1, max_size=3),
    dies=st.sampled_from([1, 2, 3]),
)
def test_an_operator_that_dies_all_the_time_arrives(
    size: int, zones: tuple[str, ...], specs: list[int], dies: int
) -> None:
    """The operator dies after every (second, third) effect, before it can write anything down."""
    run = Run(World(first_desired(size, zones)), decide)
    for spec in specs:
        run.move("spec", spec)
        for turn in range(150):
            run.step(dies=turn % dies == 0)
            if not run.acted:
                run.world.tick()
    run.calm_down()


@settings(max_examples=30, deadline=None)
@given(size=SIZES, zones=ZONES, log=st.booleans(), moves=MOVES, again=MOVES)
def test_a_cluster_of_retained_volumes_comes_back(
    size: int, zones: tuple[str, ...], log: bool, moves: list[Move], again: list[Move]
) -> None:
    """Deleted and applied again, with its volumes retained: the same ensemble, never a second one."""
    run = play(decide, World(first_desired(size, zones, log=log)), moves)
    was = run.world.ensemble.cluster_id
    run.delete_and_apply_again()
    for kind, number in again:
        run.move(kind, number)
    run.calm_down()
    assert run.world.ensemble.cluster_id == was
