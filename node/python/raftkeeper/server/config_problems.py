"""What is wrong with one value of the configuration, in words for whoever wrote it.

The schema's library says it for programmers ("Input should be a valid integer, unable to parse …").
It must not read any source: see `config_sources`, which adds the place.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from raftkeeper.server.config_section import Section

SHOWN_CHARACTERS_MAX = 80
"""Of a wrong value: as much as tells which one it is, on a line that still fits on a screen."""

_UNITS = {
    "_ms": "milliseconds",
    "_bytes": "bytes",
    "_bytes_max": "bytes",
    "_bytes_per_s": "bytes per second",
}
"""By the end of a key. People write 4s and 32MiB, so the unit is named."""

_NO_NUMBER = {
    "int_type",
    "int_parsing",
    "int_parsing_size",
    "int_from_float",
    "finite_number",
    "whole_number",  # ours, see config_section
}
_NO_LIST = {"tuple_type", "list_type"}


def describe_value(model: type[Section], section: str, key: str, item: Mapping[str, Any]) -> str:
    """The key, what it was given, and what it may be. `item` is an error of pydantic about it."""
    wrong, allowed = _in_words(model, key, item), allowed_range(model, key)
    hint = f" (allowed: {allowed})" if allowed and allowed not in wrong else ""
    shown = f" = {_as_written(item['input'])}"
    if _is_secret(model, key):
        shown = ""
    elif len(item["loc"]) > 2:  # an item of a list
        shown += f" at place {int(item['loc'][2]) + 1}"
    return f"{section}.{key}{shown}: {wrong}{hint}"


def message_of(item: Mapping[str, Any]) -> str:
    """What a check of ours said."""
    return str(item["msg"]).removeprefix("Value error, ")


def allowed_range(model: type[Section], key: str) -> str:
    """What a key may be, in words: `1 to 65535`."""
    described = model.model_json_schema()["properties"][key]
    if "minimum" in described and "maximum" in described:
        return f"{described['minimum']} to {described['maximum']}"
    if "enum" in described:
        return ", ".join(described["enum"])
    if described.get("type") == "boolean":
        return "true or false"
    return ""


def _in_words(model: type[Section], key: str, item: Mapping[str, Any]) -> str:
    kind, bounds = str(item["type"]), item.get("ctx", {})
    if kind in _NO_NUMBER:
        unit = max((end for end in _UNITS if key.endswith(end)), key=len, default="")
        return "must be a whole number" + (f" of {_UNITS[unit]}, without a unit" if unit else "")
    if kind in _NO_LIST:
        return 'must be a list such as ["a", "b"]'
    if kind in {"bool_type", "bool_parsing"}:
        return "must be true or false"
    match kind:
        case "greater_than_equal":
            return f"must be at least {bounds['ge']}"
        case "less_than_equal":
            return f"must be at most {bounds['le']}"
        case "multiple_of":
            return f"must be a multiple of {bounds['multiple_of']}"
        case "literal_error":
            return f"must be one of {allowed_range(model, key)}"
        case "string_type":
            return "must be text in quotes"
        case "string_too_long":
            return f"must be at most {bounds['max_length']} characters long"
        case "path_type":
            return "must be a path in quotes"
        case _:
            return message_of(item)


def _as_written(value: object) -> str:
    """Close to how it stands in the file; a long one by its beginning."""
    text = str(value) if isinstance(value, date | datetime | time) else _as_json(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…"


def _as_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text.lower() if isinstance(value, float) else text  # nan and inf


def _is_secret(model: type[Section], key: str) -> bool:
    extra = model.model_fields[key].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("secret"))
