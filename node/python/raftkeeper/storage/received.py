"""Snapshots between members: one's file read for another, and another's file taken in.

The bytes go over verbatim and can be resumed at any offset. A received snapshot gets its name only
when every checksum in it agrees and it is durable. Slow, meant for a worker thread, one call at a
time.
"""

from pathlib import Path
from typing import Protocol

from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, translated
from raftkeeper.storage.options import SNAPSHOT_SYNC_BYTES
from raftkeeper.storage.snapshot_file import SnapshotMeta


class SnapshotFile:
    """An open snapshot, to be read for another member. It outlives its name."""

    def __init__(self, files: Files, path: Path, index: int, term: int) -> None:
        self.index = index
        self.term = term
        self._files = files
        self._fd = files.open(path)
        self.size = files.size(self._fd)

    def read(self, offset: int, length: int) -> bytes:
        return self._files.read(self._fd, length, offset)

    def close(self) -> None:
        self._files.close(self._fd)


class Owner(Protocol):
    """What the directory of snapshots does at the end."""

    def accept(self, part: Path, index: int, term: int) -> SnapshotMeta:
        """Checks a whole file and gives it its name."""


class SnapshotReceipt:
    """One that is being received. `close` keeps what is there for a later try in this process."""

    def __init__(
        self, owner: Owner, files: Files, path: Path, position: tuple[int, int, int], offset: int
    ) -> None:
        self.offset = offset
        """Bytes that are there; the next are added behind them."""
        self._owner = owner
        self._files = files
        self._path = path
        self._index, self._term, self._size = position
        self._synced_bytes = 0
        self._fd: int | None = files.open(path) if offset else files.create(path)

    def add(self, data: bytes) -> None:
        """The next bytes."""
        if self._fd is None or self.offset + len(data) > self._size:
            raise StorageError(self._path, "the snapshot is longer than was said", DAMAGE_WAY_OUT)
        with translated(self._path, "receiving a snapshot"):
            self._files.write(self._fd, data, self.offset)
            self.offset += len(data)
            if self.offset - self._synced_bytes >= SNAPSHOT_SYNC_BYTES:
                self._files.sync(self._fd)
                self._synced_bytes = self.offset

    def finish(self) -> SnapshotMeta:
        """Verified, durable and in place on return. After an error: `abandon`."""
        if self._fd is None or self.offset != self._size:
            raise StorageError(self._path, "the snapshot is cut off", DAMAGE_WAY_OUT)
        with translated(self._path, "taking in a snapshot"):
            self._files.sync(self._fd)
            self.close()
            return self._owner.accept(self._path, self._index, self._term)

    def abandon(self) -> None:
        """Leaves nothing behind, if that is possible; the next start removes the rest."""
        self.close()
        try:
            self._files.remove(self._path)
        except OSError:
            pass  # it was not there, or the disk is in a state that the writer will speak of

    def close(self) -> None:
        if self._fd is not None:
            self._files.close(self._fd)
            self._fd = None
