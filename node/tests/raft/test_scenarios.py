"""The scenarios beside this file are what the core does, to the letter.

`REWRITE=1 pytest tests/raft` writes today's answers into them: read the diff, and commit only what
you can explain.
"""

import os
from pathlib import Path

import pytest
from tests.raft.scenario_runner import replay

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_core_answers_as_the_transcript_says(path: Path) -> None:
    """Every answer of the core is the one that was reviewed."""
    written, answered = replay(path)
    if os.environ.get("REWRITE"):
        path.write_text(answered)
        return
    assert answered == written


def test_there_are_scenarios() -> None:
    """An empty folder would pass everything."""
    assert len(SCENARIOS) >= 5
