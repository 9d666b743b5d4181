"""Barriers end in exactly one way, and the engine's are asked for until they pass."""

from tests.unit.server.ensemble.stand_ins import GroupEngine, StandInCore

from raftkeeper.raft import ReadGrant
from raftkeeper.server import limits
from raftkeeper.server.ensemble.barriers import Barriers


def make() -> tuple[Barriers, GroupEngine, StandInCore]:
    engine, core = GroupEngine(), StandInCore()
    return Barriers(engine, core), engine, core  # type: ignore[arg-type]


def test_engines_barrier_passes_with_its_index() -> None:
    """The engine waits for the index itself."""
    barriers, engine, core = make()
    core.follow(2, 1)
    engine.barriers = [1]
    barriers.gather()
    assert core.asked == [1]
    barriers.on_grants((ReadGrant(1, 40),))
    assert engine.passed == [(1, 40)]


def test_engines_barrier_is_asked_for_again_when_there_is_a_leader() -> None:
    """Its clients wait, and nobody else would ask."""
    barriers, engine, core = make()
    engine.barriers = [1]
    barriers.gather()
    barriers.ask_again()
    assert core.asked == []
    core.follow(2, 1)
    barriers.ask_again()
    barriers.on_failed((1,))
    barriers.ask_again()
    barriers.ask_again()
    assert core.asked == [1, 1]


def test_later_grant_answers_an_earlier_failure() -> None:
    """No need to ask for the older one again."""
    barriers, engine, core = make()
    core.follow(2, 1)
    engine.barriers = [1, 2]
    barriers.gather()
    barriers.gather()
    barriers.on_failed((1,))
    barriers.on_grants((ReadGrant(2, 40),))
    barriers.ask_again()
    assert core.asked == [1, 2]


def test_own_barrier_passes_when_its_index_is_applied() -> None:
    """Not when it is granted."""
    barriers, engine, core = make()
    core.follow(2, 1)
    answers: list[bool] = []
    barriers.ask(answers.append)
    barriers.on_grants((ReadGrant(core.asked[0], 40),))
    engine.applied_index = 39
    barriers.pass_applied()
    assert answers == []
    engine.applied_index = 40
    barriers.pass_applied()
    barriers.pass_applied()
    assert answers == [True]


def test_own_barrier_fails_once_and_is_not_repeated() -> None:
    """The one who asked decides."""
    barriers, _, core = make()
    answers: list[bool] = []
    barriers.ask(answers.append)
    assert answers == [False]
    core.follow(2, 1)
    barriers.ask(answers.append)
    token = core.asked[0]
    barriers.on_failed((token,))
    barriers.on_grants((ReadGrant(token, 1),))
    barriers.pass_applied()
    assert answers == [False, False]


def test_own_barriers_are_bounded() -> None:
    """An admin client gone wild is refused, not remembered."""
    barriers, _, core = make()
    core.follow(2, 1)
    answers: list[bool] = []
    for _ in range(limits.OWN_BARRIERS_MAX + 1):
        barriers.ask(answers.append)
    assert answers == [False]
