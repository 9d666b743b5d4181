"""Places where a test lets the operator die: before or after an effect, as a crash would.

A failpoint is `after:ACTION` or `before:ACTION`, with `*` for any action, and `#N` behind it for the
N-th such effect of this process. It comes from the command line, or from an annotation of a cluster,
which then counts for that cluster only; but annotations are obeyed only where the operator was started with
`--cluster-failpoints true`, or whoever may edit one cluster could end the operator of all. Nothing is flushed,
nothing released.
"""

import os
import re
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

ANNOTATION = "raftkeeper.io/failpoint"
EXIT_FAILPOINT = 70
_FORM = re.compile(r"(before|after):([A-Za-z]+|\*)(?:#([1-9][0-9]{0,8}))?")


class Failpoints:
    """Counts effects and ends the process at the one that is named."""

    def __init__(
        self,
        everywhere: str = "",
        die: Callable[[], None] | None = None,
        *,
        obeys_annotations: bool = False,
    ) -> None:
        if everywhere and not _FORM.fullmatch(everywhere):
            raise ValueError(f"{everywhere!r} is no failpoint: write after:Promote or before:*#3")
        self._everywhere = everywhere
        self._obeys_annotations = obeys_annotations
        self._die = die if die is not None else _exit
        self._seen: dict[tuple[str, str], int] = {}

    def pass_by(self, place: str, action: str, annotation: str = "") -> None:
        """Called before and after every effect."""
        for failpoint in (self._everywhere, annotation if self._obeys_annotations else ""):
            match = _FORM.fullmatch(failpoint)
            if match is None or match[1] != place or match[2] not in {action, "*"}:
                continue
            key = (failpoint, place)
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] == int(match[3] or 1):
                log.critical("failpoint.reached", failpoint=failpoint, action=action)
                self._die()


def _exit() -> None:
    os._exit(EXIT_FAILPOINT)
