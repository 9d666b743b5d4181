"""What releases can read of each other's log entries and snapshots, as one number. Pure.

It moves by one with a release that writes a new form. That form may be written only once the level of
all members has got there, so that a member of the release before can read everything meanwhile.
"""

from collections.abc import Iterable
from typing import Final

FEATURE_LEVEL: Final = 1
"""Of this release: the only place where it stands."""


def may_meet(level: int) -> bool:
    """Whether a member of this level can work beside this one: the release before, this, the next."""
    return abs(level - FEATURE_LEVEL) <= 1


def level_of_all(others: Iterable[int]) -> int:
    """What may be written: the lowest level of all members. One that was not heard of has 0."""
    return min((FEATURE_LEVEL, *others))
