"""`raftkeeper server`: reads and checks the configuration, then becomes the process that serves.

It parses its few flags by hand, from the schema: the library that makes the other commands pleasant
takes longer to load than all of this. It must not run a node itself: see `handover` and `serve`.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import wrap

from raftkeeper.server.config import section_models
from raftkeeper.server.config_problems import allowed_range
from raftkeeper.server.config_sources import (
    ConfigError,
    flag_name,
    load_config,
    settings_by_flag,
    variable_name,
)
from raftkeeper.server.errors import EXIT_OK, EXIT_USAGE
from raftkeeper.server.handover import exec_with

HELP_WIDTH = 100
"""The help is as wide everywhere, so that it can be searched and compared; wider lines read badly."""
HELP_INDENT = " " * 6

USAGE = """\
Usage: raftkeeper server [--config FILE] [--<section>-<key> VALUE ...]

Runs a node. Flags outrank the environment (RAFTKEEPER__SECTION__KEY), which outranks the file.
"""


def run_server(arguments: Sequence[str]) -> int:
    """Runs a node with these arguments; returns, with an exit code, only when it cannot."""
    if "--help" in arguments or "-h" in arguments:
        with suppress(BrokenPipeError):  # `| head` has seen enough
            print(build_help(), flush=True)
        return EXIT_OK
    try:
        file, flags = parse_flags(arguments)
        config = load_config(file, os.environ, flags)
    except ConfigError as error:
        for problem in error.problems:
            print(f"raftkeeper: {problem}", file=sys.stderr)
        return EXIT_USAGE
    return exec_with(config, "raftkeeper.tools.serve", arguments)


def parse_flags(arguments: Sequence[str]) -> tuple[Path | None, dict[str, str]]:
    """`--flag value` and `--flag=value`; the file of `--config`, and the others by name."""
    file: Path | None = None
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            raise ConfigError(
                [f"{name!r} is not a flag{_meant(name)}; see raftkeeper server --help"]
            )
        if not equals:
            if not rest:
                raise ConfigError([f"flag {name} needs a value"])
            value = rest.pop(0)
        if name == "--config":
            file = Path(value)
        else:
            flags[name] = value
    return file, flags


def _meant(name: str) -> str:
    return f"; did you mean --{name}?" if f"--{name}" in settings_by_flag() else ""


def build_help() -> str:
    """The usage, and every setting of the schema, in groups by section."""
    lines = [
        USAGE,
        "General:",
        "  --config FILE\n      A TOML file; see docs/reference/configuration.md.",
        "  --help\n      Show this and exit.",
    ]
    for section, model in section_models().items():
        about_section = (model.__doc__ or "").partition("\n")[0]
        lines.append(f"\n{section}: {about_section}")
        for key, field in model.model_fields.items():
            allowed = allowed_range(model, key)
            about = f" Allowed: {allowed}." if allowed else ""
            said = f"{field.description} Default: {format_default(field.default)}.{about}"
            lines.append(f"  {flag_name(section, key)} VALUE   ({variable_name(section, key)})")
            lines += wrap(
                said,
                HELP_WIDTH,
                initial_indent=HELP_INDENT,
                subsequent_indent=HELP_INDENT,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def format_default(value: object) -> str:
    """A default as it would be written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return str(value) if value != "" else "empty"
