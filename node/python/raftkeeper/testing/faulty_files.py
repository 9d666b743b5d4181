"""A disk in memory that does everything a real one may: the faulty twin of `RealFiles`.

What was written and not synced may be lost, kept, or torn by sectors at a crash; names that were not
synced with their directory likewise, each on its own. A crash can be set to any step, a
failure with any errno too, and the space can run out. Deterministic: chance comes from outside.
"""

import errno
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from raftkeeper.storage.layout import SECTOR_BYTES

P = ParamSpec("P")
R = TypeVar("R")


UNBOUNDED_BYTES = 1 << 40
"""A disk that never fills up."""


class Crashed(Exception):
    """The machine is gone: no code of the node runs any more."""


class Survival(Enum):
    """What a crash leaves of what was not synced."""

    LOST = "nothing"
    KEPT = "everything, and now it is durable"
    TORN = "any sectors, and any changes of names"
    KILLED = "everything is seen, nothing more is durable: only the process has died"


@dataclass(slots=True)
class _Inode:
    """A file: what the disk holds, what readers see, and what lies between."""

    durable: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[int, bytes]] = field(default_factory=list)

    def settle(self) -> None:
        self.durable = bytearray(self.seen)
        self.unsynced.clear()

    def tear(self, chance: random.Random) -> None:
        """Any of the unsynced sectors reach the disk."""
        for offset, data in self.unsynced:
            at = 0
            while at < len(data):
                end = min(
                    len(data), (offset + at) // SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES - offset
                )
                if chance.random() < 0.5:
                    _put(self.durable, offset + at, data[at:end])
                at = end


@dataclass(slots=True)
class _Directory:
    """Names: what the disk holds, what readers see, and the changes between, oldest first.

    A change is a few names and what they stand for, None for a name that is gone.
    """

    durable: dict[str, _Inode] = field(default_factory=dict)
    seen: dict[str, _Inode] = field(default_factory=dict)
    unsynced: list[dict[str, _Inode | None]] = field(default_factory=list)

    def change(self, names: dict[str, _Inode | None]) -> None:
        self.unsynced.append(names)
        _rename(self.seen, names)

    def torn(self, chance: random.Random) -> dict[str, _Inode]:
        """Any of the unsynced changes reach the disk, each as a whole."""
        names = dict(self.durable)
        for change in self.unsynced:
            if chance.random() < 0.5:
                _rename(names, change)
        return names

    def settle(self) -> None:
        self.durable = dict(self.seen)
        self.unsynced.clear()


def _rename(names: dict[str, _Inode], change: dict[str, _Inode | None]) -> None:
    for name, inode in change.items():
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode


def _put(target: bytearray, offset: int, data: bytes) -> None:
    if len(target) < offset + len(data):
        target.extend(bytes(offset + len(data) - len(target)))
    target[offset : offset + len(data)] = data


