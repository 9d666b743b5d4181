"""Those who wait until something has come about: a condition, and whom to tell. No time, no loop.

The driver looks after each of its steps. A condition must be cheap, and must hold in the end: who
gives up says so by making it true.
"""

from collections.abc import Callable


class Waits:
    """A few at a time: membership changes, transfers, drains."""

    def __init__(self) -> None:
        self._waits: list[tuple[Callable[[], bool], Callable[[], None]]] = []

    def add(self, condition: Callable[[], bool], then: Callable[[], None]) -> None:
        """Calls `then` once the condition holds."""
        self._waits.append((condition, then))

    def check(self) -> None:
        """Tells those whose condition holds by now."""
        if self._waits:
            due = [wait for wait in self._waits if wait[0]()]
            self._waits = [wait for wait in self._waits if wait not in due]
            for _, then in due:
                then()
