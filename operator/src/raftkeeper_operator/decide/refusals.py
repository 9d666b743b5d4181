"""Actions that were refused of late: how one is known again, and what a decision says that would need it. Pure."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Final

from raftkeeper_operator.decide.plan import Action, Plan
from raftkeeper_operator.observe.snapshot import Refusal

PRECONDITIONS: Final = frozenset({"resource_version", "config_index", "term"})
"""Fields that say on which picture an action was decided, and not what it does."""
RECHECK_MS: Final = 30_000
"""What was refused for good is not awaited every two seconds."""


def key_of(action: Action) -> str:
    """The same whenever the same is to be done, whatever has changed around it since."""
    values = (
        str(getattr(action, item.name))
        for item in fields(action)
        if item.name not in PRECONDITIONS and item.compare
    )
    return "/".join((type(action).__name__, *values))


def refusal_of(plan: Plan, refused: Iterable[Refusal]) -> Refusal | None:
    """None: it may be tried."""
    if plan.action is None:
        return None
    key = key_of(plan.action)
    return next((one for one in refused if one.key == key), None)


def set_aside(plan: Plan, refusal: Refusal) -> Plan:
    """The plan as one that waits: it says what is to be done, and why that cannot be."""
    return replace(
        plan,
        action=None,
        reason="ActionRefused",
        message=f"{plan.message}: {refusal.message}",
        blocked_by=(refusal.message,),
        recheck_ms=RECHECK_MS,
    )
