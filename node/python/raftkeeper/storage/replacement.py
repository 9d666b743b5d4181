"""Other data in the place of a member's, whole or not at all. The old data lie beside and are never deleted.

The new data are made in a folder of their own. Then one file says that they count, and from the moment
it is durable whoever opens the directory finishes the work: moves the old data out, then the new ones
in. So a process that was killed has done nothing, or all of it when the next one is there. This module
must not know why data are replaced.
"""

import errno
import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, RealFiles, opened, read_whole, replace_file, translated
from raftkeeper.storage.hard_state import HardStateFile
from raftkeeper.storage.identity import Identity, read_identity, write_identity
from raftkeeper.storage.layout import (
    CONDEMNED,
    DIVERGED,
    GIVEN_UP,
    HARD_STATE,
    IDENTITY,
    LOCK,
    LOG,
    REPLACEMENT,
    SNAPSHOTS,
    SUCCESSOR,
    segment_sequence,
    snapshot_position,
)
from raftkeeper.storage.options import StorageOptions
from raftkeeper.storage.segments import SegmentMaker
from raftkeeper.storage.snapshots import SnapshotStore

_log = logging.getLogger("raftkeeper.storage")

_OUT, _IN = "out", "in"
"""What is to be done: the old data are moved out, or they are out and the new ones are moved in."""


class Replacement:
    """New data for a directory that this process has locked. Until `commit` nothing of it counts."""

    def __init__(self, files: Files, root: Path, options: StorageOptions) -> None:
        self._files = files
        self._root = root
        self._folder = root / SUCCESSOR
        files.make_directory(self._folder / SNAPSHOTS)
        for directory in (self._folder, self._folder / SNAPSHOTS):
            for name in _files_in(files, directory):  # of a try that was cut short
                files.remove(directory / name)
        self.snapshots = SnapshotStore(files, self._folder / SNAPSHOTS, options)

    def commit(self, identity: Identity, term: int | None) -> None:
        """The new data count. `term` is None for those of a member that has none yet."""
        files, folder = self._files, self._folder
        if term is not None:
            HardStateFile.create(files, folder / HARD_STATE, term)
        write_identity(files, folder / IDENTITY, identity)
        for directory in (folder / SNAPSHOTS, folder):
            files.sync_directory(directory)
        aside = _free_name(files, self._root, identity.recovery_epoch)
        _write_stage(files, self._root, aside, _OUT)


def finish_replacement(
    files: Files, root: Path, segment_bytes: int, random_bytes: Callable[[int], bytes]
) -> Path | None:
    """Does what a committed replacement has left to do; where the old data lie. None without one."""
    try:
        aside, stage = _read_stage(files, root)
    except FileNotFoundError:
        return None
    # A process that was killed may have left names that are seen and on no disk: of the stage, and of
    # the new log. Were they lost with the next power cut, what rests on them here would not be: new
    # data would be moved out as old ones, or be without a log.
    for directory in (root, root / LOG):
        files.sync_directory(directory)
    if stage == _OUT:
        _move_out(files, root, root / aside)
        _write_stage(files, root, aside, _IN)
    _move_in(files, root, segment_bytes, random_bytes)
    files.remove(root / REPLACEMENT)
    files.sync_directory(root)
    for directory in (root / SUCCESSOR / SNAPSHOTS, root / SUCCESSOR):
        with suppress(OSError):  # an empty folder harms nobody
            files.remove_directory(directory)
    _log.warning("%s: the data were replaced; those of before lie in %s", root, root / aside)
    return root / aside


def is_replacing(root: Path) -> bool:
    """Whether a replacement has begun to count and is not finished."""
    return (root / REPLACEMENT).exists()


