"""ZooKeeper's reconfig request, read: who joins, who leaves, and which config it was decided on.

    server.<id>=<host>:<port>[:<port>][:<role>][;<client>]             ZooKeeper's
    server.<id>=<host>:<port>[;learner|participant][;<priority>]       ClickHouse Keeper's

The ports between members are one here: the first. A client's address is not kept.
"""

import re
import struct
from dataclasses import dataclass

LEARNER_ROLES = frozenset(("observer", "learner"))
ROLES = LEARNER_ROLES | {"participant"}

_SERVER = re.compile(
    r"server\.(\d{1,9})=(\[[0-9a-fA-F:.]+\]|[^:;\[\]]+):(\d{1,5})((?::[^:;]*)*)((?:;[^;]*)*)"
)
_NUMBER = re.compile(r"[0-9]{1,19}")


class ReconfigError(ValueError):
    """The request cannot be understood, or asks for what is not done here."""


@dataclass(frozen=True, slots=True)
class Joining:
    """One server that joins, or that is a member already and changes."""

    id: int
    address: str
    is_learner: bool
    priority: int | None = None
    """None where the request, as ZooKeeper's, does not say it."""


@dataclass(frozen=True, slots=True)
class Reconfig:
    """A whole request."""

    joining: Joining | None
    leaving: int | None
    version: int
    """Of the config; -1 for whichever it is."""


def parse_request(body: bytes) -> Reconfig:
    """The body of op 16. ReconfigError says what is wrong with it."""
    try:
        joining, at = _string(body, 0)
        leaving, at = _string(body, at)
        members, at = _string(body, at)
        (version,) = struct.unpack_from(">q", body, at)
    except (struct.error, UnicodeDecodeError) as error:
        raise ReconfigError("the request is cut off") from error
    if members:
        raise ReconfigError("a whole new list of members; only changes by joining and leaving")
    joiners, leavers = _split(joining), _split(leaving)
    if len(joiners) > 1 or len(leavers) > 1:
        raise ReconfigError("several members at a time; one may join and one may leave")
    if not joiners and not leavers:
        raise ReconfigError("nobody joins and nobody leaves")
    return Reconfig(
        parse_server(joiners[0]) if joiners else None,
        _member_id(leavers[0]) if leavers else None,
        version,
    )


def parse_server(text: str) -> Joining:
    """One `server.N=…`."""
    match = _SERVER.fullmatch(text)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise ReconfigError(f"{text!r} is not server.<id>=<host>:<port>…")
    colons = [part for part in match[4].split(":") if part]
    semicolons = [part for part in match[5].split(";") if part]
    words = [part.lower() for part in (*colons, *semicolons)]
    roles = [word for word in words if word in ROLES]
    unknown = [word for word in colons if word.lower() not in ROLES and not word.isdecimal()]
    if len(roles) > 1 or unknown:
        raise ReconfigError(f"{text!r}: the role is participant or observer")
    priority = None
    if roles and semicolons and semicolons[0].lower() in ROLES and len(semicolons) > 1:
        if not _NUMBER.fullmatch(semicolons[1]):
            raise ReconfigError(f"{text!r}: the priority is a number")
        priority = int(semicolons[1])
    is_learner = bool(roles) and roles[0] in LEARNER_ROLES
    return Joining(int(match[1]), f"{match[2]}:{match[3]}", is_learner, priority)


def _string(body: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">i", body, at)
    end = at + 4 + max(length, 0)
    if end > len(body):
        raise struct.error("cut off")
    return body[at + 4 : end].decode(), end


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _member_id(text: str) -> int:
    name = text.removeprefix("server.")
    if not _NUMBER.fullmatch(name):
        raise ReconfigError(f"{text!r} is no member id")
    return int(name)
