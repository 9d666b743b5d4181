"""Turns what the core wants persisted into jobs of the disk thread, and tells what is durable.

One round at a time: hard state, then blocks. What arrives meanwhile is gathered and goes out as the
next round under one fsync. Everything here runs on the loop's thread and never waits; the disk
thread and the files thread wake the loop through the driver's eventfd.

A failed write or fsync is final. A full disk is not: the next segment is made long before it is
needed, so while that fails, what was accepted still fits, and the driver can refuse the rest.
"""

import errno
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from raftkeeper.storage.errors import StorageFailed
from raftkeeper.storage.files import Files
from raftkeeper.storage.hard_state import HardStateFile
from raftkeeper.storage.layout import RESTART
from raftkeeper.storage.options import BLOCK_BYTES_MAX, StorageOptions
from raftkeeper.storage.segments import HEADER_BYTES, Segment, SegmentMaker, remove_segments
from raftkeeper.storage.wal import Record, Wal, block_bytes

_log = logging.getLogger("raftkeeper.storage")

P = ParamSpec("P")
R = TypeVar("R")

_STOP = "The node stops, because nobody knows what is on the disk now. Check the disk, start again"


class Wakeup(Protocol):
    """How other threads wake the loop; `EventFdWakeup` or a twin of it."""

    def notify(self) -> None: ...
    def drain(self) -> None: ...


class EventFdWakeup:
    """Over an eventfd (non-blocking) that the driver owns and watches."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def notify(self) -> None:
        os.eventfd_write(self._fd, 1)

    def drain(self) -> None:
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            return  # nobody has notified since the last time


class Disk(Protocol):
    """What the engine's DiskThread does, and its faulty twin."""

    def write_sync(self, fd: int, offset: int, data: bytes) -> int: ...
    def done(self) -> tuple[int, str, int]: ...
    def fsync_us(self) -> list[int]: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class _Group:
    """What one Ready wants persisted."""

    number: int
    hard_state: tuple[int, int] | None
    records: Sequence[Record]
    payload_bytes: int
    block_bytes: int
    """Of a block of its own; 0 without records."""


