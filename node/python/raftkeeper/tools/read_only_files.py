"""The files of a data directory, opened for reading only: what storage would repair is noted.

So the code that recovers a node can look at its directory, and nothing in it changes. Only
`raftkeeper inspect` uses this.
"""

import fcntl
import os
from pathlib import Path

from raftkeeper.storage.files import RealFiles


class ReadOnlyFiles(RealFiles):
    """Writes and removals do not happen; `repairs` says what they would have been."""

    def __init__(self) -> None:
        self.repairs: list[str] = []
        self._paths: dict[int, Path] = {}

    def lock(self, path: Path) -> int:
        """A shared lock of a file that exists; BlockingIOError while a node holds it."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def make_directory(self, path: Path) -> None:
        """Directories are as they are."""

    def names(self, directory: Path) -> list[str]:
        """A folder that is missing has nothing in it."""
        return super().names(directory) if directory.is_dir() else []

    def open(self, path: Path) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._paths[fd] = path
        return fd

    def create(self, path: Path) -> int:
        raise PermissionError(f"{path} would be made")

    def write(self, fd: int, data: bytes, offset: int) -> None:
        path = self._paths[fd]
        self.repairs.append(
            f"{path.name}: {len(data)} bytes from byte {offset} on are written anew"
        )

    def preallocate(self, fd: int, length: int) -> None:
        """Nothing is made here."""

    def sync(self, fd: int) -> None:
        """Nothing was written."""

    def sync_directory(self, directory: Path) -> None:
        """Nothing was written."""

    def rename(self, old: Path, new: Path) -> None:
        self.repairs.append(f"{old.name} becomes {new.name}")

    def remove(self, path: Path) -> None:
        self.repairs.append(f"{path.name} is unfinished and is removed")
