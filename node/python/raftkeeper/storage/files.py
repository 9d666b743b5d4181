"""The few file operations that storage is built on, so that a test can play every bad disk.

`Files` is what storage asks for; `RealFiles` is the operating system. The faulty twin lives in
`raftkeeper.testing.faulty_files`. Nothing here retries: after a failed fsync there is no second try.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from raftkeeper.storage.errors import StorageError, StorageFull


class Files(Protocol):
    """Descriptors are plain integers, because the disk thread writes to them by number."""

    def lock(self, path: Path) -> int:
        """Creates and locks a file for this process; BlockingIOError when another holds it."""

    def make_directory(self, path: Path) -> None:
        """With its parents; durable on return. Nothing when it is there."""

    def names(self, directory: Path) -> list[str]: ...
    def create(self, path: Path) -> int:
        """An empty file to read and write; what was there under this name is cut."""

    def open(self, path: Path) -> int:
        """A file that exists, to read and write; FileNotFoundError otherwise."""

    def close(self, fd: int) -> None: ...
    def size(self, fd: int) -> int: ...
    def read(self, fd: int, length: int, offset: int) -> bytes:
        """`length` bytes, fewer only at the end of the file."""

    def write(self, fd: int, data: bytes, offset: int) -> None: ...
    def preallocate(self, fd: int, length: int) -> None:
        """Makes sure that `length` bytes have their place on disk; they read as zeros."""

    def sync(self, fd: int) -> None: ...
    def sync_directory(self, directory: Path) -> None: ...
    def rename(self, old: Path, new: Path) -> None: ...
    def remove(self, path: Path) -> None: ...
    def remove_directory(self, path: Path) -> None:
        """An empty one."""


class RealFiles:
    """The operating system's files."""

    def lock(self, path: Path) -> int:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def make_directory(self, path: Path) -> None:
        if path.is_dir():
            return
        self.make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        self.sync_directory(path.parent)

    def names(self, directory: Path) -> list[str]:
        return sorted(path.name for path in directory.iterdir())

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def read(self, fd: int, length: int, offset: int) -> bytes:
        data = os.pread(fd, length, offset)
        if len(data) == length or not data:
            return data
        # A single call gives at most 2 GiB, and may give less than asked.
        return data + self.read(fd, length - len(data), offset + len(data))

    def write(self, fd: int, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(fd, rest, offset)
            rest = rest[written:]
            offset += written

    def preallocate(self, fd: int, length: int) -> None:
        os.posix_fallocate(fd, 0, length)

    def sync(self, fd: int) -> None:
        os.fsync(fd)

    def sync_directory(self, directory: Path) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def remove(self, path: Path) -> None:
        path.unlink()

    def remove_directory(self, path: Path) -> None:
        path.rmdir()


@contextmanager
def opened(files: Files, fd: int) -> Iterator[int]:
    """Closes the descriptor at the end of the block."""
    try:
        yield fd
    finally:
        files.close(fd)


def read_whole(files: Files, path: Path) -> bytes:
    with opened(files, files.open(path)) as fd:
        return files.read(fd, files.size(fd), 0)


def replace_file(files: Files, path: Path, data: bytes) -> None:
    """Puts `data` under `path`, durably: whoever looks sees the old content or the new, never half."""
    aside = path.with_name(path.name + ".tmp")
    with opened(files, files.create(aside)) as fd:
        files.write(fd, data, 0)
        files.sync(fd)
    files.rename(aside, path)
    files.sync_directory(path.parent)


@contextmanager
def translated(path: Path, doing: str) -> Iterator[None]:
    """Turns the operating system's errors into ours, once, at this border."""
    try:
        yield
    except OSError as error:
        text = f"{doing} failed: {error.strerror or error}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(path, text, "Free some space") from error
        raise StorageError(path, text, "Check the directory's owner, mode and disk") from error
