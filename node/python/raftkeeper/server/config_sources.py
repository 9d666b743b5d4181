"""Where a configuration comes from: defaults, then the file, then the environment, then flags.

Every problem names its place (file and line, variable or flag), what is wrong and what would be
right; all problems are told at once. Nothing here starts anything or touches the data.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from raftkeeper.server.config import Config, section_models
from raftkeeper.server.config_problems import describe_value, message_of

ENVIRONMENT_PREFIX = "RAFTKEEPER__"

_HEADER = re.compile(r"^\s*\[\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.\" ]+?)\s*=")

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)$")


class ConfigError(Exception):
    """The configuration cannot be used. One line per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, and where it was said."""

    section: str
    key: str
    value: object
    place: str


def load_config(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]
) -> Config:
    """The configuration of these three sources, the later ones first in rank."""
    problems: list[str] = []
    settings: list[Setting] = []
    if file is not None:
        settings += _from_file(file, problems)
    settings += _from_environment(environment, problems)
    settings += _from_flags(flags, problems)
    values: dict[str, dict[str, object]] = {}
    places: dict[tuple[str, str], str] = {}
    for setting in settings:
        values.setdefault(setting.section, {})[setting.key] = setting.value
        places[(setting.section, setting.key)] = setting.place
    return _validated(values, places, problems)


def flag_name(section: str, key: str) -> str:
    """The flag of a setting: `--client-port`."""
    return f"--{section}-{key}".replace("_", "-")


def variable_name(section: str, key: str) -> str:
    """The environment variable of a setting: `RAFTKEEPER__CLIENT__PORT`."""
    return f"{ENVIRONMENT_PREFIX}{section.upper()}__{key.upper()}"


def settings_by_flag() -> dict[str, tuple[str, str]]:
    """Every flag, and the section and key it sets."""
    return {
        flag_name(section, key): (section, key)
        for section, model in section_models().items()
        for key in model.model_fields
    }


# ---- the sources --------------------------------------------------------------------------------


def _from_file(file: Path, problems: list[str]) -> list[Setting]:
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: is not UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        if re.search(r"^\s*(tickTime|clientPort|dataDir)\s*=", text, re.MULTILINE):
            said = "this is a configuration of ZooKeeper; see docs/migrating-from-zookeeper.md"
            raise ConfigError([f"{file}: {said}"]) from error
        line = _AT_LINE.search(str(error))
        place = f"{file}:{line.group(1)}" if line else str(file)
        raise ConfigError([f"{place}: this is not TOML: {error}"]) from error
    lines = _line_numbers(text)
    models = section_models()
    settings: list[Setting] = []
    for section, content in document.items():
        place = f"{file}:{lines.get((section, ''), lines.get(('', section), 1))}"
        if section not in models:
            problems.append(_unknown(place, "section", section, list(models), _all_keys()))
        elif not isinstance(content, dict):
            problems.append(f"{place}: {section} is a section: write [{section}] and its keys")
        else:
            for key, value in content.items():
                at = f"{file}:{lines.get((section, key), place.rpartition(':')[2])}"
                if key in models[section].model_fields:
                    settings.append(Setting(section, key, value, at))
                else:
                    known = list(models[section].model_fields)
                    problems.append(_unknown(at, "key", f"{section}.{key}", known, _all_keys()))
    return settings


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> list[Setting]:
    known = {variable_name(*place): place for place in settings_by_flag().values()}
    settings: list[Setting] = []
    for name, value in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if name in known:
            settings.append(Setting(*known[name], value, f"environment variable {name}"))
        else:
            near = _nearest(name, list(known))
            problems.append(f"environment variable {name} is unknown{near}")
    return settings


def _from_flags(flags: Mapping[str, str], problems: list[str]) -> list[Setting]:
    known = settings_by_flag()
    settings: list[Setting] = []
    for name, value in flags.items():
        if name in known:
            settings.append(Setting(*known[name], value, f"flag {name}"))
        else:
            problems.append(f"flag {name} is unknown{_nearest(name, list(known))}")
    return settings


def _line_numbers(text: str) -> dict[tuple[str, str], int]:
    """Where each section and key stands; the TOML parser of the library does not say.

    ('', key) is a key above all sections and (section, '') the section's header.
    """
    lines: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = header.group(1).strip('" ')
            lines.setdefault((section, ""), number)
        elif key := _KEY.match(line):
            name = key.group(1).strip('" ')
            lines.setdefault((section, name), number)
            if not section and "." in name:
                first, _, rest = name.partition(".")
                lines.setdefault((first.strip(), rest.strip()), number)
                lines.setdefault((first.strip(), ""), number)
    return lines


# ---- what is wrong ------------------------------------------------------------------------------


def _validated(
    values: dict[str, dict[str, object]],
    places: dict[tuple[str, str], str],
    problems: list[str],
) -> Config:
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        problems.extend(_describe(item, places) for item in error.errors())
        raise ConfigError(problems) from error
    if problems:
        raise ConfigError(problems)
    return config


def _describe(item: Mapping[str, Any], places: dict[tuple[str, str], str]) -> str:
    location = [str(part) for part in item["loc"]]
    section, key, *_ = [*location, "", ""]
    if not section:
        return message_of(item)
    if not key:
        involved = [place for (name, _), place in places.items() if name == section]
        return f"{involved[-1] if involved else section}: [{section}] {message_of(item)}"
    place = places.get((section, key), section)
    return f"{place}: {describe_value(section_models()[section], section, key, item)}"


def _all_keys() -> list[str]:
    return [f"{section}.{key}" for section, key in settings_by_flag().values()]


def _unknown(place: str, what: str, name: str, near: list[str], everywhere: list[str]) -> str:
    """Looks in the same section first, then for the same key in another one."""
    section, _, key = name.rpartition(".")
    match = difflib.get_close_matches(key, near, n=1, cutoff=0.6)
    if match:
        best = f"{section}.{match[0]}" if section else match[0]
    else:
        same = [known for known in everywhere if known.rpartition(".")[2] == key]
        close = same or difflib.get_close_matches(name, everywhere, n=1, cutoff=0.5)
        best = close[0] if close else ""
    hint = f"; did you mean {best}?" if best else f"; there are: {', '.join(near)}"
    return f"{place}: unknown {what} {name}{hint}"


def _nearest(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""