def give_up_data(
    path: Path,
    options: StorageOptions,
    epoch: int,
    *,
    files: Files | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Path | None:
    """Sets the data of an ensemble aside that was given up; where they lie. None where there are none.

    Whatever lies here, whole or damaged, unless it has passed this epoch: the directory is an empty
    one afterwards, with another life of its disk, and remembers the epoch.
    """
    files = files or RealFiles()
    path = path.absolute()
    with translated(path, "setting the data aside"):
        for directory in (path, path / LOG, path / SNAPSHOTS):
            files.make_directory(directory)
        try:
            lock_fd = files.lock(path / LOCK)
        except BlockingIOError:
            return None  # whoever opens it next says so
        with opened(files, lock_fd):
            finish_replacement(files, path, options.segment_bytes, random_bytes)
            try:
                identity = read_identity(files, path / IDENTITY)
            except StorageError:
                identity = None
            if identity is not None and identity.recovery_epoch >= epoch:
                return None
            if identity is not None and identity.is_waiting:
                write_identity(
                    files, path / IDENTITY, Identity.waiting(identity.incarnation, epoch)
                )
                return None
            if not any(_old_data(files, path)):
                return None
            Replacement(files, path, options).commit(
                Identity.waiting(random_bytes(16), epoch), term=None
            )
            return finish_replacement(files, path, options.segment_bytes, random_bytes)


def _move_out(files: Files, root: Path, aside: Path) -> None:
    """Each file to the same place under `aside`; a log on another volume stays on it."""
    log_aside = aside / LOG
    for directory in (aside, log_aside, aside / SNAPSHOTS):
        files.make_directory(directory)
    files.close(files.create(aside / LOCK))  # so that the folder can be inspected as any other
    for old in list(_old_data(files, root)):
        new = aside / old.relative_to(root)
        try:
            files.rename(old, new)
        except OSError as error:
            if error.errno != errno.EXDEV or old.parent != root / LOG:
                raise
            log_aside = root / LOG / aside.name
            files.make_directory(log_aside)
            files.rename(old, log_aside / old.name)
    for directory in (log_aside, aside / SNAPSHOTS, aside, root / LOG, root / SNAPSHOTS, root):
        files.sync_directory(directory)


def _move_in(
    files: Files, root: Path, segment_bytes: int, random_bytes: Callable[[int], bytes]
) -> None:
    folder = root / SUCCESSOR
    identity = read_identity(files, folder / IDENTITY) or read_identity(files, root / IDENTITY)
    if identity is None:
        raise StorageError(folder / IDENTITY, "the new identity is missing", DAMAGE_WAY_OUT)
    begun = any(segment_sequence(name) for name in files.names(root / LOG))
    if not identity.is_waiting and not begun:
        maker = SegmentMaker(
            files,
            root / LOG,
            segment_bytes=segment_bytes,
            cluster_id=identity.cluster_id,
            random_bytes=random_bytes,
        )
        files.close(maker.make(1).fd)
    for name in _files_in(files, folder / SNAPSHOTS):
        files.rename(folder / SNAPSHOTS / name, root / SNAPSHOTS / name)
    files.sync_directory(root / SNAPSHOTS)
    for name in (HARD_STATE, IDENTITY):
        if name in _files_in(files, folder):
            files.rename(folder / name, root / name)
    files.sync_directory(root)


def _old_data(files: Files, root: Path) -> Iterable[Path]:
    """The identity first: from then on no node starts on what is left."""
    there = set(files.names(root))
    for name in (IDENTITY, HARD_STATE, CONDEMNED, DIVERGED):
        if name in there:
            yield root / name
    for name in files.names(root / LOG):
        if segment_sequence(name) is not None:
            yield root / LOG / name
    for name in files.names(root / SNAPSHOTS):
        if snapshot_position(name) is not None:
            yield root / SNAPSHOTS / name


def _free_name(files: Files, root: Path, epoch: int) -> str:
    """A second one of an epoch is for data that were damaged after it."""
    number = 1
    while True:
        name = f"{GIVEN_UP}-{epoch}" if number == 1 else f"{GIVEN_UP}-{epoch}-{number}"
        if not _files_in(files, root / name) and not _files_in(files, root / LOG / name):
            return name
        number += 1


def _files_in(files: Files, directory: Path) -> list[str]:
    """Without the folders in it; none where it is not there."""
    try:
        names = files.names(directory)
    except FileNotFoundError:
        return []
    return [name for name in names if name not in {LOG, SNAPSHOTS}]


def _write_stage(files: Files, root: Path, aside: str, stage: str) -> None:
    body = json.dumps({"aside": aside, "stage": stage}).encode()
    replace_file(files, root / REPLACEMENT, body + b"\n")


def _read_stage(files: Files, root: Path) -> tuple[str, str]:
    path = root / REPLACEMENT
    try:
        value = json.loads(read_whole(files, path))
        aside, stage = value["aside"], value["stage"]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(path, f"it cannot be read: {error!r}", DAMAGE_WAY_OUT) from error
    if not aside.startswith(GIVEN_UP) or stage not in {_OUT, _IN}:
        raise StorageError(path, "it says what no version of this program wrote", DAMAGE_WAY_OUT)
    return aside, stage
