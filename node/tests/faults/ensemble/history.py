"""What clients asked and were told: one record for each operation, in flat columns of integers.

Millions of records fit into memory, and a file of them can be judged again later. Nothing here says
what is right; that is the judge's.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

FOREVER_US = (1 << 62) - 1
"""The return time of an operation that was never answered: it may take effect at any time."""
UNANSWERED = 1
"""The error of such an operation. Real codes are negative."""
NONE = -1
OK, NO_NODE, BAD_VERSION, NODE_EXISTS = 0, -101, -103, -110
SYSTEM_ERROR = -1
"""The node takes no writes now: certainly not done, and its zxid is only that of the node."""


class Kind(IntEnum):
    """What was asked."""

    CREATE = 0
    SET = 1
    DELETE = 2
    APPEND = 3
    """A sequential create; `number` is the number that the server gave."""
    GET = 4
    PARENT = 5
    """A get of the folder of all latches: `version` is its cversion, `mzxid` its pzxid."""
    CLOSE = 6
    """The session was ended by its client."""
    EXPIRED = 7
    """The client was told that its session is gone."""


class Space(IntEnum):
    """Which family of znodes; each is judged by its own rules."""

    REGISTER = 0
    """Made once, then only set, by everybody."""
    LATCH = 1
    """Created and deleted by everybody, never set."""
    QUEUE = 2
    """Sequential znodes, never deleted."""
    EPHEMERAL = 3
    """Each made once, by one session."""


class Record(NamedTuple):
    """One operation. Records of a session stand in the order in which it asked."""

    kind: int
    space: int
    session: int
    """Counts the sessions of the run; a kazoo client's too."""
    node: int
    number: int
    """Which znode of its space."""
    value: int
    """Of a write: its own, unlike any other. Of a get: what it was shown, NONE if nothing."""
    partner: int
    """The value of the other half of a multi; NONE when it stands alone."""
    expected: int
    """The version a set or delete was conditional on; NONE without."""
    invoked_us: int
    returned_us: int
    error: int
    zxid: int
    """Of the reply's header; 0 when the client's library does not tell."""
    czxid: int
    mzxid: int
    version: int
    synced_us: int
    """When the sync right before this read was asked for; NONE without one."""

    @property
    def answered(self) -> bool:
        return self.error != UNANSWERED

    @property
    def done(self) -> bool:
        """It is known to have taken effect."""
        return self.error == OK


WIDTH = len(Record._fields)
WRITES = frozenset((Kind.CREATE, Kind.SET, Kind.DELETE, Kind.APPEND, Kind.CLOSE))


class History:
    """All records of a run, in the order in which they were finished."""

    def __init__(self) -> None:
        self._flat = array("q")

    def __len__(self) -> int:
        return len(self._flat) // WIDTH

    def __iter__(self) -> Iterator[Record]:
        flat = self._flat
        for at in range(0, len(flat), WIDTH):
            yield Record._make(flat[at : at + WIDTH])

    def __getitem__(self, position: int) -> Record:
        at = position * WIDTH
        return Record._make(self._flat[at : at + WIDTH])

    def add(self, record: Record) -> None:
        self._flat.extend(record)

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            self._flat.tofile(file)

    @classmethod
    def load(cls, path: Path) -> History:
        history = cls()
        with path.open("rb") as file:
            history._flat.frombytes(file.read())
        return history
