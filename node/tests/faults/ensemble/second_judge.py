"""Has porcupine judge the registers of a saved history as well, where Go is at hand.

It searches for an order that explains the answers, and does not look at zxids: a second opinion on
what the first judge takes for granted. The program is beside this package, in `second_judge/`.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "second_judge"
BUILD_DEADLINE_S = 300.0
JUDGE_DEADLINE_S = 400.0
"""The program gives up by itself after five minutes."""
LINEARIZABLE, NOT_LINEARIZABLE = 0, 1


class NoSecondJudgeError(Exception):
    """It cannot be built here, or came to no decision."""


def build(folder: Path) -> Path:
    """The program, compiled into the folder. The module is fetched by Go's own means."""
    go = shutil.which("go")
    if go is None:
        raise NoSecondJudgeError("go is missing; `apt-get install golang` or go.dev brings it")
    program = folder / "second-judge"
    done = subprocess.run(
        [go, "build", "-o", str(program), "."],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise NoSecondJudgeError(f"go build: {done.stderr.strip()}")
    return program


def ask(program: Path, history: Path) -> tuple[bool, str]:
    """Whether the registers are linearizable, and what it says."""
    done = subprocess.run(
        [str(program), str(history)],
        capture_output=True,
        text=True,
        timeout=JUDGE_DEADLINE_S,
        check=False,
    )
    if done.returncode not in {LINEARIZABLE, NOT_LINEARIZABLE}:
        raise NoSecondJudgeError(f"no decision: {done.stdout}{done.stderr}".strip())
    return done.returncode == LINEARIZABLE, done.stdout.strip()
