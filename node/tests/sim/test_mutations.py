"""Deliberate bugs are caught, each by the seed and the checker that are written down for it."""

import tomllib
from pathlib import Path

import pytest

from raftkeeper.testing.checkers import CHECKERS
from raftkeeper.testing.sim_mutations import MUTATIONS
from raftkeeper.testing.sim_run import run_seed

CAUGHT = tomllib.loads((Path(__file__).parent / "mutations.toml").read_text(encoding="utf-8"))


def test_every_deliberate_bug_has_its_seed() -> None:
    """And there are enough of them."""
    assert sorted(CAUGHT) == sorted(MUTATIONS)
    assert len(MUTATIONS) >= 10


def test_every_checker_catches_a_deliberate_bug() -> None:
    """One that nothing makes speak may have gone deaf."""
    caught = {entry["checker"] for entry in CAUGHT.values()}
    assert [checker.__name__ for checker in CHECKERS if checker.__name__ not in caught] == []


@pytest.mark.parametrize("name", sorted(CAUGHT))
def test_a_deliberate_bug_is_caught(name: str) -> None:
    """By the checker that it is for; without the bug the same seed passes."""
    caught = CAUGHT[name]
    level = MUTATIONS[name].level
    outcome = run_seed(caught["seed"], level=level, mutation=name)
    assert outcome.failure is not None, f"{name} went unnoticed with seed {caught['seed']}"
    assert outcome.failure.checker == caught["checker"], outcome.summary
    assert run_seed(caught["seed"], level=level).failure is None


def test_a_bug_is_gone_after_its_simulation() -> None:
    """The patches leave nothing behind."""
    before = run_seed(1, keep="all").digest
    run_seed(1, mutation="read_without_a_quorum")
    assert run_seed(1, keep="all").digest == before
