"""Snapshots on disk, for a backup: which there are, their digest, and their bytes.

A snapshot is opened before anything is promised of it: its retirement meanwhile does not hurt, and
a file has its name only once it is whole. Everything here blocks and is called in a worker thread.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from raftkeeper.storage.layout import SNAPSHOTS, snapshot_position

PIECE_BYTES = 1024 * 1024
"""Read and sent at a time: memory of a download."""


@dataclass(frozen=True, slots=True)
class SnapshotName:
    """One snapshot. Its id is `<index>-<term>`, without the zeros of the file's name."""

    index: int
    term: int
    size: int
    path: Path

    @property
    def id(self) -> str:
        return f"{self.index}-{self.term}"


def list_snapshots(data: Path) -> list[SnapshotName]:
    """Newest first. One that is retired meanwhile is left out; a node that waits has no folder yet."""
    found = []
    folder = data / SNAPSHOTS
    for path in folder.iterdir() if folder.is_dir() else ():
        position = snapshot_position(path.name)
        if position is None:
            continue
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue
        found.append(SnapshotName(position[0], position[1], size, path))
    return sorted(found, key=lambda snapshot: snapshot.index, reverse=True)


def open_snapshot(data: Path, wanted: str) -> "OpenSnapshot | None":
    """The one with this id, or the `newest`; None when there is none."""
    for name in list_snapshots(data):
        if wanted in {"newest", name.id}:
            try:
                return OpenSnapshot(name)
            except FileNotFoundError:
                continue
    return None


class OpenSnapshot:
    """One that is being read. `close` it."""

    def __init__(self, name: SnapshotName) -> None:
        self._file = name.path.open("rb", buffering=0)
        self.name = name

    def digest(self) -> str:
        """SHA-256 of the whole file, in hexadecimal."""
        digest = hashlib.sha256()
        offset = 0
        while piece := self.read(offset):
            digest.update(piece)
            offset += len(piece)
        return digest.hexdigest()

    def read(self, offset: int) -> bytes:
        """The bytes from `offset` on, a piece of them; b"" at the end."""
        return os.pread(self._file.fileno(), PIECE_BYTES, offset)

    def close(self) -> None:
        """Nothing is read of it any more."""
        self._file.close()
