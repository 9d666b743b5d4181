"""Waiting for a condition, with a deadline and an error that says what was still wrong."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
# Often enough that nobody waits for the test, seldom enough that the cluster does not work for it.
STEP_S = 0.25


class NotInTime(AssertionError):
    """The condition did not hold before the deadline."""


def wait_for(
    what: str, check: Callable[[], Found | None], *, timeout_s: float, step_s: float = STEP_S
) -> Found:
    """What `check` returns as soon as that is neither None nor False.

    An AssertionError inside `check` means "not yet", and is the explanation when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    reason = ""
    while True:
        try:
            found = check()
            if found is not None and found is not False:
                return found
        except AssertionError as error:
            reason = str(error)
        if time.monotonic() >= deadline:
            raise NotInTime(f"not within {timeout_s:g} s: {what}" + (f" ({reason})" * bool(reason)))
        time.sleep(step_s)
