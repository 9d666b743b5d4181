"""What releases can read of each other's log entries and snapshots, as one number. Pure.

A release that writes a new form brings a level. The form is written only where the level is *in use*: the
replicated membership says so, and `ensemble.levels` raises it there once every member speaks it. So members
of two neighbouring releases work together, and nobody ever meets what it cannot read.
"""

from collections.abc import Iterable
from typing import Final

BROUGHT: Final = {
    1: "the base: log entries of format 2, memberships of version 2",
    2: "log entries of format 3, for which hard limits of quotas hold; memberships that carry the level",
}
"""What each level brought. The only place to begin a new one; what writes the new form asks for its number."""

FEATURE_LEVEL: Final = max(BROUGHT)
"""Of this release."""

LOWEST_LEVEL: Final = 1
"""Of the release before: what this one still works beside. It goes up by one with FEATURE_LEVEL."""

QUOTAS_ENFORCED: Final = 2
"""From this level on, entries may say that hard limits of quotas hold."""


def why_apart(own: int, other: int) -> str:
    """Why releases of these levels do not work beside each other; '' when they do."""
    if LOWEST_LEVEL <= other <= own + 1:
        return ""
    return (
        f"the feature level is {own} here and {other} there; update members one release at a time"
    )


def why_too_low(spoken: int, in_use: int, who: str) -> str:
    """Why somebody who speaks no more than this cannot be in an ensemble that uses that; '' when it can."""
    if spoken >= in_use:
        return ""
    return (
        f"feature level {in_use} is in use in this ensemble for good, and {who} speaks {spoken} at most:"
        f" start it with a release of RaftKeeper that speaks {in_use}"
    )


def level_of_all(own: int, others: Iterable[int]) -> int:
    """What may be written: the lowest level of all members. One that is not linked has 0."""
    return min((own, *others))


def describe_quotas(*, wanted: bool, in_use: int) -> str:
    """Whether this member, when it leads, enforces quotas; in one line for people."""
    if not wanted:
        return "off"
    if in_use >= QUOTAS_ENFORCED:
        return "on"
    return (
        f"not yet: hard limits of quotas hold once all members run a release of feature level"
        f" {QUOTAS_ENFORCED} (in use: {in_use})"
    )
