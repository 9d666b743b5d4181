"""What releases of the model can read, by the names of their revisions, and what is in use."""

from collections.abc import Iterable

LEVELS = {"next": 2, "far": 4}
"""By the beginning of a revision's name; all others have the first level."""


def level_of(revision: str) -> int:
    """The feature level of a revision's nodes."""
    return next((level for name, level in LEVELS.items() if revision.startswith(name)), 1)


def fits(revision: str, used: int) -> bool:
    """Whether its nodes may work where this level is in use; 0 is none yet."""
    return not used or used <= level_of(revision) <= used + 1


def can_meet(revisions: Iterable[str]) -> bool:
    """Nodes refuse to speak to others that are further away than one level."""
    levels = {level_of(revision) for revision in revisions}
    return max(levels) - min(levels) <= 1


def fitting(used: int, number: int) -> str:
    """A revision that was never there and that fits."""
    name = next((name for name, level in LEVELS.items() if level == used), "v")
    return f"{name}{number}"
