"""Who this disk is: cluster, member, and incarnation. Bound once, never changed.

A member that comes up with an empty directory has a new incarnation: it must never vote under its
old id. This file only keeps the facts; who may join is decided elsewhere.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from raftkeeper._engine import crc32c
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, read_whole, replace_file
from raftkeeper.storage.layout import FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Identity:
    """16 bytes each for cluster and incarnation; member ids count from 1."""

    cluster_id: bytes
    member_id: int
    incarnation: bytes
    founds: bool = False
    """With an empty log it may found an ensemble. Nobody else may, whatever is configured later."""
    recovery_epoch: int = 0
    """The last forced recovery that these data have passed, as the survivor's or after it. Data from
    before a later one belong to an ensemble that was given up."""

    @classmethod
    def waiting(cls, incarnation: bytes, recovery_epoch: int = 0) -> "Identity":
        """Of a directory that belongs to no ensemble yet. Its incarnation stays when it does."""
        return cls(bytes(16), 0, incarnation, recovery_epoch=recovery_epoch)

    @property
    def is_waiting(self) -> bool:
        return self.member_id == 0

    def may_become(self, other: "Identity") -> bool:
        """Bound once, and never to another life of the disk."""
        return self.is_waiting and self.incarnation == other.incarnation


def write_identity(files: Files, path: Path, identity: Identity) -> None:
    """Durable on return."""
    body = json.dumps(
        {
            "version": FORMAT_VERSION,
            "cluster_id": identity.cluster_id.hex(),
            "member_id": identity.member_id,
            "incarnation": identity.incarnation.hex(),
            "founds": identity.founds,
            "recovery_epoch": identity.recovery_epoch,
        }
    ).encode()
    replace_file(files, path, body + b"\n" + f"crc32c {crc32c(body):08x}\n".encode())


def read_identity(files: Files, path: Path) -> Identity | None:
    """None when there is none yet; StorageError when there is one that cannot be read."""
    try:
        data = read_whole(files, path)
    except FileNotFoundError:
        return None
    body, _, seal = data.partition(b"\n")
    if seal != f"crc32c {crc32c(body):08x}\n".encode():
        raise StorageError(path, "the checksum of the identity does not agree", DAMAGE_WAY_OUT)
    value = json.loads(body)
    if value["version"] != FORMAT_VERSION:
        raise StorageError(
            path,
            f"the data directory has format {value['version']}, this node knows {FORMAT_VERSION}",
            "Start the version of RaftKeeper that wrote it",
        )
    return Identity(
        cluster_id=bytes.fromhex(value["cluster_id"]),
        member_id=value["member_id"],
        incarnation=bytes.fromhex(value["incarnation"]),
        founds=value["founds"],
        # Directories from before there were recoveries do not name it.
        recovery_epoch=value.get("recovery_epoch", 0),
    )
