"""The data directory as a whole: lock, identity, recovery, writer, snapshots. The package's door."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from raftkeeper._engine import DiskThread
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, RealFiles, translated
from raftkeeper.storage.identity import Identity, read_identity, write_identity
from raftkeeper.storage.layout import (
    CONDEMNED,
    DIVERGED,
    HARD_STATE,
    IDENTITY,
    LOCK,
    LOG,
    SNAPSHOTS,
    TRANSPLANT,
    segment_sequence,
)
from raftkeeper.storage.options import StorageOptions
from raftkeeper.storage.recovery import Recovered, recover
from raftkeeper.storage.replacement import Replacement, finish_replacement
from raftkeeper.storage.segments import SegmentMaker
from raftkeeper.storage.snapshots import SnapshotStore
from raftkeeper.storage.verdicts import Verdict, drop_verdict, read_verdict, write_verdict
from raftkeeper.storage.wal import Record, Wal
from raftkeeper.storage.writer import Disk, EventFdWakeup, Wakeup, Writer

_CONFIG_KIND = 3
"""The kind of records that carry memberships (EntryKind.CONFIG; storage does not know Raft)."""


class DataDirectory:
    """One process at a time. `open`, then `create` where there is no identity, then `recover`."""

    def __init__(
        self,
        path: Path,
        options: StorageOptions,
        *,
        files: Files,
        lock_fd: int,
        identity: Identity | None,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.path = path
        self.identity = identity
        self.diverged = read_diverged(files, path, identity)
        """Why the state made of these data is wrong; None when it is not known to be."""
        self.snapshots = SnapshotStore(files, path / SNAPSHOTS, options)
        self._options = options
        self._files = files
        self._lock_fd = lock_fd
        self._random_bytes = random_bytes
        self._recovered: Recovered | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        options: StorageOptions,
        *,
        files: Files | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> "DataDirectory":
        """Makes the directory where there is none, and locks it."""
        files = files or RealFiles()
        path = path.absolute()
        with translated(path, "opening the data directory"):
            for directory in (path, path / LOG, path / SNAPSHOTS):
                files.make_directory(directory)
            try:
                lock_fd = files.lock(path / LOCK)
            except BlockingIOError:
                raise StorageError(
                    path,
                    "another process uses this data directory",
                    "Stop it, or choose another directory",
                ) from None
        try:
            with translated(path, "finishing the replacement of the data"):
                finish_replacement(files, path, options.segment_bytes, random_bytes)
            identity = read_identity(files, path / IDENTITY)
            if identity is None:
                _check_untouched(files, path)
            else:
                check_not_condemned(files, path, identity)
        except BaseException:
            files.close(lock_fd)
            raise
        return cls(
            path,
            options,
            files=files,
            lock_fd=lock_fd,
            identity=identity,
            random_bytes=random_bytes,
        )

    def create(self, identity: Identity) -> None:
        """Binds the empty directory to a member, for good; durable on return.

        One that waits (see `Identity.waiting`) is bound once more, by whoever takes it in.
        """
        if self.identity is not None and not self.identity.may_become(identity):
            raise ValueError(f"{self.path} belongs to {self.identity} already")
        with translated(self.path, "creating the data directory"):
            write_identity(self._files, self.path / IDENTITY, identity)
        self.identity = identity

    def condemn(self, reason: str) -> None:
        """No node starts on these data any more; durable on return."""
        path, identity = self.path / CONDEMNED, self._known_identity
        with translated(path, "condemning the data"):
            write_verdict(self._files, path, identity.incarnation, Verdict(reason))

    def mark_diverged(self, verdict: Verdict) -> None:
        """The state made of these data is wrong, also after a start; durable on return."""
        path, identity = self.path / DIVERGED, self._known_identity
        with translated(path, "noting that the state is wrong"):
            write_verdict(self._files, path, identity.incarnation, verdict)
        self.diverged = verdict

    def mark_healed(self) -> None:
        """It has been replaced, and nothing that lies here leads back to it."""
        if self.diverged is not None:
            with translated(self.path / DIVERGED, "noting that the state is right again"):
                drop_verdict(self._files, self.path / DIVERGED)
            self.diverged = None

    def recover(self) -> Recovered:
        """Everything that was durable. Raises StorageError on damage."""
        identity = self._known_identity
        self.snapshots.cluster_id = identity.cluster_id
        with translated(self.path, "recovering"):
            self._recovered = recover(
                self._files,
                self.path,
                cluster_id=identity.cluster_id,
                snapshots=self.snapshots,
                maker=self._maker(),
                config_kind=_CONFIG_KIND,
            )
        return self._recovered

    def read_recovered(self, recovered: Recovered) -> Iterator[Record]:
        """Every entry behind the snapshot, of a directory that will not be written."""
        log = recovered.log
        wal = Wal(
            self._files,
            segments=log.segments,
            spares=log.spares,
            index=log.index,
            last_crc=log.last_crc,
        )
        first = recovered.snapshot.index + 1 if recovered.snapshot else 1
        yield from wal.read(first, recovered.last_index)

    def release_recovered(self) -> None:
        """Closes what `recover` opened, in place of a writer."""
        recovered, self._recovered = self._recovered, None
        if recovered is not None:
            self._files.close(recovered.hard_state_file.fd)
            for segment in (*recovered.log.segments, *recovered.log.spares):
                self._files.close(segment.fd)

    def prepare_replacement(self) -> Replacement:
        """Other data for this directory, to be filled; nothing counts before `replace`."""
        with translated(self.path, "preparing other data"):
            return Replacement(self._files, self.path, self._options)

    def replace(self, replacement: Replacement, identity: Identity, term: int) -> Path:
        """Puts them in the place of what is here; where that lies. Not while a writer runs."""
        with translated(self.path, "replacing the data"):
            replacement.commit(identity, term)
            aside = finish_replacement(
                self._files, self.path, self._options.segment_bytes, self._random_bytes
            )
        if aside is None:
            raise ValueError("a replacement was committed and is not there")
        self.identity = identity
        return aside

    def start_writer(
        self,
        notify_fd: int = -1,
        *,
        wakeup: Wakeup | None = None,
        disk: Disk | None = None,
        executor: Executor | None = None,
    ) -> Writer:
        """Once, after `recover`. `notify_fd` is the driver's eventfd; tests bring threads of their own."""
        recovered, self._recovered = self._recovered, None
        if recovered is None:
            raise ValueError("recover first, and start one writer for it")
        log = recovered.log
        writer = Writer(
            self._files,
            self.path,
            self._options,
            wal=Wal(
                self._files,
                segments=log.segments,
                spares=log.spares,
                index=log.index,
                last_crc=log.last_crc,
            ),
            hard_state=recovered.hard_state_file,
            maker=self._maker(),
            disk=disk or DiskThread(notify_fd),
            executor=executor or ThreadPoolExecutor(1, thread_name_prefix="raftkeeper-files"),
            wakeup=wakeup or EventFdWakeup(notify_fd),
        )
        if recovered.restart is not None:
            writer.restart(*recovered.restart)
        return writer

    def close(self) -> None:
        """Releases the directory. The writer is closed by its owner, before."""
        self._files.close(self._lock_fd)

    @property
    def _known_identity(self) -> Identity:
        if self.identity is None or self.identity.is_waiting:
            raise ValueError(f"{self.path} has no identity yet; create it first")
        return self.identity

    def _maker(self) -> SegmentMaker:
        return SegmentMaker(
            self._files,
            self.path / LOG,
            segment_bytes=self._options.segment_bytes,
            cluster_id=self._known_identity.cluster_id,
            random_bytes=self._random_bytes,
        )


def check_not_condemned(files: Files, path: Path, identity: Identity) -> None:
    """Raises StorageError where an earlier life of the member has found its disk to be wrong."""
    verdict = read_verdict(files, path / CONDEMNED, identity.incarnation)
    if verdict is not None:
        raise StorageError(path / LOG, verdict.reason, DAMAGE_WAY_OUT)


def read_diverged(files: Files, path: Path, identity: Identity | None) -> Verdict | None:
    """Why a start on these data serves nobody before it is healed."""
    return read_verdict(files, path / DIVERGED, identity.incarnation) if identity else None


def _check_untouched(files: Files, path: Path) -> None:
    """Without an identity there must be nothing else: it is the first thing written."""
    strangers = [name for name in files.names(path) if name == HARD_STATE]
    strangers += [name for name in files.names(path) if name == TRANSPLANT]
    strangers += [name for name in files.names(path / LOG) if segment_sequence(name)]
    if strangers:
        raise StorageError(
            path / IDENTITY, f"the identity is missing beside {strangers[0]}", DAMAGE_WAY_OUT
        )
