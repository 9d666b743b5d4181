"""Snapshots on disk: writing one aside, finding the newest good one, keeping a few.

A snapshot gets its name only when it is whole, durable and read back. The engine's pieces come from
the loop's thread; `add` and `finish` are slow and meant for a worker thread, one call at a time.

Several threads work on the directory: of the one that takes snapshots, of those that receive and send
them. Whoever changes which files are there holds the store's lock, from looking to the last change.
"""

import errno
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, opened, translated
from raftkeeper.storage.layout import (
    aside,
    damaged,
    is_unfinished,
    snapshot_name,
    snapshot_position,
)
from raftkeeper.storage.options import SNAPSHOT_SYNC_BYTES, StorageOptions
from raftkeeper.storage.received import SnapshotFile, SnapshotReceipt
from raftkeeper.storage.snapshot_file import (
    SnapshotMeta,
    Summary,
    encode_chunk,
    encode_head,
    read_chunks,
)

_log = logging.getLogger("raftkeeper.storage")

_ZSTD_LEVEL = 1
"""The fastest: a snapshot must not take a core away from requests for long."""


@dataclass(frozen=True, slots=True)
class _Position:
    """One snapshot by its name."""

    index: int
    term: int
    installed: bool
    path: Path


class SnapshotStore:
    """The directory of snapshots."""

    cluster_id = b""
    """Of the member; set before anything is received."""

    def __init__(self, files: Files, directory: Path, options: StorageOptions) -> None:
        self._files = files
        self._directory = directory
        self._options = options
        self._part: tuple[int, int, int] = (0, 0, 0)
        self._lock = threading.Lock()
        self._received: list[str] = []
        """Names of those that this process has received, in that order."""

    def newest_good(self, cluster_id: bytes) -> tuple[SnapshotMeta | None, StorageError | None]:
        """Checks every byte of the newest snapshot; a damaged one is said and passed over. Also the
        first damage that was met.

        Passing over is safe: recovery stops where the log does not reach back to an older one, or to
        its first entry where there is none.
        """
        damaged = None
        for position in self._positions():
            try:
                meta = self._check(position)
            except StorageError as error:
                _log.error("%s. Passing it over for now", error)
                damaged = damaged or error
                continue
            if meta.cluster_id != cluster_id:
                raise StorageError(
                    position.path,
                    "this snapshot belongs to another cluster",
                    "Put back the files that belong here; never mix data directories",
                )
            return meta, damaged
        return None, damaged

    def read(self, meta: SnapshotMeta) -> Iterator[bytes]:
        """The engine's pieces, in order."""
        path = self._directory / snapshot_name(meta.index, meta.term, installed=meta.installed)
        decompressor = zstandard.ZstdDecompressor()
        with opened(self._files, self._files.open(path)) as fd:
            for part in read_chunks(self._files, fd, path):
                if isinstance(part, SnapshotMeta):
                    continue
                compressed, raw_length = part
                try:
                    piece = decompressor.decompress(compressed, max_output_size=raw_length)
                except zstandard.ZstdError as error:
                    raise StorageError(
                        path, f"a chunk does not decompress: {error}", DAMAGE_WAY_OUT
                    ) from error
                yield piece

    def begin(self, meta: SnapshotMeta) -> "SnapshotJob":
        """Starts a snapshot. One at a time; it must be newer than all that are there."""
        newest = next(iter(self._positions()), None)
        if newest is not None and newest.index >= meta.index:
            raise ValueError(f"a snapshot of entry {newest.index} is there already")
        path = self._directory / snapshot_name(meta.index, meta.term, installed=meta.installed)
        with translated(path, "beginning a snapshot"):
            return SnapshotJob(self, self._files, path, meta)

    def newest(self) -> SnapshotFile | None:
        """Opened for another member; None where there is none."""
        with self._lock:
            for position in self._positions():
                return SnapshotFile(self._files, position.path, position.index, position.term)
        return None

    def newest_index(self) -> int:
        """What the newest covers; 0 where there is none."""
        return next((position.index for position in self._positions()), 0)

    def put_damaged_aside(self) -> None:
        """Reads the newest once more. One that is damaged gets another name, so that the one before
        it, or one that is taken now, stands in for it.
        """
        for position in self._positions():
            try:
                self._check(position)
            except FileNotFoundError:
                continue  # retired meanwhile
            except StorageError as error:
                _log.error("%s. It is put aside, and another takes its place", error)
                with self._lock, suppress(FileNotFoundError):
                    self._files.rename(position.path, damaged(position.path))
                    self._files.sync_directory(self._directory)
                continue
            return

    def receive(self, index: int, term: int, size: int) -> SnapshotReceipt:
        """Another member's, from where an earlier try of this process has ended. One at a time."""
        path = aside(self._directory / snapshot_name(index, term, installed=True))
        offset = 0
        if self._part == (index, term, size):
            with suppress(FileNotFoundError), opened(self._files, self._files.open(path)) as fd:
                offset = min(size, self._files.size(fd))
        else:
            self._remove_part()
            self._part = (index, term, size)
        with translated(path, "receiving a snapshot"):
            return SnapshotReceipt(self, self._files, path, self._part, offset)

    def accept(self, part: Path, index: int, term: int) -> SnapshotMeta:
        """For `SnapshotReceipt.finish`."""
        meta = check_snapshot(self._files, part)
        if (meta.index, meta.term, meta.cluster_id) != (index, term, self.cluster_id):
            raise StorageError(part, "this is another snapshot than was said", DAMAGE_WAY_OUT)
        name = snapshot_name(index, term, installed=True)
        with self._lock:
            self._files.rename(part, self._directory / name)
            self._files.sync_directory(self._directory)
            self._part = (0, 0, 0)
            positions = self._positions()
            there = {position.path.name for position in positions} - {name}
            self._received = [*(other for other in self._received if other in there), name]
            if positions[0].index == index:
                self._retire()
        return replace(meta, installed=True)

    def put_in_place(self, written: Path, path: Path, is_wanted: Callable[[], bool]) -> None:
        """For `SnapshotJob.finish`: gives it its name, unless it was given up in the last moment."""
        with self._lock:
            if not is_wanted():
                raise OSError(errno.ECANCELED, "the snapshot was given up")
            self._files.rename(written, path)
            self._files.sync_directory(self._directory)
            self._retire()

    def keep_only(self, meta: SnapshotMeta) -> None:
        """Removes all others: they hold a state that is not the ensemble's. What was received after
        it stays: somebody counts on that by now.
        """
        name = snapshot_name(meta.index, meta.term, installed=meta.installed)
        with self._lock:
            later = self._received[self._received.index(name) :] if name in self._received else []
            for position in self._positions():
                if position.path.name not in {name, *later}:
                    self._files.remove(position.path)
            self._files.sync_directory(self._directory)

    def purge_index(self, before_tail: Callable[[int], int]) -> int:
        """The entry up to which the log is not needed: behind the oldest snapshot that is kept, less
        the tail behind the newest, for followers (`Writer.before_tail` knows where that begins).
        0 while there is only one snapshot: it might turn out damaged.
        """
        positions = self._positions()
        if len(positions) < min(2, self._options.snapshots_kept):
            return 0
        return min(positions[-1].index, before_tail(positions[0].index))

    def remove_unfinished(self) -> None:
        for name in self._files.names(self._directory):
            if is_unfinished(name):
                self._files.remove(self._directory / name)

    def _retire(self) -> None:
        """Removes the oldest beyond the number kept; the newest goes last, if a crash intervenes."""
        for position in reversed(self._positions()[self._options.snapshots_kept :]):
            self._files.remove(position.path)
            self._files.sync_directory(self._directory)

    def _positions(self) -> list[_Position]:
        """Newest first."""
        found = [
            _Position(*position, self._directory / name)
            for name in self._files.names(self._directory)
            if (position := snapshot_position(name))
        ]
        return sorted(found, key=lambda found: (found.index, found.installed), reverse=True)

    def _remove_part(self) -> None:
        index, term, size = self._part
        if size:
            with suppress(OSError):  # the next start removes it
                name = snapshot_name(index, term, installed=True)
                self._files.remove(aside(self._directory / name))

    def _check(self, position: _Position) -> SnapshotMeta:
        meta = check_snapshot(self._files, position.path)
        if (meta.index, meta.term) != (position.index, position.term):
            raise StorageError(position.path, "the snapshot was renamed", DAMAGE_WAY_OUT)
        return replace(meta, installed=meta.installed or position.installed)


