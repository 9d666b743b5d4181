"""The bytes of a snapshot: what makes it whole, and how damage shows.

    file    = head, chunk*, tail
    head    = magic "RKSN", version u32, length u32, crc32c u32 of the rest, meta (JSON)
    chunk   = length u32, raw length u32, crc32c u32 of both and the data, data (one zstandard frame)
    tail    = 0 u32, chunks u64, raw bytes u64, file bytes before the tail u64,
              crc32c u32 of all bytes before the tail, crc32c u32 of the tail

Numbers are little-endian. Chunks stand alone, so they can be sent and resumed one by one.
"""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raftkeeper._engine import crc32c
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files
from raftkeeper.storage.layout import FORMAT_VERSION
from raftkeeper.storage.options import SNAPSHOT_PIECE_BYTES_MAX

_HEAD = struct.Struct("<4sIII")
_CHUNK = struct.Struct("<III")
_TAIL = struct.Struct("<IQQQI")
_MAGIC = b"RKSN"


@dataclass(frozen=True, slots=True)
class SnapshotMeta:
    """What a snapshot is of."""

    index: int
    """The last entry in it."""
    term: int
    zxid: int
    membership: bytes
    """The membership that counts at `index`, as the Raft core encodes it."""
    cluster_id: bytes
    installed: bool = False
    """Received from another member, so that the own log may end before it. The bytes are the
    sender's; the file's name tells."""
    config_index: int = 0
    """The entry that holds the membership; 0 in the head of an earlier release, which did not say it."""


class Summary:
    """Counts and checksum over what has gone by; what the tail must agree with."""

    def __init__(self) -> None:
        self.chunks = 0
        self.raw_bytes = 0
        self.file_bytes = 0
        self.crc = 0

    def add(self, data: bytes) -> None:
        self.file_bytes += len(data)
        self.crc = crc32c(data, self.crc)

    def tail(self) -> bytes:
        body = _TAIL.pack(0, self.chunks, self.raw_bytes, self.file_bytes, self.crc)
        return body + crc32c(body).to_bytes(4, "little")


TAIL_BYTES = len(Summary().tail())


def encode_head(meta: SnapshotMeta) -> bytes:
    body = json.dumps(
        {
            "index": meta.index,
            "term": meta.term,
            "zxid": meta.zxid,
            "membership": meta.membership.decode(),
            "config_index": meta.config_index,
            "cluster_id": meta.cluster_id.hex(),
            "installed": meta.installed,
        }
    ).encode()
    return _HEAD.pack(_MAGIC, FORMAT_VERSION, len(body), crc32c(body)) + body


def encode_chunk(compressed: bytes, raw_length: int) -> bytes:
    crc = crc32c(compressed, crc32c(_CHUNK.pack(len(compressed), raw_length, 0)[:8]))
    return _CHUNK.pack(len(compressed), raw_length, crc) + compressed


def read_chunks(files: Files, fd: int, path: Path) -> Iterator[SnapshotMeta | tuple[bytes, int]]:
    """First the meta, then (compressed, raw length) of each chunk; at the end all has been checked.

    Raises StorageError where the file is not what was written.
    """
    summary = Summary()

    def take(length: int) -> bytes:
        data = files.read(fd, length, summary.file_bytes)
        if len(data) != length:
            raise _damage(path, summary.file_bytes, "the snapshot is cut off")
        summary.add(data)
        return data

    yield _read_head(path, take(_HEAD.size), take)
    while True:
        offset = summary.file_bytes
        head = files.read(fd, _CHUNK.size, offset)
        length, raw_length, crc = _CHUNK.unpack(head) if len(head) == _CHUNK.size else (0, 0, 0)
        if not length:
            break
        if max(length, raw_length) > SNAPSHOT_PIECE_BYTES_MAX:
            raise _damage(path, offset, "a chunk of the snapshot claims an impossible length")
        data = take(_CHUNK.size + length)[_CHUNK.size :]
        if crc32c(data, crc32c(head[:8])) != crc:
            raise _damage(path, offset, "a chunk's checksum does not agree")
        summary.chunks += 1
        summary.raw_bytes += raw_length
        yield data, raw_length
    tail = files.read(fd, TAIL_BYTES + 1, summary.file_bytes)
    if tail != summary.tail():
        raise _damage(path, summary.file_bytes, "the snapshot's tail does not agree with the rest")


def _read_head(path: Path, head: bytes, take: Callable[[int], bytes]) -> SnapshotMeta:
    magic, version, length, crc = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise _damage(path, 0, "this is no snapshot")
    if version != FORMAT_VERSION:
        raise StorageError(
            path,
            f"the snapshot has format {version}, this node knows {FORMAT_VERSION}",
            "Start the version of RaftKeeper that wrote it",
        )
    if length > SNAPSHOT_PIECE_BYTES_MAX:
        raise _damage(path, 0, "the snapshot's head claims an impossible length")
    body = take(length)
    if crc32c(body) != crc:
        raise _damage(path, 0, "the checksum of the snapshot's head does not agree")
    value = json.loads(body)
    return SnapshotMeta(
        index=value["index"],
        term=value["term"],
        zxid=value["zxid"],
        membership=value["membership"].encode(),
        cluster_id=bytes.fromhex(value["cluster_id"]),
        installed=value["installed"],
        config_index=value.get("config_index", 0),
    )


def _damage(path: Path, offset: int, what: str) -> StorageError:
    return StorageError(path, what, DAMAGE_WAY_OUT, offset=offset)
