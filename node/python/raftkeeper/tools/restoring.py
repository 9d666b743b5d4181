"""Restores a backup into an empty folder: the first member of a new ensemble with that state.

Everything is checked before the folder is touched. It lies beside itself until it is whole: the
identity comes last, so a node never starts on half of it, and a second try begins anew.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raftkeeper.raft import Member, Membership
from raftkeeper.storage import Identity, StorageError
from raftkeeper.storage.files import RealFiles
from raftkeeper.storage.identity import read_identity
from raftkeeper.storage.layout import IDENTITY
from raftkeeper.storage.transplant import transplant
from raftkeeper.tools.backup_places import BackupError, Place, open_place
from raftkeeper.tools.backup_taking import Content, read_snapshot

FIRST_MEMBER_ID = 1

PIECE_BYTES = 1024 * 1024

WORK_PREFIX = ".restore-"


@dataclass(frozen=True, slots=True)
class Target:
    """The member to be."""

    data_dir: Path
    address: str
    """host:port; '' for a node that will be alone."""
    zone: str = ""
    priority: int = 1


def restore_into(
    target: Target, source: str, environment: Mapping[str, str], *, skip_if_used: bool = False
) -> dict[str, Any]:
    """What was restored. BackupError when it was not; then there is no new member."""
    used = _identity_of(target.data_dir)
    if used is not None and skip_if_used and not used.is_waiting:
        return {"restored": False, "reason": f"{target.data_dir} holds data already"}
    if used is not None:
        raise BackupError(
            f"{target.data_dir} belongs to a member already; restore into an empty folder"
        )
    place, name = open_place(source, environment)
    if not name:
        names = place.names()
        if not names:
            raise BackupError(f"there is no backup at {place.url}")
        name = names[-1]
    with _work_folder(target.data_dir) as work:
        file = Path(work) / "snapshot"
        content = _fetch(place, name, file)
        identity = Identity(os.urandom(16), FIRST_MEMBER_ID, os.urandom(16))
        try:
            transplant(target.data_dir, file, identity, _membership(content, identity, target))
        except StorageError as error:
            raise BackupError(str(error)) from error
    return {
        "restored": True,
        "name": name,
        "index": content.meta.index,
        "term": content.meta.term,
        "zxid": content.meta.zxid,
        "znodes": content.znodes,
        "cluster_id": identity.cluster_id.hex(),
        "member_id": identity.member_id,
        "from_cluster_id": content.meta.cluster_id.hex(),
    }


def _identity_of(data_dir: Path) -> Identity | None:
    try:
        return read_identity(RealFiles(), data_dir / IDENTITY)
    except StorageError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(f"{data_dir} cannot be read: {error.strerror}") from error


def _work_folder(data_dir: Path) -> "TemporaryDirectory[str]":
    """On the same volume: it is the one that has room. Those of tries that were killed are removed, or
    an init container that is killed again and again would fill it.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in data_dir.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left)
        return TemporaryDirectory(prefix=WORK_PREFIX, dir=data_dir)
    except OSError as error:
        raise BackupError(f"{data_dir} cannot be written: {error.strerror}") from error


def _fetch(place: Place, name: str, file: Path) -> Content:
    """Into a file, checked against its record and by reading it whole."""
    record = place.record(name)
    place.fetch(name, file)
    if record is not None and _sha256(file) != record.sha256:
        raise BackupError(
            f"{place.url}/{name}.snap is not what was backed up: its SHA-256 differs from the record"
        )
    content = read_snapshot(file)
    if record is not None and (record.index, record.znodes) != (content.meta.index, content.znodes):
        raise BackupError(f"{place.url}/{name}.snap and its record do not belong together")
    return content


def _membership(content: Content, identity: Identity, target: Target) -> Membership:
    """This member alone. Ids that the backup's ensemble has given out are not given out again."""
    before = Membership.decode(content.meta.membership)
    me = Member(
        identity.member_id, identity.incarnation, target.address, target.zone, target.priority
    )
    return Membership.of([me.id], details=[me], next_id=before.next_id, level=before.level)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
