"""Values made of files that may be replaced while the node runs: certificates, keys, CAs.

The files are looked at whenever the value is asked for, which costs a stat each. When one has changed
all are read again. Files that do not fit together (half replaced, perhaps) are said once, and what
was made before stays in use. It must not know what the files hold.
"""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

Marks = tuple[tuple[int, int, int], ...]

UNUSABLE = (OSError, ValueError, ssl.SSLError)
"""What files that cannot be used raise while they are read."""


class FollowedFiles(Generic[T]):
    """The newest value whose files fit together. `name` says in the log what they are for."""

    def __init__(self, paths: Sequence[Path], load: Callable[[], T], name: str) -> None:
        """Raises one of UNUSABLE: there is nothing from before to go on with."""
        self._paths = tuple(paths)
        self._load = load
        self._name = name
        self._failed: Marks | None = None
        self._marks = self._look()
        self._newest = load()
        self.reloads = 0

    def newest(self) -> T:
        """Looks at the files first."""
        marks: Marks = ()  # of files that are not all there
        try:
            marks = self._look()
            if marks in {self._marks, self._failed}:
                return self._newest
            self._newest = self._load()
        except UNUSABLE as error:
            if marks != self._failed:
                self._failed = marks
                log.error(
                    "files.reload_failed",
                    of=self._name,
                    reason=describe_unusable(error, self._paths),
                    effect="what was read before stays in use",
                )
            return self._newest
        self._marks, self._failed = marks, None
        self.reloads += 1
        log.info("files.reloaded", of=self._name, file=str(self._paths[0]))
        return self._newest

    def _look(self) -> Marks:
        """What changes with a file, however it is replaced. Links are followed."""
        stats = [path.stat() for path in self._paths]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def describe_unusable(error: Exception, paths: Sequence[Path]) -> str:
    """One of UNUSABLE in a sentence."""
    if isinstance(error, ssl.SSLError):
        files = ", ".join(map(str, paths))
        return f"{files} do not fit together or are no PEM files: {error}"
    if isinstance(error, OSError):
        return f"cannot read {error.filename}: {error.strerror}"
    return str(error)
