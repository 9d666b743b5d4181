"""Where the tests keep what outlives a run: built programs, base images, and the local cluster's state.

All of it is outside the checkout, under one folder, and everything built is named by what it was built
from, so that a change of a version never meets an old file.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder, made when it is not there. RAFTKEEPER_E2E_HOME puts it somewhere else."""
    named = os.environ.get("RAFTKEEPER_E2E_HOME")
    folder = Path(named) if named else Path.home() / ".cache" / "raftkeeper" / "e2e"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def built_once(folder: str, name: str, inputs: bytes, build: Callable[[Path], None]) -> Path:
    """The file `name` made from `inputs`: built now, or found from an earlier run.

    `build` gets a path beside the final one, so that a build that was cut short leaves nothing that
    could be taken for a whole one.
    """
    key = hashlib.sha256(inputs).hexdigest()[:12]
    path = home() / folder / f"{name}-{key}"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    build(unfinished)
    unfinished.rename(path)
    return path


def say(message: str) -> None:
    """One line of progress for the person who waits."""
    print(f"e2e: {message}", flush=True)
