"""How a simulation ends badly: which kind, who noticed, and in one sentence what.

The kinds are exit codes too, so that a machine can tell a crash of the program from a broken promise
and from an ensemble that stands still.
"""

from enum import IntEnum


class Kind(IntEnum):
    """What went wrong; the number is the exit code."""

    CRASH = 10
    """The code under test raised something that it never should."""
    SAFETY = 11
    """A promise was broken: something acknowledged was lost, two led, a read was old."""
    LIVENESS = 12
    """All faults had ended, and still there was no progress."""


class SimFailure(Exception):
    """Ends the simulation."""

    def __init__(self, kind: Kind, checker: str, sentence: str) -> None:
        super().__init__(kind, checker, sentence)  # so that it can go from process to process
        self.kind = kind
        self.checker = checker
        self.sentence = sentence

    def __str__(self) -> str:
        return f"{self.kind.name.lower()}: {self.checker}: {self.sentence}"
