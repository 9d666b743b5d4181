"""Runs programs: each with a deadline, and with its own words in the error when it fails.

It starts nothing that stays; daemons are the matter of `local/processes.py`.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# How much of what a failed program said is repeated: the end is where the reason stands.
SAID_CHARACTERS_MAX = 4000


class CommandFailed(Exception):
    """A program ended with an error, or not in time."""


class MissingTool(Exception):
    """A program that is needed is not on this machine; the message says what brings it."""


def run(
    *command: object,
    timeout_s: float = 60,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    given: str | None = None,
) -> str:
    """What the program printed; CommandFailed with what it said when it did not end well."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={**os.environ, **(environment or {})},
            cwd=cwd,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
        )
    except FileNotFoundError as error:
        raise MissingTool(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{_shown(words)} did not end within {timeout_s:g} s") from error
    if done.returncode != 0:
        said = (done.stderr + done.stdout)[-SAID_CHARACTERS_MAX:].strip()
        raise CommandFailed(f"{_shown(words)} ended with {done.returncode}: {said}")
    return done.stdout


def succeeds(*command: object, timeout_s: float = 60) -> bool:
    """Whether the program ends with 0; for questions, not for deeds."""
    try:
        run(*command, timeout_s=timeout_s)
    except CommandFailed:
        return False
    return True


def need(programs: Sequence[str], packages: Sequence[str]) -> None:
    """MissingTool with the command that brings them when one of the programs is not there."""
    missing = [name for name in programs if shutil.which(name, path=search_path()) is None]
    if missing:
        raise MissingTool(
            f"{', '.join(missing)} missing; this brings them: "
            f"apt-get install -y --no-install-recommends {' '.join(packages)}"
        )


def search_path() -> str:
    """PATH with the folders of the system's programs, which a plain user's PATH may lack."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _shown(words: Sequence[str]) -> str:
    shown = " ".join(words)
    return shown if len(shown) <= 300 else shown[:297] + "..."
