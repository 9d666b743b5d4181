"""Porcupine as the second judge: it agrees with the first one on what is right and what is not.

Needs Go, and its module porcupine; part of `make compat`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.faults.ensemble.history import BAD_VERSION, Kind
from tests.faults.ensemble.judge import judge
from tests.faults.ensemble.second_judge import ask, build
from tests.faults.history_story import Story

pytestmark = [pytest.mark.compat, pytest.mark.timeout(400)]


@pytest.fixture(name="program", scope="module")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("second-judge"))


def tell(rng: random.Random, *, lose_one: bool) -> Story:
    """Sets, conditional ones, unanswered ones and synced reads; one acknowledged set may be lost."""
    story = Story()
    story.make()
    turns = 120
    lost_at = rng.randrange(10, turns - 20) if lose_one else -1
    for turn in range(turns):
        before = (story.register, story.zxid)
        session = rng.randrange(1, 9)
        draw = rng.random()
        if turn == lost_at:
            story.set(session=session)
            story.register, story.zxid = before
        elif draw < 0.4:
            story.set(session=session)
        elif draw < 0.5:
            story.set(session=session, expected=story.register[3])
        elif draw < 0.6:
            story.zxid += 1
            story.add(
                kind=Kind.SET,
                value=story.new_value(),
                expected=story.register[3] + 7,
                error=BAD_VERSION,
                zxid=story.zxid,
                session=session,
            )
        elif draw < 0.7:
            story.lose(done=draw < 0.65, session=100 + turn)
        else:
            story.get(session=session, synced_us=story.now_us + 2)
    return story


@pytest.mark.parametrize("seed", range(5))
def test_both_judges_pass_what_is_right(program: Path, tmp_path: Path, seed: int) -> None:
    """Unanswered sets included."""
    history = tell(random.Random(seed), lose_one=False).history()
    history.save(tmp_path / "history")
    assert judge(history).complaints == []
    assert ask(program, tmp_path / "history")[0]


@pytest.mark.parametrize("seed", range(5))
def test_both_judges_catch_a_lost_write(program: Path, tmp_path: Path, seed: int) -> None:
    """One acknowledged set is not there for those who come after it."""
    history = tell(random.Random(seed), lose_one=True).history()
    history.save(tmp_path / "history")
    assert judge(history).complaints != []
    assert not ask(program, tmp_path / "history")[0]
