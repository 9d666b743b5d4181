"""Notices a disk that hangs: one write under way, look after look. It decides nothing.

Looks are counted and not time, so that a process that stood still does not blame its disk.
"""

from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


class DiskWatch:
    """Asked by each slow tick."""

    def __init__(self, looks_max: int) -> None:
        self.stalled = ""
        """What is wrong; '' while writes come to an end."""
        self._looks_max = looks_max
        self._number: int | None = None
        self._looks = 0

    def look(self, under_way: int | None) -> str:
        """`under_way`: the number that the disk is working for, None when it has nothing to do."""
        if under_way is None or under_way != self._number:
            self._number, self._looks = under_way, 0
            if self.stalled:
                log.warning("storage.goes_on", effect="this member may lead again")
            self.stalled = ""
            return ""
        self._looks += 1
        if self._looks >= self._looks_max and not self.stalled:
            self.stalled = "its disk does not finish a write"
            log.error(
                "storage.stalled", reason=self.stalled, effect="another member leads, if one can"
            )
        return self.stalled
