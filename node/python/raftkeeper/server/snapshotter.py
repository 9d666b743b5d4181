"""Takes snapshots in small slices beside the requests, and cuts the log behind them.

The engine freezes its state at once and hands it out piece by piece; a worker thread compresses and
writes each piece while the loop goes on. A failed snapshot costs nothing but log space: it is
dropped and tried again later. This module must never hold the loop for a whole snapshot.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from raftkeeper._engine import Engine
from raftkeeper.raft import InvariantBroken, RaftCore
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.figures import DriverFigures
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import DataDirectory, SnapshotJob, SnapshotMeta, StorageError, Writer

if TYPE_CHECKING:
    from raftkeeper.server.config import Snapshot

log = get_logger(__name__)


class Snapshotter:
    """One node's snapshots. `maybe` about every second, `take` on demand; one at a time."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        writer: Writer,
        data: DataDirectory,
        cluster_id: bytes,
        settings: "Snapshot",
        clock: Clock,
        figures: DriverFigures,
        restored: SnapshotMeta | None,
        why_held: Callable[[], str],
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        """`why_held`: why none is to be taken now, because the state is wrong or being replaced; ''
        when they may be. `on_fatal` ends the node.
        """
        self.taken = 0
        self.failed = 0
        self.slice_times = Histogram.of_durations()
        self.durations = Histogram.of_durations()
        self.last_index = restored.index if restored else 0
        self.last_zxid = restored.zxid if restored else 0
        self.last_ms = 0
        self._engine = engine
        self._core = core
        self._writer = writer
        self._data = data
        self._cluster_id = cluster_id
        self._settings = settings
        self._clock = clock
        self._figures = figures
        self._why_held = why_held
        self._on_fatal = on_fatal
        self._bytes_at_last = 0
        self._not_before_us = 0
        self._task: asyncio.Task[bool] | None = None
        self._job: SnapshotJob | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot")

    @property
    def running(self) -> bool:
        """Whether one is being taken."""
        return self._task is not None and not self._task.done()

    def maybe(self) -> None:
        """Starts one when enough was logged since the last."""
        if self.running or self._why_held() or self._clock.now_us() < self._not_before_us:
            return
        entries = self._core.applied_index - self.last_index
        logged = self._figures.bytes_applied - self._bytes_at_last
        settings = self._settings
        if entries >= settings.every_entries or logged >= settings.every_log_bytes:
            self.start()

    def interrupt(self) -> None:
        """Drops one that is under way: the state it walks over is about to be replaced."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
        if self._job is not None:
            self._job.give_up()  # its thread may be finishing it right now

    def follow_install(self, meta: SnapshotMeta) -> None:
        """Another member's snapshot has become this member's newest."""
        self.interrupt()
        self.last_index, self.last_zxid = meta.index, meta.zxid
        self.last_ms = self._clock.wall_ms()
        self._bytes_at_last = self._figures.bytes_applied

    def start(self) -> int | None:
        """Starts one now; the log index it will hold, or None where none may be started."""
        if self.running or self._why_held():
            return None
        self._task = asyncio.get_running_loop().create_task(self._take())
        return self._core.applied_index

    def start_for_another(self) -> None:
        """A member needs one that is not there. It asks again, so one that failed can wait here too."""
        if self._clock.now_us() >= self._not_before_us:
            self.start()

    async def take(self, timeout_s: float) -> bool:
        """Takes one, or joins one that is under way, and waits for it; whether it is on disk."""
        if not self.running and self.start() is None:
            return False
        task = self._task
        assert task is not None
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        return bool(done) and not task.cancelled() and task.result()

    async def close(self) -> None:
        """Drops one that is under way."""
        self.interrupt()
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task})
        self._thread.shutdown(wait=True)

    async def _take(self) -> bool:
        try:
            await self._take_and_purge()
        except InvariantBroken as error:
            self._on_fatal(error)
            return False
        except (StorageError, OSError) as error:
            return self._give_up(str(error))
        except Exception as error:  # the top frame of a task: the node goes on without
            log.critical("snapshot.broken", exc_info=error)
            return self._give_up(repr(error))
        return True

    async def _take_and_purge(self) -> None:
        started_us = self._clock.now_us()
        # What lies on disk counts: the last one taken may have turned out damaged since.
        newest_index = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._data.snapshots.newest_index
        )
        if self._core.applied_index <= newest_index:
            return
        meta = await self._write()
        duration_us = self._clock.now_us() - started_us
        self.taken += 1
        self.durations.add(duration_us)
        self.last_index, self.last_zxid = meta.index, meta.zxid
        self.last_ms = self._clock.wall_ms()
        purged_first = self._purge()
        log.info(
            "snapshot.taken",
            index=meta.index,
            zxid=f"0x{meta.zxid:x}",
            duration_ms=duration_us // 1000,
            log_first_index=purged_first,
        )

    def _purge(self) -> int:
        """Cuts the log, but not from under a living follower, unless that one is far behind."""
        keep_bytes = limits.FOLLOWER_LOG_FACTOR * self._settings.every_log_bytes
        index = self._data.snapshots.purge_index(self._writer.before_tail)
        if self._writer.statistics()["log_disk_bytes"] < keep_bytes:
            index = min(index, self._core.tail_index - 1)
        purged_first = self._writer.purge(index)
        if purged_first:
            self._core.compact(purged_first - 1)
        return purged_first

    def _give_up(self, reason: str) -> bool:
        """The log holds everything, so a snapshot that failed is tried again later."""
        self.failed += 1
        self._not_before_us = self._clock.now_us() + int(limits.SNAPSHOT_RETRY_S * 1_000_000)
        log.error("snapshot.failed", reason=reason, retry_s=limits.SNAPSHOT_RETRY_S)
        return False

    async def _write(self) -> SnapshotMeta:
        """The walk: a slice on the loop, its bytes in the thread, and so on to the end."""
        loop = asyncio.get_running_loop()
        engine, core = self._engine, self._core
        bytes_at_start = self._figures.bytes_applied
        index, zxid = engine.snapshot_begin()
        finished = False
        begun: Future[SnapshotJob] | None = None
        try:
            term = core.term_at(index)
            if term is None:
                raise RuntimeError(f"the term of the applied entry {index} is not known")
            meta = SnapshotMeta(
                index=index,
                term=term,
                zxid=zxid,
                membership=core.membership_at(index).encode(),
                cluster_id=self._cluster_id,
                config_index=core.memberships.index_at(index),
            )
            log.info("snapshot.begin", index=index, zxid=f"0x{zxid:x}")
            begun = self._thread.submit(self._data.snapshots.begin, meta)
            self._job = job = await asyncio.wrap_future(begun)
            while piece := self._next_piece():
                await loop.run_in_executor(self._thread, job.add, piece)
            await loop.run_in_executor(self._thread, job.finish)
            finished = True
        finally:
            self._job = None
            if not finished:
                engine.snapshot_abandon()
                if begun is not None:
                    # In the same thread, hence after what that is doing right now.
                    self._thread.submit(_abandon, begun)
        self._bytes_at_last = bytes_at_start
        return meta

    def _next_piece(self) -> bytes:
        began_us = self._clock.now_us()
        piece = self._engine.snapshot_next(limits.SNAPSHOT_PIECE_BYTES)
        self.slice_times.add(self._clock.now_us() - began_us)
        return piece


def _abandon(begun: "Future[SnapshotJob]") -> None:
    """One that was begun, or was to be."""
    if not begun.cancelled() and begun.exception() is None:
        begun.result().abandon()