class FaultyFiles:
    """`raftkeeper.storage.files.Files` over a dictionary."""

    def __init__(self, *, capacity_bytes: int = UNBOUNDED_BYTES) -> None:
        self.capacity_bytes = capacity_bytes
        self.steps = 0
        """Changes and syncs so far; reads do not count."""
        self.crash_at: int | None = None
        self.fail_at: dict[int, int] = {}
        """Step to errno."""
        self.on_step: Callable[[str], None] = lambda _: None
        self.crashed = False
        self._directories: dict[Path, _Directory] = {}
        self._open: dict[int, _Inode] = {}
        self._locked: dict[int, Path] = {}
        self._moves: list[tuple[Path, Path, _Inode]] = []
        self._next_fd = 1000

    # -- the Files protocol

    def lock(self, path: Path) -> int:
        if path in self._locked.values():
            raise BlockingIOError(errno.EWOULDBLOCK, "locked")
        fd = self._descriptor(_Inode())
        self._locked[fd] = path
        return fd

    def make_directory(self, path: Path) -> None:
        for directory in (*path.parents, path):
            self._directories.setdefault(directory, _Directory())

    def names(self, directory: Path) -> list[str]:
        if directory not in self._directories:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(directory))
        return sorted(self._directories[directory].seen)

    def create(self, path: Path) -> int:
        self._step(f"create {path.name}")
        inode = _Inode()
        directory = self._directories[path.parent]
        directory.change({path.name: inode})
        return self._descriptor(inode)

    def open(self, path: Path) -> int:
        inode = self._directories[path.parent].seen.get(path.name)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self._descriptor(inode)

    def close(self, fd: int) -> None:
        del self._open[fd]
        self._locked.pop(fd, None)

    def size(self, fd: int) -> int:
        return len(self._open[fd].seen)

    def read(self, fd: int, length: int, offset: int) -> bytes:
        return bytes(self._open[fd].seen[offset : offset + length])

    def write(self, fd: int, data: bytes, offset: int) -> None:
        self._step("write")
        inode = self._open[fd]
        self._claim(offset + len(data) - len(inode.seen))
        _put(inode.seen, offset, data)
        inode.unsynced.append((offset, bytes(data)))

    def preallocate(self, fd: int, length: int) -> None:
        self._step("preallocate")
        inode = self._open[fd]
        missing = length - len(inode.seen)
        self._claim(missing)
        if missing > 0:
            offset = len(inode.seen)
            _put(inode.seen, offset, bytes(missing))
            inode.unsynced.append((offset, bytes(missing)))

    def sync(self, fd: int) -> None:
        inode = self._open[fd]
        try:
            self._step("sync")
        except OSError:
            # As on Linux: the pages are clean now, readers see them, the disk does not have them.
            inode.unsynced.clear()
            raise
        inode.settle()

    def sync_directory(self, directory: Path) -> None:
        self._step(f"sync directory {directory.name}")
        self._directories[directory].settle()

    def rename(self, old: Path, new: Path) -> None:
        self._step(f"rename {old.name}")
        directory = self._directories[old.parent]
        if new.parent == old.parent:
            directory.change({old.name: None, new.name: directory.seen[old.name]})
            return
        inode = directory.seen[old.name]
        self._moves.append((old, new, inode))
        self._directories[new.parent].change({new.name: inode})
        directory.change({old.name: None})

    def remove(self, path: Path) -> None:
        self._step(f"remove {path.name}")
        directory = self._directories[path.parent]
        if path.name not in directory.seen:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        directory.change({path.name: None})

    def remove_directory(self, path: Path) -> None:
        if self._directories[path].seen:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))
        del self._directories[path]

    # -- for the test

    @property
    def used_bytes(self) -> int:
        inodes = {id(inode): inode for _, inode in self._inodes()}
        return sum(len(inode.seen) for inode in inodes.values())

    @property
    def open_count(self) -> int:
        """Descriptors that nobody has closed."""
        return len(self._open)

    def after_crash(self, survival: Survival, chance: random.Random) -> "FaultyFiles":
        """The disk as the next start finds it. This one must not be used any more."""
        after = FaultyFiles(capacity_bytes=self.capacity_bytes)
        if survival is Survival.KILLED:
            after._directories, after._moves = self._directories, self._moves
            return after
        for path, directory in self._directories.items():
            if survival is Survival.LOST:
                names = directory.durable
            elif survival is Survival.KEPT:
                names = directory.seen
            else:
                names = directory.torn(chance)
            after._directories[path] = _Directory(dict(names), dict(names))
        for old, new, inode in self._moves:
            # A file system moves a file between two directories as a whole: it is never in neither.
            if after._directories[new.parent].seen.get(new.name) is not inode:
                for names in (
                    after._directories[old.parent].durable,
                    after._directories[old.parent].seen,
                ):
                    names.setdefault(old.name, inode)
        for inode in {id(inode): inode for _, inode in after._inodes()}.values():
            if survival is Survival.KEPT:
                inode.durable = bytearray(inode.seen)
            elif survival is Survival.TORN:
                inode.tear(chance)
            inode.seen = bytearray(inode.durable)
            inode.unsynced.clear()
        return after

    def copy(self) -> "FaultyFiles":
        """The same files, on their own, everything durable."""
        after = FaultyFiles(capacity_bytes=self.capacity_bytes)
        for path, directory in self._directories.items():
            names = {
                name: _Inode(bytearray(inode.seen), bytearray(inode.seen))
                for name, inode in directory.seen.items()
            }
            after._directories[path] = _Directory(dict(names), dict(names))
        return after

    def paths(self) -> list[Path]:
        return sorted(path for path, _ in self._inodes())

    def durable_content(self, path: Path) -> bytes:
        """What is on the disk itself."""
        return bytes(self._directories[path.parent].seen[path.name].durable)

    def rot(self, path: Path, offset: int, bit: int) -> None:
        """One bit of what is durable turns over."""
        inode = self._directories[path.parent].seen[path.name]
        for data in {id(data): data for data in (inode.durable, inode.seen)}.values():
            if offset < len(data):
                data[offset] ^= 1 << bit

    def content(self, path: Path) -> bytearray:
        """What readers see; changing it is rot."""
        return self._directories[path.parent].seen[path.name].seen

    def _inodes(self) -> Iterator[tuple[Path, _Inode]]:
        for path, directory in self._directories.items():
            for name, inode in directory.seen.items():
                yield path / name, inode

    def _descriptor(self, inode: _Inode) -> int:
        self._next_fd += 1
        self._open[self._next_fd] = inode
        return self._next_fd

    def _claim(self, more_bytes: int) -> None:
        if more_bytes > 0 and self.used_bytes + more_bytes > self.capacity_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _step(self, what: str) -> None:
        self.steps += 1
        self.on_step(what)
        if self.crashed or self.steps == self.crash_at:
            self.crashed = True
            raise Crashed(f"at step {self.steps}, {what}")
        if number := self.fail_at.get(self.steps):
            raise OSError(number, os.strerror(number))


