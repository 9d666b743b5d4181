"""A simulated disk with time in it: the log's thread and the files' thread over the faulty files.

Each job takes a while, and what it did is told to an observer at the moment it is durable, straight
from the bytes: so a checker knows what is on the disk without asking the node.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, NamedTuple, ParamSpec, TypeVar

from raftkeeper.storage.hard_state import decode_slot
from raftkeeper.testing.faulty_files import Crashed, FaultyFiles
from raftkeeper.testing.sim_chance import Chance
from raftkeeper.testing.sim_loop import MachineLoop

P = ParamSpec("P")
R = TypeVar("R")

_SLOT_MAGIC = b"RKHS"
_BLOCK_MAGIC = b"RKB1"
_BLOCK_HEADER_BYTES = 32
_RECORD_HEADER_BYTES = 24


@dataclass(frozen=True, slots=True)
class DiskOptions:
    """How slow the disk is."""

    sync_min_us: int = 100
    sync_jitter_us: int = 300
    slow_per_mille: int = 0
    """How many jobs take `slow_us` more."""
    slow_us: int = 200_000
    file_us: int = 2_000
    """What the files' thread takes for one thing: a segment, a piece of a snapshot."""


class DurableVote(NamedTuple):
    """Term and vote, as one slot on the disk says them."""

    term: int
    vote: int


class DurableEntries(NamedTuple):
    """(index, term) of the records of one block."""

    positions: list[tuple[int, int]]


def decode_durable(data: bytes) -> DurableVote | DurableEntries | None:
    """What these bytes mean once they are on the disk."""
    if data[:4] == _SLOT_MAGIC:
        slot = decode_slot(data)
        return DurableVote(slot.term, slot.vote) if slot else None
    if data[:4] != _BLOCK_MAGIC:
        return None
    positions: list[tuple[int, int]] = []
    at = _BLOCK_HEADER_BYTES
    for _ in range(int.from_bytes(data[12:16], "little")):
        index = int.from_bytes(data[at : at + 8], "little")
        positions.append((index, int.from_bytes(data[at + 8 : at + 16], "little")))
        at += _RECORD_HEADER_BYTES + int.from_bytes(data[at + 20 : at + 24], "little")
    return DurableEntries(positions)


class SimDisk:
    """The engine's DiskThread: jobs in order, one at a time, each takes its time."""

    def __init__(
        self,
        files: FaultyFiles,
        loop: MachineLoop,
        chance: Chance,
        options: Callable[[], DiskOptions],
        *,
        wake: Callable[[], object],
        on_durable: Callable[[DurableVote | DurableEntries], None],
    ) -> None:
        self._files = files
        self._loop = loop
        self._chance = chance
        self._options = options
        self._wake = wake
        self._on_durable = on_durable
        self._jobs: deque[tuple[int, int, bytes]] = deque()
        self._busy = False
        self._issued = 0
        self._done = 0
        self._failure = ("", 0)

    def write_sync(self, fd: int, offset: int, data: bytes) -> int:
        self._issued += 1
        if not self._failure[0]:
            self._jobs.append((fd, offset, data))
            self._begin()
        return self._issued

    def done(self) -> tuple[int, str, int]:
        return (self._done, *self._failure)

    def fsync_us(self) -> list[int]:
        return []

    def close(self) -> None:
        """A simulated process never ends in an orderly way; jobs die with it."""

    def _begin(self) -> None:
        if self._busy or not self._jobs:
            return
        self._busy = True
        options = self._options()
        delay_us = options.sync_min_us + self._chance.below(options.sync_jitter_us)
        if self._chance.happens(options.slow_per_mille):
            delay_us += self._chance.below(options.slow_us)
        # Written first and synced later, so that a crash in between leaves the write unsynced.
        self._loop.after(1 + delay_us // 4, self._write, delay_us)

    def _write(self, delay_us: int) -> None:
        self._loop.after(1 + delay_us, self._sync)
        fd, offset, data = self._jobs[0]
        self._try(self._files.write, fd, data, offset)

    def _sync(self) -> None:
        self._busy = False
        if self._failure[0]:
            self._jobs.clear()
            self._wake()
            return
        fd, _, data = self._jobs.popleft()
        if self._try(self._files.sync, fd):
            self._done += 1
            durable = decode_durable(data)
            if durable is not None:
                self._on_durable(durable)
        self._wake()
        self._begin()

    def _try(self, operation: Callable[..., None], *arguments: Any) -> bool:
        try:
            operation(*arguments)
        except OSError as error:
            self._failure = (error.strerror or str(error), error.errno or 0)
            return False
        return True


class SimWakeup:
    """The writer's eventfd, watched by the loop: any number of notes before it is looked at are one."""

    def __init__(self, loop: MachineLoop, on_durable: Callable[[], object]) -> None:
        self._loop = loop
        self._on_durable = on_durable
        self._noted = False

    def notify(self) -> None:
        if not self._noted:
            self._noted = True
            self._loop.soon(self._on_durable)

    def drain(self) -> None:
        self._noted = False


class SimExecutor(Executor):
    """The thread for files: one thing at a time, each a while later."""

    def __init__(
        self, loop: MachineLoop, chance: Chance, options: Callable[[], DiskOptions]
    ) -> None:
        self._loop = loop
        self._chance = chance
        self._options = options
        self._free_at_us = 0

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        future: Future[R] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except Exception as error:  # a thread hands everything to who waits
                if isinstance(error, Crashed):
                    raise
                future.set_exception(error)
            else:
                future.set_result(result)

        now_us = self._loop.now_us()
        duration_us = 1 + self._chance.below(2 * self._options().file_us)
        self._free_at_us = max(self._free_at_us, now_us) + duration_us
        self._loop.after(self._free_at_us - now_us, work)
        return future

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        """What has not begun dies with the process."""
