"""A snapshot of one cluster as the beginning of another: a data directory made of it, whole or not at all.

What makes the state another cluster's is its head: cluster id and membership. Index and term stay, and
the log goes on behind them. The parts come into the directory with the log first and the identity last,
so that until it is whole no node starts there, and a try that was cut short is begun anew.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from raftkeeper.storage.data_directory import DataDirectory
from raftkeeper.storage.errors import StorageError
from raftkeeper.storage.files import Files, RealFiles, opened, translated
from raftkeeper.storage.identity import Identity
from raftkeeper.storage.layout import HARD_STATE, IDENTITY, LOCK, LOG, SNAPSHOTS, TRANSPLANT
from raftkeeper.storage.options import StorageOptions
from raftkeeper.storage.snapshot_file import (
    SnapshotMeta,
    Summary,
    encode_chunk,
    encode_head,
    read_chunks,
)

_NOBODY = 0


class Encoded(Protocol):
    """A membership."""

    def encode(self) -> bytes: ...


def transplant(path: Path, snapshot: Path, identity: Identity, membership: Encoded) -> None:
    """Durable on return. StorageError when the directory is used, or the snapshot is not whole."""
    files = RealFiles()
    path = path.absolute()
    with translated(path, "restoring a snapshot"):
        files.make_directory(path)
        try:
            lock_fd = files.lock(path / LOCK)
        except BlockingIOError:
            raise StorageError(
                path, "another process uses this data directory", "Stop it, or choose another"
            ) from None
        with opened(files, lock_fd):
            if (path / IDENTITY).exists():
                raise StorageError(path, "the directory belongs to a member", "Choose an empty one")
            _clear(files, path)
            aside = path / TRANSPLANT
            _build(files, aside, snapshot, identity, membership)
            _move_in(files, aside, path)


def _clear(files: Files, path: Path) -> None:
    """What an earlier try has left. Anything else that lies here is somebody's data."""
    if not (path / TRANSPLANT).exists():
        held = [name for name in (LOG, SNAPSHOTS) if _holds_files(path / name)]
        held += [HARD_STATE] if (path / HARD_STATE).exists() else []
        if held:
            raise StorageError(
                path, f"there is a {held[0]} without an identity", "Choose an empty directory"
            )
        return
    (path / HARD_STATE).unlink(missing_ok=True)
    for name in (TRANSPLANT, LOG, SNAPSHOTS):
        if (path / name).exists():
            shutil.rmtree(path / name)
    files.sync_directory(path)


def _holds_files(path: Path) -> bool:
    return path.exists() and any(path.iterdir())


def _build(
    files: Files, aside: Path, snapshot: Path, identity: Identity, membership: Encoded
) -> None:
    directory = DataDirectory.open(aside, StorageOptions())
    try:
        directory.create(identity)
        recovered = directory.recover()
        meta, size = _measure(files, snapshot, identity, membership)
        for offset, data in recovered.hard_state_file.writes(meta.term, _NOBODY):
            files.write(recovered.hard_state_file.fd, data, offset)
            files.sync(recovered.hard_state_file.fd)
        files.close(recovered.hard_state_file.fd)
        for segment in [*recovered.log.segments, *recovered.log.spares]:
            files.close(segment.fd)
        receipt = directory.snapshots.receive(meta.index, meta.term, size)
        try:
            for data in _rewritten(files, snapshot, meta):
                receipt.add(data)
            receipt.finish()
        finally:
            receipt.close()
    finally:
        directory.close()


def _measure(
    files: Files, snapshot: Path, identity: Identity, membership: Encoded
) -> tuple[SnapshotMeta, int]:
    """The new head, and how long the file will be with it."""
    with opened(files, files.open(snapshot)) as fd:
        parts = read_chunks(files, fd, snapshot)
        old = next(parts)
        assert isinstance(old, SnapshotMeta)
    new = replace(
        old,
        membership=membership.encode(),
        cluster_id=identity.cluster_id,
        installed=True,
    )
    return new, sum(len(data) for data in _rewritten(files, snapshot, new))


def _rewritten(files: Files, snapshot: Path, meta: SnapshotMeta) -> Iterator[bytes]:
    """The bytes of the snapshot under another head."""
    summary = Summary()
    with opened(files, files.open(snapshot)) as fd:
        for part in read_chunks(files, fd, snapshot):
            if isinstance(part, SnapshotMeta):
                data = encode_head(meta)
            else:
                compressed, raw_length = part
                data = encode_chunk(compressed, raw_length)
                summary.chunks += 1
                summary.raw_bytes += raw_length
            summary.add(data)
            yield data
    yield summary.tail()


def _move_in(files: Files, aside: Path, path: Path) -> None:
    """A log without an identity is refused by every start; so it goes first, and the identity last."""
    for name in (LOG, SNAPSHOTS, HARD_STATE, IDENTITY):
        files.rename(aside / name, path / name)
        files.sync_directory(path)
    (aside / LOCK).unlink()
    aside.rmdir()
    files.sync_directory(path)