class FaultyDisk:
    """The disk thread over FaultyFiles. Works at once, or job by job when `manual`."""

    def __init__(self, files: FaultyFiles, *, manual: bool = False) -> None:
        self.manual = manual
        self.waiting: list[tuple[int, int, bytes]] = []
        self._files = files
        self._issued = 0
        self._done = 0
        self._failure = ("", 0)

    def write_sync(self, fd: int, offset: int, data: bytes) -> int:
        self._issued += 1
        if not self._failure[0]:
            self.waiting.append((fd, offset, data))
            if not self.manual:
                self.run()
        return self._issued

    def run(self, count: int = 1 << 30) -> None:
        """Does the next `count` jobs."""
        while self.waiting and count and not self._failure[0]:
            fd, offset, data = self.waiting.pop(0)
            count -= 1
            try:
                self._files.write(fd, data, offset)
                self._files.sync(fd)
                self._done += 1
            except OSError as error:
                self._failure = (error.strerror or str(error), error.errno or 0)
                self.waiting.clear()

    def done(self) -> tuple[int, str, int]:
        return (self._done, *self._failure)

    def fsync_us(self) -> list[int]:
        return []

    def close(self) -> None:
        self.run()


class InlineExecutor(Executor):
    """Does the work in `submit`, or when told to (`manual`). A crash takes the caller down too."""

    def __init__(self, *, manual: bool = False) -> None:
        self.manual = manual
        self._waiting: list[Callable[[], None]] = []

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        future: Future[R] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except OSError as error:
                future.set_exception(error)

        self._waiting.append(work)
        if not self.manual:
            self.run()
        return future

    def run(self) -> None:
        """Does what waits."""
        while self._waiting:
            self._waiting.pop(0)()

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        if wait:
            self.run()


class CountingWakeup:
    """Counts instead of waking."""

    def __init__(self) -> None:
        self.count = 0

    def notify(self) -> None:
        self.count += 1

    def drain(self) -> None:
        self.count = 0
