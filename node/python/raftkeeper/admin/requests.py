"""What a request of the admin API may hold, and how it is read: strictly, with the field named.

A field that nobody knows is refused: a misspelt `force` must not be a change without it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from raftkeeper.admin.refusals import AdminRefusal, Code

TIMEOUT_MS = 10_000
"""Of an operation, when the caller names none."""

TIMEOUT_MS_MAX = 600_000
"""Longer than any handover or snapshot that still makes sense to wait for."""

_WHOLE = re.compile(r"[0-9]{1,19}")
"""As many digits as 63 bits have; of more a number is not even made."""

UNSAID = object()
"""The default of a field that may be left out: then there is none in what was read."""

Fields = Mapping[str, tuple[type, object]]
"""Name, type and default of each field that is allowed; no default (None): it must be there."""

TIMEOUT_FIELD: Fields = {"timeout_ms": (int, TIMEOUT_MS)}


def bad_request(message: str, hint: str = "see docs/reference/admin-api.md") -> AdminRefusal:
    """The request cannot be understood."""
    return AdminRefusal(Code.BAD_REQUEST, message, hint)


async def read_body(request: web.Request, fields: Fields) -> dict[str, Any]:
    """The JSON object of a request, with defaults filled in. No body is an empty object."""
    try:
        text = await request.text()
        given = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:  # neither UTF-8 nor JSON, or too deep
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise bad_request("the body is no JSON object")
    return check_fields(given, fields)


def check_fields(given: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """Every field is known and of its type."""
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise bad_request(
            f"unknown field {unknown[0]!r}", f"there are: {', '.join(fields) or 'none'}"
        )
    values: dict[str, Any] = {}
    for name, (kind, default) in fields.items():
        value = given.get(name, default)
        if value is UNSAID:
            continue
        if value is None:
            raise bad_request(f"the field {name!r} is missing")
        if type(value) is not kind:
            raise bad_request(f"{name!r} must be {_WORDS[kind]}, not {value!r}")
        values[name] = value
    timeout_ms = values.get("timeout_ms", 1)
    if not 1 <= timeout_ms <= TIMEOUT_MS_MAX:
        raise bad_request(f"'timeout_ms' must be 1 to {TIMEOUT_MS_MAX}")
    return values


_WORDS = {int: "a whole number", str: "a string", bool: "true or false"}


def config_index_of(request: web.Request) -> int:
    """The index of the membership that the caller has seen (If-Config-Index)."""
    text = request.headers.get("If-Config-Index")
    if text is None:
        raise AdminRefusal(
            Code.CONFIG_INDEX_REQUIRED,
            "a change must say which membership it was decided on",
            "send the config_index of /v1/members in the header If-Config-Index",
        )
    if not _WHOLE.fullmatch(text.strip()):
        raise bad_request(f"If-Config-Index: {text[:40]!r} is no whole number")
    return int(text)


def member_id_of(request: web.Request) -> int:
    """The member in the path."""
    text = request.match_info["id"]
    if not _WHOLE.fullmatch(text):
        raise bad_request(f"{text[:40]!r} is no member id")
    return int(text)


def is_set(request: web.Request, name: str) -> bool:
    """A switch of the query: `?name=1`."""
    text = request.query.get(name, "0").lower()
    if text not in {"0", "1", "true", "false"}:
        raise bad_request(f"{name} must be 0 or 1, not {text!r}")
    return text in {"1", "true"}
