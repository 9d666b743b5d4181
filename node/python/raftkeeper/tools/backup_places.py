"""Where backups are kept: a folder, or a prefix of a bucket. Each is a file and a record beside it.

    file:///backups/main        /backups/main        s3://bucket/main
    20261123T190000Z-42-3.snap        the snapshot, as the node wrote it
    20261123T190000Z-42-3.snap.json   the record; written last, so what has none is no backup

Names begin with the time, so that they sort by it.
"""

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from raftkeeper.tools.s3 import S3, S3Access, S3Error

SNAPSHOT, RECORD = ".snap", ".snap.json"

RECORD_VERSION = 1

PIECE_BYTES = 1024 * 1024
"""Copied at a time."""

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class BackupError(Exception):
    """It cannot be done; the sentence says why and what helps."""


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """What is known of a backup without reading it."""

    name: str
    index: int
    """The last log entry in it."""
    term: int
    zxid: int
    znodes: int
    file_bytes: int
    sha256: str
    cluster_id: str
    taken_at: str
    """UTC, as 2026-11-23T19:00:00Z."""
    member_id: int = 0
    """Who wrote it."""
    version: str = ""
    """Of RaftKeeper."""

    def as_json(self) -> dict[str, Any]:
        """As it is written and printed."""
        fields = asdict(self)
        file_bytes = fields.pop("file_bytes")
        return {"record": RECORD_VERSION, **fields, "bytes": file_bytes}

    def encode(self) -> bytes:
        """As its file."""
        return json.dumps(self.as_json(), indent=2).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes, where: str) -> "BackupRecord":
        """BackupError when it is none."""
        try:
            fields = json.loads(data)
            if fields.pop("record") != RECORD_VERSION:
                raise ValueError("its version is not known here")
            return cls(file_bytes=fields.pop("bytes"), **fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackupError(f"{where} is no record of a backup: {error}") from error


class Place(Protocol):
    """One folder or prefix."""

    url: str

    def names(self) -> list[str]:
        """Of the backups that are complete, oldest first."""

    def record(self, name: str) -> BackupRecord | None:
        """None when there is none: the file was put there by other means, or is not there."""

    def fetch(self, name: str, target: Path) -> None:
        """Its bytes, unchecked."""

    def store(self, record: BackupRecord, file: Path) -> None:
        """Durable and complete on return. It never replaces a backup of that name."""

    def delete(self, name: str) -> None:
        """The record first: a file alone is no backup."""


def check_name(name: str) -> str:
    """A backup's name: letters, digits, dots, dashes and underscores."""
    if not _NAME.fullmatch(name):
        raise BackupError(f"{name!r} is no name of a backup: letters, digits, '.', '-', '_'")
    return name


def open_place(url: str, environment: Mapping[str, str]) -> tuple[Place, str]:
    """The place of an address; and the name, where it ends in that of one backup."""
    if url.startswith("s3://"):
        bucket, _, path = url.removeprefix("s3://").partition("/")
        prefix, name = _split(path.strip("/"))
        if not bucket:
            raise BackupError(f"{url!r} names no bucket: s3://bucket/prefix")
        try:
            return S3Place(S3(S3Access.from_environment(bucket, environment)), bucket, prefix), name
        except S3Error as error:
            raise BackupError(str(error)) from error
    parts = urlsplit(url)
    if parts.scheme not in {"", "file"} or (parts.scheme == "file" and parts.netloc):
        raise BackupError(f"{url!r} is no place for backups: file:///folder or s3://bucket/prefix")
    folder, name = _split(unquote(parts.path) if parts.scheme else url)
    return FolderPlace(Path(folder or ".").absolute()), name


def _split(path: str) -> tuple[str, str]:
    if not path.endswith(SNAPSHOT):
        return path, ""
    folder, slash, name = path.rpartition("/")
    return folder + (slash if folder == "" else ""), name.removesuffix(SNAPSHOT)


class FolderPlace:
    """A folder, made when the first backup comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = folder.as_uri()

    def names(self) -> list[str]:
        return _complete(path.name for path in self._listed())

    def record(self, name: str) -> BackupRecord | None:
        path = self._folder / f"{name}{RECORD}"
        try:
            return BackupRecord.decode(path.read_bytes(), str(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}") from error

    def fetch(self, name: str, target: Path) -> None:
        path = self._folder / f"{name}{SNAPSHOT}"
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise BackupError(f"{error.filename or path}: {error.strerror}") from error

    def store(self, record: BackupRecord, file: Path) -> None:
        snapshot, told = (self._folder / f"{record.name}{end}" for end in (SNAPSHOT, RECORD))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if told.exists():
                raise BackupError(f"there is a backup {record.name} at {self.url} already")
            with file.open("rb") as source:
                self._put(snapshot, source)
            self._put(told, io.BytesIO(record.encode()))
        except OSError as error:
            raise BackupError(f"{error.filename or self._folder}: {error.strerror}") from error

    def delete(self, name: str) -> None:
        try:
            for end in (RECORD, SNAPSHOT):
                (self._folder / f"{name}{end}").unlink(missing_ok=True)
                self._sync_folder()
        except OSError as error:
            raise BackupError(f"{error.filename or self._folder}: {error.strerror}") from error

    def _put(self, path: Path, source: BinaryIO) -> None:
        """The file has its name only once it is whole and durable."""
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as copy:
                shutil.copyfileobj(source, copy, PIECE_BYTES)
                copy.flush()
                os.fsync(copy.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)  # on a full disk it would be in the way of the next
            raise
        self._sync_folder()

    def _listed(self) -> list[Path]:
        try:
            return list(self._folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackupError(f"{self._folder} cannot be read: {error.strerror}") from error

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class S3Place:
    """A prefix of a bucket."""

    def __init__(self, store: S3, bucket: str, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")

    def names(self) -> list[str]:
        start = len(self._prefix)
        keys = self._told(lambda: list(self._store.keys(self._prefix)))
        return _complete(key[start:] for key in keys if "/" not in key[start:])

    def record(self, name: str) -> BackupRecord | None:
        data = self._told(lambda: self._store.get(self._key(name, RECORD)))
        return None if data is None else BackupRecord.decode(data, f"{self.url}/{name}{RECORD}")

    def fetch(self, name: str, target: Path) -> None:
        if not self._told(lambda: self._store.get_file(self._key(name, SNAPSHOT), target)):
            raise BackupError(f"{self.url}/{name}{SNAPSHOT} is not there")

    def store(self, record: BackupRecord, file: Path) -> None:
        if self.record(record.name) is not None:
            raise BackupError(f"there is a backup {record.name} at {self.url} already")
        self._told(lambda: self._store.put_file(self._key(record.name, SNAPSHOT), file))
        self._told(lambda: self._store.put(self._key(record.name, RECORD), record.encode()))

    def delete(self, name: str) -> None:
        for end in (RECORD, SNAPSHOT):
            self._told(lambda end=end: self._store.delete(self._key(name, end)))  # type: ignore[misc]

    def _key(self, name: str, end: str) -> str:
        return f"{self._prefix}{name}{end}"

    @staticmethod
    def _told(work: Callable[[], T]) -> T:
        try:
            return work()
        except S3Error as error:
            raise BackupError(str(error)) from error
        except OSError as error:
            raise BackupError(f"{error.filename}: {error.strerror}") from error


def _complete(found: Iterable[str]) -> list[str]:
    """Names with both a snapshot and a record."""
    names = set(found)
    return sorted(
        name.removesuffix(RECORD)
        for name in names
        if name.endswith(RECORD) and name.removesuffix(RECORD) + SNAPSHOT in names
    )
