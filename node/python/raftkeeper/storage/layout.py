"""Where things lie in a data directory, and the versions of their formats. Names only, no I/O.

lock                      held by the process that uses the directory
identity                  which cluster, which member, which life of its disk
hard_state                term and vote, twice
damaged, diverged         what the member knows against its own data (`storage.verdicts`)
log/<sequence>.log        segments of the log, numbered without a gap
snapshots/<index>-<term>.snap, or <index>-<term>.installed.snap when it came from another member
transplant/               an unfinished restore of a backup
successor/                other data for this directory, being made
replacement               from now on they count: being moved in (`storage.replacement`)
given-up-<epoch>/         the data that they replaced; a log on a volume of its own keeps its part there
*.tmp                     unfinished; removed at the next start
"""

import re
from pathlib import Path

LOCK = "lock"
IDENTITY = "identity"
HARD_STATE = "hard_state"
CONDEMNED = "damaged"
DIVERGED = "diverged"
LOG = "log"
SNAPSHOTS = "snapshots"
TRANSPLANT = "transplant"
SUCCESSOR = "successor"
REPLACEMENT = "replacement"
GIVEN_UP = "given-up"
UNFINISHED = ".tmp"
DAMAGED = ".damaged"

FORMAT_VERSION = 1
"""Of every file here. A node refuses a directory of a version it does not know."""

RESTART = 0
"""The kind of a record that is no entry: the log before it counts no more, and goes on behind it."""

SECTOR_BYTES = 512
"""A sector of any disk in use is at least this big and written whole: headers and hard state fit."""

_SEGMENT = re.compile(r"(\d{20})\.log")
_SNAPSHOT = re.compile(r"(\d{20})-(\d{20})(\.installed)?\.snap")


def segment_name(sequence: int) -> str:
    return f"{sequence:020d}.log"


def segment_sequence(name: str) -> int | None:
    """The sequence number in a segment's name; None when it is none."""
    match = _SEGMENT.fullmatch(name)
    return int(match[1]) if match else None


def snapshot_name(index: int, term: int, *, installed: bool = False) -> str:
    return f"{index:020d}-{term:020d}{'.installed' if installed else ''}.snap"


def snapshot_position(name: str) -> tuple[int, int, bool] | None:
    """(index, term, installed) in a snapshot's name; None when it is none."""
    match = _SNAPSHOT.fullmatch(name)
    return (int(match[1]), int(match[2]), match[3] is not None) if match else None


def is_unfinished(name: str) -> bool:
    return name.endswith(UNFINISHED)


def damaged(path: Path) -> Path:
    """What a damaged file is called from then on: kept for whoever looks into it, and never read."""
    return path.with_name(path.name + DAMAGED)


def aside(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    return path.with_name(path.name + UNFINISHED)
