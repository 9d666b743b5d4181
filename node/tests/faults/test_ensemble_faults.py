"""The fault run as a whole is not blind: real nodes that lose acknowledged writes are found out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.ensemble.lab import EXIT_UNABLE

NODE = Path(__file__).resolve().parents[2]
DEADLINE_S = 200.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_majority_that_forgets_is_found_by_the_judge(tmp_path: Path) -> None:
    """All is well afterwards, so only the history can tell."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.faults.ensemble", "--sabotage"),
            *("--minutes", "0.01", "--rate", "600", "--directory", str(tmp_path)),
        ],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode == EXIT_UNABLE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "majority forgets" in done.stdout, done.stdout
    assert "although" in done.stdout or "was asked for after" in done.stdout, done.stdout
