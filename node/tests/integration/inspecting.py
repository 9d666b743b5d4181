"""`raftkeeper inspect` as a person runs it, beside whatever else goes on."""

import subprocess
import sys
from pathlib import Path

INSPECT_DEADLINE_S = 30


def inspect_folder(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Its exit code, and what it said."""
    return subprocess.run(
        [sys.executable, "-m", "raftkeeper", "inspect", str(folder), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSPECT_DEADLINE_S,
    )
