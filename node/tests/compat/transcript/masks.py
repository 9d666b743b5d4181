"""Turns received values into text in which only what may differ between two runs is masked.

A zxid becomes the place that first showed it (`@12` is the first line received in step 12, `@12.2`
the second), so "this node was created by that request" stays comparable while the number does not
matter; a session id becomes the name of the client that opened it; a time becomes its relation to
the other times of the same Stat. All else is printed as it is.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from .jute import Acl
from .operations import ERRORS

CLOCK_SLACK_MS = 3_600_000
"""A time stamp further than this from now is no clock reading and is printed as it is."""

ITEMS_SHOWN = 60
"""Longer lists are shown by their count and a digest of all of them."""

DATA_SHOWN_BYTES = 64
"""Longer values are shown by length and first bytes."""


class Masks:
    """What has been seen in one story: zxids by step, sessions and passwords by client name."""

    def __init__(self) -> None:
        self._places_by_zxid: dict[int, str] = {}
        self._zxids: list[int] = []
        self._names_by_session: dict[int, str] = {}
        self._names_by_password: dict[bytes, str] = {}

    @property
    def newest_zxid(self) -> int:
        """The highest one that any reply has shown; 0 before the first."""
        return self._zxids[-1] if self._zxids else 0

    def learn_session(self, session: int, password: bytes, name: str) -> None:
        """The handshake that created a session names it after its client."""
        self._names_by_session.setdefault(session, name)
        self._names_by_password.setdefault(password, name)

    def header_zxid(self, zxid: int, place: str) -> str:
        """A zxid in a reply header: `new` if beyond all before, else the place that first had it."""
        if zxid > 0 and (not self._zxids or zxid > self._zxids[-1]):
            self._zxids.append(zxid)
            self._places_by_zxid[zxid] = place
            return "new"
        return self.zxid(zxid)

    def zxid(self, zxid: int) -> str:
        """A zxid anywhere else; one that no header showed is placed between those that one did."""
        if zxid <= 0:
            return str(zxid)
        if zxid in self._places_by_zxid:
            return f"@{self._places_by_zxid[zxid]}"
        place = bisect_left(self._zxids, zxid)
        if place == 0:
            return "before"
        if place == len(self._zxids):
            return "beyond"
        return f"after@{self._places_by_zxid[self._zxids[place - 1]]}"

    def session(self, session: int) -> str:
        if session in self._names_by_session:
            return f"session({self._names_by_session[session]})"
        return str(session)

    def password(self, password: bytes | None) -> str:
        if password in self._names_by_password:
            return f"password({self._names_by_password[password]})"
        if password is not None and not any(password):
            return f"{len(password)} zeros"
        return data_text(password)

    def stat(self, stat: dict[str, int]) -> str:
        shown = {
            "czxid": self.zxid(stat["czxid"]),
            "mzxid": self.zxid(stat["mzxid"]),
            "pzxid": self.zxid(stat["pzxid"]),
            "ctime": _time(stat["ctime"]),
            "mtime": _modification_time(stat),
            "version": stat["version"],
            "cversion": stat["cversion"],
            "aversion": stat["aversion"],
            "owner": self.session(stat["ephemeralOwner"]),
            "length": stat["dataLength"],
            "children": stat["numChildren"],
        }
        return "{" + " ".join(f"{name}={value}" for name, value in shown.items()) + "}"

    def value(self, kind: str, value: Any) -> str:
        """A field of a reply or request, by its jute type."""
        match kind:
            case "stat":
                return self.stat(value)
            case "zxid":
                return self.zxid(value)
            case "buf":
                return data_text(value)
            case "str":
                return string_text(value)
            case "strs":
                return strings_text(value)
            case "acls":
                return acls_text(value)
            case "ids":
                return strings_text([f"{scheme}:{user}" for scheme, user in value or ()])
            case "bool":
                return "true" if value else "false"
            case _:
                return str(value)


def error_text(code: int) -> str:
    return ERRORS.get(code, str(code))


def data_text(data: bytes | None) -> str:
    if data is None:
        return "null"
    if len(data) <= DATA_SHOWN_BYTES:
        return repr(data)[1:]
    return f"{data[:8]!r}…({len(data)} bytes)"[1:]


def string_text(value: str | bytes | None) -> str:
    if value is None:
        return "null"
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    shown = text if len(text) <= DATA_SHOWN_BYTES * 4 else f"{text[:24]}…({len(text)} characters)"
    return '"' + shown.encode("unicode_escape").decode("ascii") + '"'


def strings_text(values: Sequence[str | None] | None) -> str:
    """Sorted: no server promises an order of children, ephemerals or ids."""
    if values is None:
        return "null"
    shown = sorted(string_text(value) for value in values)
    return "[" + " ".join(shortened(shown, "strings")) + "]"


def shortened(items: Sequence[str], what: str) -> Sequence[str]:
    """The items; of too many to read, their count and a digest, which differs if any of them does."""
    if len(items) <= ITEMS_SHOWN:
        return items
    digest = hashlib.sha256("\n".join(items).encode()).hexdigest()[:12]
    return [f"({len(items)} {what}, digest {digest})"]


def acls_text(acls: Sequence[Acl] | None) -> str:
    """In their order, which is kept."""
    if acls is None:
        return "null"
    shown = [
        f"{permissions}:{string_text(scheme)}:{string_text(user)}"
        for permissions, scheme, user in acls
    ]
    return "[" + " ".join(shortened(shown, "entries")) + "]"


def _time(milliseconds: int) -> str:
    near = abs(milliseconds - time.time_ns() // 1_000_000) < CLOCK_SLACK_MS
    return "T" if near else str(milliseconds)


def _modification_time(stat: dict[str, int]) -> str:
    """One transaction has one time; a later one never an earlier time."""
    created, modified = stat["ctime"], stat["mtime"]
    if stat["czxid"] == stat["mzxid"]:
        return "ctime" if created == modified else f"ctime{modified - created:+d}"
    return _time(modified) if modified >= created else f"ctime{modified - created:+d}"
