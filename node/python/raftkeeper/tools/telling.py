"""How a command that changes data says what it did: one line of JSON, or a sentence and the exit code.

For people, Jobs and crontabs alike. It must not do the work itself.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from raftkeeper.server.config_sources import ConfigError
from raftkeeper.server.errors import EXIT_FAILED, EXIT_USAGE

ResultOption = Annotated[
    Path | None, typer.Option("--result", help="Write the line of JSON, or the error, here too.")
]


def tell(
    work: Callable[[], dict[str, Any] | None],
    result: Path | None,
    *failures: type[Exception],
) -> None:
    """One line of what was done; or a sentence of what was not, and the exit code."""
    try:
        answer = work()
    except (ConfigError, *failures) as error:  # type: ignore[misc]  # mypy reads no stars here
        hint = getattr(error, "hint", "")
        text = f"{error}; {hint}" if hint else str(error)
        print(f"raftkeeper: {text}", file=sys.stderr)
        _write_result(result, {"error": text})
        code = EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED
        raise typer.Exit(code) from error
    if answer is not None:
        print(json.dumps(answer))
        _write_result(result, answer)


def _write_result(file: Path | None, answer: dict[str, Any]) -> None:
    if file is not None:
        try:
            file.write_text(json.dumps(answer) + "\n", encoding="utf-8")
        except OSError as error:
            print(f"raftkeeper: {file} cannot be written: {error.strerror}", file=sys.stderr)
