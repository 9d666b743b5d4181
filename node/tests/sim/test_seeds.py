"""Seeds of the simulator: the same first ones of each level every time, and every one that ever failed.

SIM_SEEDS is how many in all. They are the same for every commit; `make sim` goes further, and
`make sim ARGS='--first N'` elsewhere.
"""

import os
import tomllib
from pathlib import Path

import pytest

from raftkeeper.testing.sim_run import LEVELS, run_seed

HERE = Path(__file__).parent
REGRESSIONS = tomllib.loads((HERE / "regressions.toml").read_text(encoding="utf-8"))["seed"]
COUNT = int(os.environ.get("SIM_SEEDS", "300"))
SEEDS = {level: COUNT // len(LEVELS) for level in LEVELS}
"""From seed 1 on, as many at each level; `make sim` runs ten thousand."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("level", LEVELS)
def test_no_seed_breaks_a_promise(level: str) -> None:
    """Neither a crash, nor a broken promise, nor an ensemble that stands still."""
    failures = []
    for seed in range(1, SEEDS[level] + 1):
        outcome = run_seed(seed, level=level)
        if outcome.failure is not None:
            failures.append(outcome.summary)
    assert failures == []


@pytest.mark.parametrize(
    "regression", REGRESSIONS, ids=lambda one: f"{one['level']}-{one['number']}"
)
def test_a_seed_that_failed_once_never_does_again(regression: dict[str, object]) -> None:
    """Each has its story in regressions.toml."""
    outcome = run_seed(int(str(regression["number"])), level=str(regression["level"]))
    assert outcome.failure is None, outcome.summary + "\n" + "\n".join(outcome.lines)


def test_every_regression_has_its_story() -> None:
    """Who reads it a year later must know what it was about."""
    assert all(len(one["story"]) > 40 and one["owner"] for one in REGRESSIONS)
