"""The only caller of the Raft core, the log's writer and `Engine.apply`: it decides what comes when.

    requests gathered → sealed into one entry → proposed → written and fsynced → committed → applied →
    one write for each socket

One block is in flight at a time; what arrives meanwhile is the next batch. Everything here is
synchronous and runs on the loop's thread; it suspends nothing, so no state is ever half changed.
It must never acknowledge what is not durable, and never go on after a failed fsync.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from raftkeeper._engine import Engine
from raftkeeper.raft import EntryKind, NotLeader, RaftCore, Role
from raftkeeper.server import limits
from raftkeeper.server.client_protocol import Clients
from raftkeeper.server.clock import Clock
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import StorageFailed, Writer

log = get_logger(__name__)

WANTS_BATCH = 1
WANTS_ACTIONS = 2

CLOSE, ABORT, STOP_READING, READ_AGAIN = 1, 2, 3, 4

LogRecord = tuple[int, int, int, bytes]


@dataclass(slots=True)
class DriverFigures:
    """What the driver counts. Read by the admin views."""

    batches: int = 0
    entries_applied: int = 0
    bytes_applied: int = 0
    replayed: int = 0
    late_ticks: int = 0
    fsync: Histogram = field(default_factory=Histogram.of_durations)
    block: Histogram = field(default_factory=Histogram.of_durations)
    apply: Histogram = field(default_factory=Histogram.of_durations)


class Driver:
    """Drives one node. Give it its parts, call `start`, and `wake` whenever the engine wants."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        writer: Writer,
        clock: Clock,
        record_bytes_max: int,
        first_entry: Callable[[], bytes],
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self.engine = engine
        self.core = core
        self.writer = writer
        self.figures = DriverFigures()
        self.clients: Clients | None = None
        self.serving = asyncio.Event()
        self.quiet = asyncio.Event()
        self.failed = False
        self._clock = clock
        self._record_bytes_max = record_bytes_max
        self._first_entry = first_entry
        self._on_fatal = on_fatal
        self._loop = asyncio.get_running_loop()
        self._turn_due = False
        self._turns_waited = 0  # since the last batch
        self._grown = False
        self._refusing = ""
        self._bootstrap_proposed = False
        self._sealed_us = 0
        self._replay: Iterator[LogRecord] | None = None
        self._tick_timer: asyncio.TimerHandle | None = None
        self._tick_due_us = 0

    # ---- life ------------------------------------------------------------------------------------

    def start(self, notify_fd: int) -> None:
        """Begins to tick, and listens to the log's writer."""
        self._loop.add_reader(notify_fd, self._guarded, self._on_durable)
        # One voter needs no randomness; with more of them elections are kept apart by it.
        self.core.set_election_timeout(random.SystemRandom().randint(10, 20))
        self._tick_due_us = self._clock.now_us()
        self._tick()

    def stop(self, notify_fd: int) -> None:
        """No more ticks or completions; what is in flight is the writer's to finish."""
        self._loop.remove_reader(notify_fd)
        if self._tick_timer is not None:
            self._tick_timer.cancel()

    def wake(self) -> None:
        """Something is wanted by the engine: look at it at the end of this loop turn.

        Every socket that is readable in this turn is fed before, so they share a batch.
        """
        self._grown = True
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._guarded, self._turn)

    def propose_collection(self) -> int:
        """Puts removable containers and TTL nodes into the next batch; how many."""
        count = self.engine.collect(self._clock.wall_ms()) if self.serving.is_set() else 0
        if count:
            self.wake()
        return count

    def count_fsyncs(self) -> None:
        """Brings the histogram of fsyncs up to date. By each tick, and by whoever shows it."""
        for fsync_us in self.writer.fsync_us():
            self.figures.fsync.add(fsync_us)
            if fsync_us > limits.FSYNC_WARNING_MS * 1000:
                log.warning("log.fsync_slow", duration_ms=fsync_us // 1000)

    def refresh_quiet(self) -> bool:
        """Whether nothing is gathered or under way; `quiet` is set accordingly."""
        idle = self.writer.idle and not self.engine.wants & WANTS_BATCH and self._replay is None
        if idle:
            self.quiet.set()
        else:
            self.quiet.clear()
        return idle

    # ---- one turn of the loop --------------------------------------------------------------------

    def _turn(self) -> None:
        """Obeys the engine; seals the batch once a turn brought nothing more for it.

        The answers just sent bring new requests from those who wait for them, and a fuller batch is
        worth more than one that leaves some microseconds earlier: batches of 20 in place of 14 at 30
        connections. A lone writer waits for one more look at the sockets.
        """
        self._turn_due = False  # first: what is obeyed below may wake the driver again
        if self.engine.wants & WANTS_ACTIONS:
            self._obey_actions()
        if not self.engine.wants & WANTS_BATCH:
            return
        may_grow = self._turns_waited < limits.BATCH_TURNS_MAX and self.writer.idle
        if self._grown and may_grow:
            self._grown = False
            self._turns_waited += 1
            if not self._turn_due:
                self._turn_due = True
                self._loop.call_soon(self._guarded, self._turn)
        else:
            self._seal()

    def _seal(self) -> None:
        """One batch into the log, unless a block is under way: then the batch goes on filling."""
        writer = self.writer
        if not writer.idle or not self.serving.is_set():
            return
        if writer.room() < self._record_bytes_max:
            self._follow_disk()
            return
        payload = self.engine.take_batch(self._clock.wall_ms())
        if payload is None:
            return
        self._turns_waited = 0
        self._sealed_us = self._clock.now_us()
        self.figures.batches += 1
        self.core.propose(payload)
        self._pump()

    def _on_durable(self) -> None:
        """The writer finished something: commit, apply, answer, and seal what has gathered."""
        number = self.writer.poll()
        if number is None:
            return
        if self._sealed_us:
            self.figures.block.add(self._clock.now_us() - self._sealed_us)
            self._sealed_us = 0
        self.core.persisted(number)
        self._pump()
        self._follow_disk()
        self.refresh_quiet()
        if self.engine.wants:
            self.wake()

    def _pump(self) -> None:
        """Does what the core has ready, until it has nothing more."""
        core = self.core
        while self._replay is None and core.has_ready:
            ready = core.ready()
            if ready.hard_state or ready.entries:
                self.writer.write(ready.number, ready.hard_state, ready.entries)
            if ready.committed_cold is not None:
                first, last = ready.committed_cold
                log.info("log.replay", first_index=first, last_index=last)
                self._replay = chain(self.writer.read(first, last), ready.committed)
                self._loop.call_soon(self._guarded, self._replay_slice)
            elif ready.committed:
                self._apply(ready.committed)
                core.applied(ready.committed[-1].index)
        if self._replay is None and not self.serving.is_set():
            self._begin_serving()

    def _apply(self, entries: Iterable[LogRecord]) -> None:
        engine, figures = self.engine, self.figures
        now_us = self._clock.now_us()
        for index, _, kind, payload in entries:
            engine.apply(index, payload if kind == EntryKind.BATCH else b"", now_us)
            figures.entries_applied += 1
            figures.bytes_applied += len(payload)
        if self.clients is not None:
            writes = self.clients.writes
            for conn, data in engine.take_replies():
                write = writes.get(conn)
                if write is not None:
                    write(data)
        figures.apply.add(self._clock.now_us() - now_us)

    # ---- start -----------------------------------------------------------------------------------

    def _replay_slice(self) -> None:
        """Applies entries of the log for one slice of time, so that health can be asked meanwhile."""
        replay = self._replay
        if replay is None:
            return
        now_us = self._clock.now_us()
        until_us = now_us + limits.REPLAY_SLICE_US
        for index, _, kind, payload in replay:
            self.engine.apply(index, payload if kind == EntryKind.BATCH else b"", now_us)
            self.figures.replayed += 1
            self.figures.bytes_applied += len(payload)
            if self._clock.now_us() > until_us:
                self._loop.call_soon(self._guarded, self._replay_slice)
                return
        self._replay = None
        self.core.applied(self.engine.applied_index)
        self._pump()

    def _begin_serving(self) -> None:
        """Serves once it leads, its own first entry is applied, and the cluster has its secret."""
        core, engine = self.core, self.engine
        if core.role is not Role.LEADER or core.applied_index < core.last_index:
            return
        if engine.bootstrapped:
            self.serving.set()
        elif not self._bootstrap_proposed:
            self._bootstrap_proposed = True
            core.propose(self._first_entry())
            self._pump()

    # ---- time ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now_us = self._clock.now_us()
        late_us = now_us - self._tick_due_us
        if late_us > limits.LATE_TICK_S * 1_000_000:
            self.figures.late_ticks += 1
            log.warning(
                "loop.stalled", late_ms=late_us // 1000, effect="sessions get that much longer"
            )
        self._tick_due_us = now_us + int(limits.TICK_S * 1_000_000)
        self._tick_timer = self._loop.call_later(limits.TICK_S, self._tick)
        self._guarded(self._tick_parts, now_us)

    def _tick_parts(self, now_us: int) -> None:
        self.core.tick()
        self.writer.tick()
        self._pump()
        self._follow_disk()
        if self.serving.is_set():
            self.engine.tick(now_us)
        self.count_fsyncs()
        self.refresh_quiet()
        if self.engine.wants:
            self.wake()

    # ---- trouble ---------------------------------------------------------------------------------

    def _follow_disk(self) -> None:
        """A full disk refuses writes with an error; room again allows them."""
        full = self.writer.full
        if full != self._refusing:
            self._refusing = full
            self.engine.refuse_writes(full)
            if full:
                log.error("storage.full", reason=full, effect="writes are refused, reads go on")
            else:
                log.warning("storage.room_again", effect="writes are taken again")
            self.wake()

    def _obey_actions(self) -> None:
        clients = self.clients
        if clients is None:
            return
        # What was answered before the order to close must leave before it.
        for conn, data in self.engine.take_replies():
            write = clients.writes.get(conn)
            if write is not None:
                write(data)
        for conn, action, reason in self.engine.take_actions():
            client = clients.by_conn.get(conn)
            if client is None:
                continue
            if action == CLOSE:
                client.close(reason)
            elif action == ABORT:
                client.abort(reason)
            elif action == STOP_READING:
                client.hold()
            elif action == READ_AGAIN:
                client.release()

    def _guarded(self, step: Callable[..., None], *arguments: int) -> None:
        """Runs one step; whatever fails in it is the end of this node, said once.

        A lost leadership is not caught on its way: with one voter it cannot happen, and a batch
        that was taken out of the engine must be either in the log or the node's last one.
        """
        if self.failed:
            return
        try:
            step(*arguments)
        except (StorageFailed, NotLeader, Exception) as error:  # noqa: BLE001  top frame: stop
            self.failed = True
            self._on_fatal(error)
