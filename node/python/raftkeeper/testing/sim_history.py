"""What clients did and heard, as the checkers of sessions take it. Values only."""

from dataclasses import dataclass, field
from enum import Enum

from raftkeeper.testing.client_wire import SYSTEM_ERROR, Stat

TIMEOUT_MS = 2_000
"""Of every simulated session."""


class What(Enum):
    """What has just happened to an operation or a session."""

    ASKED = "asked"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    """The connection was lost before its answer: it may have happened, once, or not."""
    EVENT = "event"
    EXPIRED = "expired"


@dataclass(slots=True, eq=False)
class Operation:
    """One request of one session."""

    session: int
    """The session's number in the simulation, not its id."""
    kind: str
    """create, set, delete, get, sync, children."""
    path: str
    data: bytes = b""
    flags: int = 0
    version: int = -1
    watch: bool = False
    floor: int = 0
    """The highest zxid that anybody was told of before this was asked."""
    zxid: int = 0
    error: int = 0
    stat: Stat | None = None
    made: str = ""
    """The path that a create was answered with."""
    names: list[str] = field(default_factory=list)

    @property
    def is_write(self) -> bool:
        return self.kind in {"create", "set", "delete"} and not self.is_refused

    @property
    def is_read(self) -> bool:
        """It shows somebody's state. A refused write shows nothing, whatever zxid it is answered with."""
        return not self.is_write and not self.is_refused

    @property
    def is_refused(self) -> bool:
        """By a node whose disk is full: it was never in any log, and bears nobody's zxid."""
        return self.error == SYSTEM_ERROR


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the history."""

    what: What
    session: int
    operation: Operation | None = None
    path: str = ""
    """Of an event."""
    session_id: int = 0