class Writer:
    """Drives the disk thread; the files thread makes and removes segments."""

    def __init__(
        self,
        files: Files,
        directory: Path,
        options: StorageOptions,
        *,
        wal: Wal,
        hard_state: HardStateFile,
        maker: SegmentMaker,
        disk: Disk,
        executor: Executor,
        wakeup: Wakeup,
    ) -> None:
        self._files = files
        self._directory = directory
        self._wal = wal
        self._hard_state = hard_state
        self._maker = maker
        self._disk = disk
        self._executor = executor
        self._wakeup = wakeup
        self._block_bytes_max = min(BLOCK_BYTES_MAX, options.segment_bytes // 4)
        self._segment_room_bytes = options.segment_bytes - HEADER_BYTES
        self._tail_entries, self._tail_bytes = options.tail_entries, options.tail_bytes
        self._reserve_bytes = max(options.segment_bytes // 4, 2 * options.record_bytes_max)
        self._quiet_ticks_min = options.quiet_ticks
        self._quiet_ticks = 0
        self._end_at_tick = wal.end
        self._waiting: deque[_Group] = deque()
        self._waiting_bytes = 0
        self._last_number = 0
        self._last_job = 0
        self._under_way: int | None = None
        self._making: Future[Segment] | None = None
        self._make_error = ""
        self._removing: Future[None] | None = None
        self._failure: StorageFailed | None = None
        self._blocks = 0
        self._bytes = 0
        self._make_spare()

    # -- the data path

    def write(
        self,
        number: int,
        hard_state: tuple[int, int] | None,
        records: Sequence[Record],
        *,
        restart: tuple[int, int] | None = None,
    ) -> None:
        """Hands over what must become durable; `poll` tells when. Never waits.

        In this order: hard state, `restart` (see there), records. The driver keeps it bounded: it
        asks `room` before it proposes.
        """
        if restart is not None:
            # The snapshot may be of a newer term than the disk knows. Behind a restart the log is
            # that term's, and a log ahead of its hard state is one that no start accepts.
            self.restart(*restart, hard_state=hard_state)
            hard_state = None
        for group in self._cut(number, hard_state, records):
            self._waiting.append(group)
            self._waiting_bytes += group.block_bytes
        self._last_number = number
        self._start()

    def restart(self, index: int, term: int, *, hard_state: tuple[int, int] | None = None) -> None:
        """The log so far counts no more: a durable snapshot of another member covers `index`, and
        the next entry is the one behind it. What `write` brings next becomes durable after this,
        the hard state before.
        """
        record = (index, term, RESTART, b"")
        length = block_bytes(1, 0)
        self._waiting.append(_Group(self._last_number, hard_state, [record], 0, length))
        self._waiting_bytes += self._waiting[-1].block_bytes
        self._start()

    def poll(self) -> int | None:
        """Looks at what the threads have done: the highest number that became durable, or None.

        To be called when the eventfd wakes the loop. Raises StorageFailed when the node must stop.
        """
        self._wakeup.drain()
        self._check_threads()
        done, text, number = self._disk.done()
        if text:
            self._failure = StorageFailed(
                self._directory, f"writing the log failed: {text} (errno {number})", _STOP
            )
            raise self._failure
        durable = None
        while self._under_way is not None and done >= self._last_job:
            durable, self._under_way = self._under_way, None
            self._start()  # a group without a job of its own is durable with the one before
        self._start()
        return durable

    @property
    def idle(self) -> bool:
        """Nothing is under way or waiting: the moment to seal the next batch."""
        return self._under_way is None and not self._waiting

    @property
    def under_way(self) -> int | None:
        """The number that the disk is working for; None when it has nothing to do."""
        return self._under_way

    def room(self) -> int:
        """Bytes of payload that surely fit now in one more record."""
        return max(0, self._wal.room_bytes - self._waiting_bytes - block_bytes(1, 0))

    @property
    def bytes_written(self) -> int:
        """Of blocks of the log, since the start."""
        return self._bytes

    @property
    def full(self) -> str:
        """Why writes should be refused for now; '' when they need not."""
        if self._make_error and self.room() < self._reserve_bytes:
            return self._make_error
        return ""

    # -- housekeeping

    def tick(self) -> None:
        """Tries again to make the next segment where that has failed; and where nothing has been
        written for a while, lets the hard state say so.
        """
        self._check_threads()
        self._make_spare()
        self._start()
        self._mark_end()

    def read(self, first: int, last: int) -> Iterator[Record]:
        """Durable entries first..last, streamed from disk."""
        return self._wal.read(first, last)

    def purge(self, index: int) -> int:
        """Drops whole segments whose entries are all at or below `index`, in the background.

        Returns the first index that is left, or 0 where the log holds no entries.
        """
        if self._removing is None:
            segments = self._wal.detach_purgeable(index)
            if segments:
                self._removing = self._submit(
                    remove_segments, self._files, segments[0].path.parent, segments
                )
        return self._wal.first_index

    def before_tail(self, last: int) -> int:
        """The entry before those that are kept up to `last` for followers that lag a little."""
        by_bytes = self._wal.before_tail(last, self._tail_bytes)
        return max(by_bytes, last - self._tail_entries, 0)

    def fsync_us(self) -> list[int]:
        return self._disk.fsync_us()

    def statistics(self) -> dict[str, float]:
        return {
            "log_blocks": self._blocks,
            "log_bytes": self._bytes,
            "log_disk_bytes": self._wal.disk_bytes,
            "log_first_index": self._wal.first_index,
            "log_last_index": self._wal.last_index,
            "log_waiting_bytes": self._waiting_bytes,
            "log_full": float(bool(self.full)),
        }

    def close(self) -> None:
        """Finishes what was handed over and fits, then ends the threads and closes the files."""
        if self._failure is None:
            self._issue_waiting()
            self._write_end()
        self._disk.close()
        self._executor.shutdown(wait=True)
        if self._making is not None and self._making.exception() is None:
            self._wal.add_spare(self._making.result())
        self._wal.close()
        self._files.close(self._hard_state.fd)

    # -- inside

    def _cut(
        self, number: int, hard_state: tuple[int, int] | None, records: Sequence[Record]
    ) -> list[_Group]:
        """Into blocks of bounded length; only the last of them makes `number` durable."""
        payload = sum([len(record[3]) for record in records])
        length = block_bytes(len(records), payload) if records else 0
        if length <= self._block_bytes_max:
            return [_Group(number, hard_state, records, payload, length)]
        groups: list[_Group] = []
        start = payload = 0
        for at, record in enumerate(records):
            if block_bytes(1, len(record[3])) > self._segment_room_bytes:
                raise ValueError(f"entry {record[0]} fits no segment: {len(record[3])} bytes")
            length = block_bytes(at + 1 - start, payload + len(record[3]))
            if at > start and length > self._block_bytes_max:
                part, length = records[start:at], block_bytes(at - start, payload)
                groups.append(_Group(self._last_number, hard_state, part, payload, length))
                hard_state, start, payload = None, at, 0
            payload += len(record[3])
        length = block_bytes(len(records) - start, payload)
        groups.append(_Group(number, hard_state, records[start:], payload, length))
        return groups

    def _start(self) -> None:
        if self._under_way is None and self._waiting and self._failure is None:
            self._issue_waiting()
            self._make_spare()

    def _issue_waiting(self) -> None:
        """Issues the groups that wait, neighbours in common blocks, as far as they fit."""
        while self._waiting:
            groups = self._take_neighbours()
            if not groups:
                return
            for group in groups:
                if group.hard_state is not None:
                    self._write_hard_state(*group.hard_state)
            records = [record for group in groups for record in group.records]
            if records:
                block = self._wal.frame(records)
                self._last_job = self._disk.write_sync(*block)
                self._blocks += 1
                self._bytes += len(block.data)
            self._under_way = groups[-1].number

    def _write_hard_state(self, term: int, vote: int) -> None:
        """With the end of the log: all blocks before it are jobs before these, and the disk's thread
        goes no further than the first that fails.
        """
        for offset, data in self._hard_state.writes(term, vote, self._wal.end):
            self._last_job = self._disk.write_sync(self._hard_state.fd, offset, data)

    def _mark_end(self) -> None:
        """Says in the hard state how far the log is durable, once it is quiet."""
        end = self._wal.end
        is_quiet = self.idle and end == self._end_at_tick and self._failure is None
        self._end_at_tick = end
        self._quiet_ticks = self._quiet_ticks + 1 if is_quiet else 0
        if self._quiet_ticks_min and self._quiet_ticks == self._quiet_ticks_min:
            self._write_end()

    def _write_end(self) -> None:
        state = self._hard_state.state
        if state.log_end != self._wal.end:
            self._write_hard_state(state.term, state.vote)

    def _take_neighbours(self) -> list[_Group]:
        """The groups at the front that make one block: contiguous, of bounded length, and fitting."""
        taken: list[_Group] = []
        count = payload = 0
        last_index = 0
        while self._waiting:
            group = self._waiting[0]
            length = block_bytes(count + len(group.records), payload + group.payload_bytes)
            contiguous = not (count and group.records) or (
                group.records[0][0] == last_index + 1 and group.records[0][2] != RESTART
            )
            if taken and (length > self._block_bytes_max or not contiguous):
                break
            if group.records and not self._wal.fits(length):
                break
            taken.append(self._waiting.popleft())
            self._waiting_bytes -= group.block_bytes
            count += len(group.records)
            payload += group.payload_bytes
            if group.records:
                last_index = group.records[-1][0]
        return taken

    def _make_spare(self) -> None:
        if self._making is None and self._wal.needs_spare and self._failure is None:
            self._making = self._submit(self._maker.make, self._wal.next_sequence)

    def _submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        future = self._executor.submit(work, *args, **kwargs)
        future.add_done_callback(lambda _: self._wakeup.notify())
        return future

    def _check_threads(self) -> None:
        """Takes over what the files thread has finished."""
        if self._failure is not None:
            raise self._failure
        if self._making is not None and self._making.done():
            self._on_made(self._making)
            self._making = None
        if self._removing is not None and self._removing.done():
            removed, self._removing = self._removing, None
            self._fail_on(removed.exception(), "removing old segments of the log failed")

    def _on_made(self, making: "Future[Segment]") -> None:
        error = making.exception()
        if error is None:
            self._wal.add_spare(making.result())
            if self._make_error:
                _log.warning("%s: there is space for the log again", self._directory)
            self._make_error = ""
            return
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            if not self._make_error:
                _log.error("%s: no space for the next segment of the log", self._directory)
            self._make_error = f"no space left for the log in {self._directory}"
            return
        self._fail_on(error, "making the next segment of the log failed")

    def _fail_on(self, error: BaseException | None, doing: str) -> None:
        if error is None:
            return
        self._failure = StorageFailed(self._directory, f"{doing}: {error}", _STOP)
        raise self._failure from error
