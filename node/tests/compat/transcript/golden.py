"""The transcripts recorded from ZooKeeper 3.9.4, committed, so that no JVM is needed to compare.

Beside each story's text stands what it covered: `coverage.json` is written with the transcripts and
lists the requests, opcodes and errors of each story as they were counted on ZooKeeper.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .recording import Recording, Step, parse_steps

FOLDER = Path(__file__).with_name("golden")
COVERAGE = FOLDER / "coverage.json"


def read_golden(story: str) -> list[Step]:
    return parse_steps((FOLDER / f"{story}.txt").read_text())


def write_golden(recording: Recording) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{recording.story}.txt").write_text(recording.text())
    coverage = read_coverage() if COVERAGE.exists() else {}
    coverage[recording.story] = {
        "requests": recording.requests,
        "opcodes": sorted(recording.opcodes),
        "errors": sorted(recording.errors, reverse=True),
    }
    COVERAGE.write_text(json.dumps(coverage, indent=1, sort_keys=True) + "\n")


def read_coverage() -> dict[str, dict[str, Any]]:
    """By story: how many requests, which opcodes, which error codes."""
    coverage: dict[str, dict[str, Any]] = json.loads(COVERAGE.read_text())
    return coverage
