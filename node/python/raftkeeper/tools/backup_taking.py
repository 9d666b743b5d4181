"""Takes a backup: a consistent snapshot of one member, read whole before it counts, put in its place.

Any member will do, because a snapshot is the state at one zxid; a follower is asked first, so that the
leader's disk is left alone.
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raftkeeper._engine import Engine, EngineError
from raftkeeper.storage import SnapshotMeta, StorageError
from raftkeeper.storage.files import RealFiles, opened
from raftkeeper.storage.snapshot_file import read_chunks
from raftkeeper.tools.admin_client import AdminClient, AdminError
from raftkeeper.tools.backup_places import BackupError, BackupRecord, Place

RETRY_S = 0.5
"""Between two rounds over the members, while none of them can give a snapshot."""

_BOUND = 1 << 30


@dataclass(frozen=True, slots=True)
class Content:
    """What a snapshot's file holds, by reading all of it."""

    meta: SnapshotMeta
    znodes: int


def take_backup(
    client: AdminClient,
    endpoints: tuple[str, ...],
    place: Place,
    *,
    name: str = "",
    timeout_s: float,
    work: Path | None = None,
) -> BackupRecord:
    """Raises BackupError or AdminError; then the place has no new backup."""
    if name and place.record(name) is not None:
        raise BackupError(f"there is a backup {name} at {place.url} already")
    try:
        with TemporaryDirectory(prefix="raftkeeper-backup-", dir=work) as folder:
            file = Path(folder) / "snapshot"
            deadline = time.monotonic() + timeout_s
            while True:
                try:
                    status, fetched = _fetch_from_any(client, endpoints, file)
                    break
                except AdminError:
                    if time.monotonic() > deadline:
                        raise
                time.sleep(RETRY_S)
            content = read_snapshot(file)
            record = _describe(name, status, fetched, content)
            place.store(record, file)
    except OSError as error:
        raise BackupError(
            f"{error.filename}: {error.strerror}; the snapshot is kept in --work-dir meanwhile"
        ) from error
    return record


def read_snapshot(file: Path) -> Content:
    """Every checksum, and then every znode: the engine restores it as a node would."""
    files = RealFiles()
    engine = build_reader()
    try:
        with opened(files, files.open(file)) as fd:
            parts = read_chunks(files, fd, file)
            meta = next(parts)
            assert isinstance(meta, SnapshotMeta)
            engine.restore_begin()
            for piece in _decompressed(parts):
                engine.restore_piece(piece)
            engine.restore_end()
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error
    except (StorageError, EngineError) as error:
        raise BackupError(f"this is no backup that could be restored: {error}") from error
    if (engine.applied_index, engine.last_zxid) != (meta.index, meta.zxid):
        raise BackupError(f"{file}: its head is of entry {meta.index}, its content of another")
    return Content(meta, int(engine.statistics()["znode_count"]))


def build_reader() -> Engine:
    """An engine that only restores."""
    return Engine(
        origin=secrets.randbits(64),
        min_session_timeout_ms=1,
        max_session_timeout_ms=1_000_000,
        frame_bytes_max=_BOUND,
        batch_bytes_max=_BOUND,
        connection_outstanding_max=1,
        outstanding_max=1,
    )


def _decompressed(parts: Iterator[SnapshotMeta | tuple[bytes, int]]) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    for part in parts:
        assert not isinstance(part, SnapshotMeta)
        compressed, raw_length = part
        try:
            yield decompressor.decompress(compressed, max_output_size=raw_length)
        except zstandard.ZstdError as error:
            raise BackupError(f"a chunk of the snapshot does not decompress: {error}") from error


def _fetch_from_any(
    client: AdminClient, endpoints: tuple[str, ...], file: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The status of whoever gave it, and what was downloaded."""
    statuses = client.statuses()
    problems = {e: s for e, s in statuses.items() if isinstance(s, AdminError)}
    ready = {e: s for e, s in statuses.items() if isinstance(s, dict) and s["ready"]}
    # A follower first, and of those the one that knows most.
    for endpoint in sorted(ready, key=lambda e: (_leads(ready[e]), -ready[e]["applied_index"])):
        try:
            taken = client.take_snapshot(endpoint)
            return ready[endpoint], client.download(endpoint, str(taken["id"]), file)
        except AdminError as error:
            problems[endpoint] = error
    reasons = [f"{endpoint}: {problem}" for endpoint, problem in problems.items()]
    reasons += [f"{e} does not serve" for e in endpoints if e not in {*problems, *ready}]
    raise AdminError("no member gave a snapshot: " + "; ".join(reasons))


def _leads(status: dict[str, Any]) -> bool:
    return bool(status["leader_id"] == status["identity"]["member_id"])


def _describe(
    name: str, status: dict[str, Any], fetched: dict[str, Any], content: Content
) -> BackupRecord:
    meta, now = content.meta, datetime.now(UTC)
    return BackupRecord(
        name=name or f"{now:%Y%m%dT%H%M%SZ}-{meta.index}-{meta.term}",
        index=meta.index,
        term=meta.term,
        zxid=meta.zxid,
        znodes=content.znodes,
        file_bytes=int(fetched["bytes"]),
        sha256=str(fetched["sha256"]),
        cluster_id=meta.cluster_id.hex(),
        taken_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        member_id=int(status["identity"]["member_id"]),
        version=str(status["version"]),
    )
