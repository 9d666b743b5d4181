"""A snapshot of one cluster as the beginning of another: a data directory made of it, whole or not at all.

What makes the state another cluster's is its head: cluster id and membership. Index and term stay, and
the log goes on behind them. What is unfinished lies in a directory of its own, at the sight of which no
node starts; a try that was cut short is begun anew. The log is made in its place, which may be a
volume of its own.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from raftkeeper.storage.data_directory import DataDirectory
from raftkeeper.storage.errors import StorageError
from raftkeeper.storage.files import Files, RealFiles, opened, translated
from raftkeeper.storage.identity import Identity
from raftkeeper.storage.layout import (
    HARD_STATE,
    IDENTITY,
    LOCK,
    LOG,
    SNAPSHOTS,
    TRANSPLANT,
    segment_sequence,
    snapshot_position,
)
from raftkeeper.storage.options import StorageOptions
from raftkeeper.storage.segments import SegmentMaker
from raftkeeper.storage.snapshot_file import (
    SnapshotMeta,
    Summary,
    encode_chunk,
    encode_head,
    read_chunks,
)

_NOBODY = 0

_SMALL = StorageOptions(segment_bytes=1024 * 1024, record_bytes_max=128 * 1024)
"""Its log is thrown away."""


class Encoded(Protocol):
    """A membership."""

    def encode(self) -> bytes: ...


def transplant(
    path: Path,
    snapshot: Path,
    identity: Identity,
    membership: Encoded,
    segment_bytes: int = StorageOptions().segment_bytes,
) -> None:
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
            files.make_directory(aside)
            _build(files, aside, snapshot, identity, membership)
            _move_in(files, aside, path, identity.cluster_id, segment_bytes)


def _clear(files: Files, path: Path) -> None:
    """What an earlier try has left. Anything else that lies here is somebody's data."""
    if not (path / TRANSPLANT).exists():
        held = _ours(path)
        if held:
            what = held[0].relative_to(path)
            raise StorageError(path, f"there is {what} without an identity", "Choose an empty one")
        return
    for file in _ours(path):
        files.remove(file)
    shutil.rmtree(path / TRANSPLANT)
    files.sync_directory(path)


def _ours(path: Path) -> list[Path]:
    """What a node wrote; not what a file system keeps in the root of a volume."""
    found = [path / HARD_STATE] if (path / HARD_STATE).exists() else []
    for name, is_ours in ((LOG, segment_sequence), (SNAPSHOTS, snapshot_position)):
        if (path / name).exists():
            found += [file for file in (path / name).iterdir() if is_ours(file.name) is not None]
    return found


def _build(
    files: Files, aside: Path, snapshot: Path, identity: Identity, membership: Encoded
) -> None:
    directory = DataDirectory.open(aside, _SMALL)
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
        config_index=old.index,
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


def _move_in(files: Files, aside: Path, path: Path, cluster_id: bytes, segment_bytes: int) -> None:
    """The identity last: with it, all is there."""
    files.make_directory(path / LOG)
    maker = SegmentMaker(
        files,
        path / LOG,
        segment_bytes=segment_bytes,
        cluster_id=cluster_id,
        random_bytes=os.urandom,
    )
    files.close(maker.make(1).fd)
    for name in (SNAPSHOTS, HARD_STATE, IDENTITY):
        files.rename(aside / name, path / name)
        files.sync_directory(path)
    shutil.rmtree(aside)
    files.sync_directory(path)