def check_snapshot(files: Files, path: Path) -> SnapshotMeta:
    """Reads every byte. Raises StorageError when the snapshot is not whole."""
    with opened(files, files.open(path)) as fd:
        parts = read_chunks(files, fd, path)
        meta = next(parts)
        for _ in parts:
            pass
    assert isinstance(meta, SnapshotMeta)
    return meta


class SnapshotJob:
    """A snapshot being written. After any error: `abandon`."""

    def __init__(self, store: SnapshotStore, files: Files, path: Path, meta: SnapshotMeta) -> None:
        self._store = store
        self._files = files
        self._path = path
        self._aside = aside(path)
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        self._summary = Summary()
        self._synced_bytes = 0
        self._given_up = False
        self._fd: int | None = files.create(self._aside)
        try:
            self._write(encode_head(meta))
        except OSError:
            self.abandon()
            raise

    @property
    def file_bytes(self) -> int:
        return self._summary.file_bytes

    def add(self, piece: bytes) -> None:
        """One of the engine's pieces."""
        with translated(self._path, "writing a snapshot"):
            self._write(encode_chunk(self._compressor.compress(piece), len(piece)))
        self._summary.chunks += 1
        self._summary.raw_bytes += len(piece)

    def finish(self) -> None:
        """Durable, read back and in place on return; older ones beyond those kept are gone."""
        files = self._files
        with translated(self._path, "finishing a snapshot"):
            files.write(self._open_fd, self._summary.tail(), self._summary.file_bytes)
            files.sync(self._open_fd)
            self._close()
            check_snapshot(files, self._aside)
            self._store.put_in_place(self._aside, self._path, lambda: not self._given_up)

    def give_up(self) -> None:
        """From any thread, at once: it must not get its name any more. `abandon` follows."""
        self._given_up = True

    def abandon(self) -> None:
        """Leaves nothing behind, if that is possible; the next start removes the rest."""
        self._close()
        with suppress(OSError):
            self._files.remove(self._aside)

    @property
    def _open_fd(self) -> int:
        if self._fd is None:
            raise OSError(errno.EBADF, "the snapshot was abandoned")
        return self._fd

    def _close(self) -> None:
        if self._fd is not None:
            self._files.close(self._fd)
            self._fd = None

    def _write(self, data: bytes) -> None:
        self._files.write(self._open_fd, data, self._summary.file_bytes)
        self._summary.add(data)
        if self._summary.file_bytes - self._synced_bytes >= SNAPSHOT_SYNC_BYTES:
            self._files.sync(self._open_fd)
            self._synced_bytes = self._summary.file_bytes
