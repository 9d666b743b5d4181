"""The only caller of the Raft core, the log's writer and `Engine.apply`: it decides what comes when.

    requests gathered → sealed (into an entry, or into a group for the leader) → written and fsynced
    → committed → applied → one write for each socket

What arrives while a batch is under way is the next batch. Everything here is synchronous and runs on
the loop's thread; it suspends nothing, so no state is ever half changed. It must never acknowledge
what is not durable on a majority, and never go on after a failed fsync. What a node does because
there are others is in `ensemble`; a node that is alone passes it by.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from raftkeeper._engine import Engine
from raftkeeper.raft import NOBODY, Entry, EntryKind, Message, NotLeader, RaftCore, Ready, Role
from raftkeeper.server import limits
from raftkeeper.server.answers import obey_actions, write_replies
from raftkeeper.server.backlog import Backlog
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.barriers import Barriers
from raftkeeper.server.ensemble.handler import Handler
from raftkeeper.server.ensemble.installing import Installer
from raftkeeper.server.ensemble.leadership import Leadership
from raftkeeper.server.ensemble.peering import Peering
from raftkeeper.server.ensemble.ports import (
    ClientSockets,
    Draw,
    Loop,
    NoLinks,
    PeerLinks,
    Snapshots,
    Timer,
)
from raftkeeper.server.ensemble.restoring import Restorer
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.server.ensemble.views import (
    EnsembleStatus,
    MemberStatus,
    describe_role,
    list_members,
)
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import SnapshotMeta, StorageFailed, Writer

log = get_logger(__name__)

WANTS_BATCH = 1
WANTS_ACTIONS = 2
WANTS_BARRIER = 4


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
        loop: Loop,
        record_bytes_max: int,
        first_entry: Callable[[], bytes],
        on_fatal: Callable[[BaseException], None],
        draw: Draw | None = None,
        links: PeerLinks | None = None,
        snapshots: Snapshots | None = None,
        settings: EnsembleSettings | None = None,
    ) -> None:
        self.engine = engine
        self.core = core
        self.writer = writer
        self.figures = DriverFigures()
        self.clients: ClientSockets | None = None
        self.serving = asyncio.Event()
        """Clients may be let in. It may be cleared again, while the state is replaced."""
        self.quiet = asyncio.Event()
        self.failed = False
        self.draining = False
        """Clients are moved to other members, a few with each slow tick."""
        self.clients_left = 0
        self.settings = settings or EnsembleSettings()
        self.links = links or NoLinks()
        self.peers = Handler(self)
        self.peering = Peering(
            engine=engine,
            core=core,
            writer=writer,
            clock=clock,
            links=self.links,
            draw=draw or random.SystemRandom().randint,
            settings=self.settings,
            record_bytes_max=record_bytes_max,
            on_contradicted=self._on_contradicted,
        )
        self.barriers = Barriers(engine, core)
        self.leadership = Leadership(core, clock)
        self.installer = Installer(
            core=core,
            writer=writer,
            clock=clock,
            links=self.links,
            snapshots=snapshots,
            host=self,
        )
        self.restorer = Restorer(engine, loop, clock, snapshots, self.guarded)
        self.backlog = Backlog(
            engine,
            loop,
            clock,
            self.guarded,
            on_entry=self._on_backlog_entry,
            on_slice=self._on_backlog_slice,
        )
        self._clock = clock
        self._loop = loop
        self._first_entry = first_entry
        self._on_fatal = on_fatal
        self._turn_due = False
        self._look_due = False
        self._turns_waited = 0  # since the last batch
        self._grown = False
        self._refusing = ""
        self._first_entry_term = 0
        self._barrier_asked = False
        self._sealed_us = 0
        self._compare_at = 0  # the next index at which members compare their states
        self._held: deque[tuple[int, tuple[Message, ...]]] = deque()
        self._waits: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        self._tick_timer: Timer | None = None
        self._tick_due_us = 0
        self._slow_tick_due_us = 0

    # ---- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to tick. Whoever owns the loop calls `on_durable` when the writer notifies."""
        self.peering.start()
        self._tick_due_us = self._clock.now_us()
        self._tick()

    def stop(self) -> None:
        """No more ticks; what is in flight is the writer's to finish."""
        self.failed = True
        if self._tick_timer is not None:
            self._tick_timer.cancel()

    def wake(self) -> None:
        """Something is wanted by the engine: look at it at the end of this loop turn.

        Every socket that is readable in this turn is fed before, so they share a batch.
        """
        self._grown = True
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self.guarded, self._turn)

    def look(self) -> None:
        """The core was told something: do what it has ready at the end of this loop turn."""
        if not self._look_due:
            self._look_due = True
            self._loop.call_soon(self.guarded, self._look)

    def when(self, condition: Callable[[], bool], then: Callable[[], None]) -> None:
        """Calls `then` once the condition holds; it is looked at with each tick and message."""
        self._waits.append((condition, then))
        self.look()

    def on_durable(self) -> None:
        """The writer's eventfd is readable."""
        self.guarded(self._on_durable)

    def leave(self) -> None:
        """The node stops: leadership goes to another member first."""
        self.leadership.leaving = True
        self.leadership.tick(unfit="")
        self.look()

    def waits_for(self) -> str:
        """Why no client is served, '' when they are."""
        if self.serving.is_set():
            return ""
        applied = self.engine.applied_index
        if self.installer.diverged:
            return self.installer.diverged
        if self.restorer.running:
            return "loading a snapshot of another member"
        if not self.backlog.is_empty:
            return f"replaying the log: entry {applied}"
        if self.core.leader_id == NOBODY:
            return "waiting for a leader"
        return f"catching up: entry {applied} of {self.core.commit_index}"

    def status(self) -> EnsembleStatus:
        """How this member sees itself."""
        core = self.core
        return EnsembleStatus(
            member_id=core.config.member_id,
            role=describe_role(core),
            leader_id=core.leader_id,
            term=core.term,
            commit_index=core.commit_index,
            applied_index=core.applied_index,
            last_index=core.last_index,
            config_index=core.config_index,
            is_joint=core.membership.is_joint,
            transferring=core.transferring,
            read_only=self.engine.read_only,
            diverged=self.installer.diverged,
            serving=self.serving.is_set(),
            waiting=self.waits_for(),
        )

    def members(self) -> tuple[MemberStatus, ...]:
        """Everyone, as this member sees them."""
        return list_members(self.core, self.links, self.settings.tick_s)

    def propose_collection(self) -> int:
        """Puts removable containers and TTL nodes into the next batch; how many."""
        leads = self.serving.is_set() and self.core.role is Role.LEADER
        count = self.engine.collect(self._clock.wall_ms()) if leads else 0
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
        idle = (
            self.writer.idle
            and not self.engine.wants & WANTS_BATCH
            and self.backlog.is_empty
            and not self.peering.own.kept
        )
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
        if self.engine.wants & WANTS_BARRIER:
            self.barriers.gather()
            self._pump()
        if self.engine.wants & WANTS_ACTIONS and self.clients is not None:
            obey_actions(self.engine, self.clients)
        sealer = self.peering.sealer
        if not (self.engine.wants & WANTS_BATCH or sealer.has_arrivals) or not sealer.idle:
            return
        if self._grown and self._turns_waited < limits.BATCH_TURNS_MAX:
            self._grown = False
            self._turns_waited += 1
            if not self._turn_due:
                self._turn_due = True
                self._loop.call_soon(self.guarded, self._turn)
        elif sealer.seal():
            self._turns_waited = 0
            self.figures.batches += 1
            if self.core.role is Role.LEADER:
                self._sealed_us = self._clock.now_us()
                self._pump()
            if sealer.has_arrivals:
                self.wake()
        else:
            self._follow_disk()

    def _look(self) -> None:
        self._look_due = False
        self._pump()
        self._after_step()
        if self._waits:
            self._check_waits()

    def _on_durable(self) -> None:
        """The writer finished something: commit, apply, answer, and seal what has gathered."""
        number = self.writer.poll()
        if number is not None:
            if self._sealed_us:
                self.figures.block.add(self._clock.now_us() - self._sealed_us)
                self._sealed_us = 0
            self.core.persisted(number)
            while self._held and self._held[0][0] <= number:
                self._send(self._held.popleft()[1])
            self._pump()
        self._follow_disk()
        self._after_step()

    def _check_waits(self) -> None:
        due = [wait for wait in self._waits if wait[0]()]
        self._waits = [wait for wait in self._waits if wait not in due]
        for _, then in due:
            then()

    def _after_step(self) -> None:
        self.refresh_quiet()
        if self.engine.wants or self.peering.sealer.has_arrivals:
            self.wake()

    def _pump(self) -> None:
        """Does what the core has ready, until it has nothing more."""
        core = self.core
        while core.has_ready:
            ready = core.ready()
            if ready.messages:
                self._send(ready.messages)
            if ready.restored is not None:
                self._load_restored()
            if ready.hard_state or ready.entries or ready.restored:
                self.writer.write(ready.number, ready.hard_state, ready.entries)
            if ready.messages_after_persist:
                self._held.append((ready.number, ready.messages_after_persist))
            if ready.committed_cold is not None or not self.backlog.is_empty:
                self._postpone(ready)
            elif ready.committed:
                self._apply(ready.committed)
                core.applied(ready.committed[-1].index)
            if ready.reads:
                self.barriers.on_grants(ready.reads)
                self._answer_reads()
            if ready.reads_failed:
                self.barriers.on_failed(ready.reads_failed)
            self._follow(ready)
        if not self.peering.may_serve and self.backlog.is_empty:
            self._begin_serving()

    def _follow(self, ready: Ready) -> None:
        """What a Ready brings seldom; and role and term, which count where there are others."""
        if (
            ready.soft_state is not None
            or ready.membership is not None
            or ready.redraw_timeout
            or ready.sends_cold
            or ready.snapshot_fetch is not None
        ):
            if ready.snapshot_fetch is not None:
                self.installer.core_fetches()
            self.peering.on_ready(ready)
        has_changed = bool(self.core.members) or ready.soft_state is not None
        if has_changed and self.peering.follow_role():
            self.barriers.ask_again()
        if ready.membership is not None:
            self._plan_comparison()

    def _send(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            self.links.send(message)

    def _apply(self, entries: tuple[Entry, ...]) -> None:
        engine, figures = self.engine, self.figures
        now_us = self._clock.now_us()
        for index, _, kind, payload in entries:
            engine.apply(index, payload if kind == EntryKind.BATCH else b"", now_us)
            figures.entries_applied += 1
            figures.bytes_applied += len(payload)
            if index == self._compare_at:
                self._compare_at += limits.DIGEST_EVERY_ENTRIES
                self.peering.compare()
        if self.clients is not None:
            write_replies(engine, self.clients)
        figures.apply.add(self._clock.now_us() - now_us)
        if self.core.members or self.peering.own.kept:
            self.peering.own.settle()
            self.barriers.pass_applied()

    def _answer_reads(self) -> None:
        self.barriers.pass_applied()
        if self.engine.wants:
            self.wake()

    def _postpone(self, ready: Ready) -> None:
        """Entries that are not in memory, or that others wait before."""
        if ready.committed_cold is not None:
            first, last = ready.committed_cold
            log.info("log.replay", first_index=first, last_index=last)
            self.backlog.add(self.writer.read(first, last))
        if ready.committed:
            self.backlog.add(ready.committed)

    def _on_backlog_entry(self, index: int, payload_bytes: int) -> None:
        self.figures.replayed += 1
        self.figures.bytes_applied += payload_bytes
        if index == self._compare_at:
            self._compare_at += limits.DIGEST_EVERY_ENTRIES
            self.peering.compare()

    def _on_backlog_slice(self) -> None:
        if self.engine.applied_index > self.core.applied_index:
            self.core.applied(self.engine.applied_index)
        self.peering.own.settle()
        self.barriers.pass_applied()
        self._pump()
        self._after_step()

    # ---- letting clients in, and out -------------------------------------------------------------

    def _begin_serving(self) -> None:
        """Once the state is as new as it was anywhere when this was asked, and has its secret."""
        core = self.core
        if core.role is Role.LEADER and not self.engine.bootstrapped:
            self._propose_first_entry()
        elif not self.engine.bootstrapped or self.installer.diverged:
            return
        elif core.role is Role.LEADER and not core.members:
            if core.applied_index == core.last_index:
                self._serve(proven=True)
        elif not self._barrier_asked and core.leader_id:
            self._barrier_asked = True
            self.barriers.ask(self._on_caught_up)
            self.look()
        elif self.peering.lost and not self.serving.is_set():
            self._serve(proven=False)  # read-only, where that is wanted; the engine sees to it

    def _propose_first_entry(self) -> None:
        core = self.core
        is_first = self._first_entry_term != core.term and core.applied_index == core.last_index
        if is_first and core.may_propose:
            self._first_entry_term = core.term
            core.propose(self._first_entry())
            self.look()

    def _on_caught_up(self, passed: bool) -> None:  # noqa: FBT001  a barrier's answer
        self._barrier_asked = False
        if passed and self.engine.bootstrapped and self.backlog.is_empty:
            self._serve(proven=True)

    def _serve(self, *, proven: bool) -> None:
        """Lets clients in. `proven`: their requests may go out too."""
        if proven:
            self.peering.allow_own(allowed=True)
            self._plan_comparison()
        self.serving.set()
        self.wake()

    def suspend(self, reason: str) -> None:
        """No client is served any more, for now."""
        log.warning("node.not_serving", reason=reason)
        self.serving.clear()
        self.peering.allow_own(allowed=False)
        self._compare_at = 0
        self.peering.digests.clear()
        if self.clients is not None:
            self.clients.abort_all()

    def load(self, meta: SnapshotMeta, then: Callable[[SnapshotMeta], None]) -> None:
        """Replaces the engine's state, and applies what this member's log has behind it."""
        self.backlog.block(blocked=True)

        def on_loaded(loaded: SnapshotMeta) -> None:
            then(loaded)
            if loaded.index < self.core.applied_index:
                self.backlog.put_first(self.writer.read(loaded.index + 1, self.core.applied_index))
            self.backlog.block(blocked=False)
            self.look()

        self.restorer.begin(meta, self.clients, on_loaded)

    def _load_restored(self) -> None:
        """The core has given up its log for a snapshot."""
        meta = self.installer.take_offered()
        self.writer.restart(meta.index, meta.term)
        self.installer.on_reload(meta)
        self.suspend("the log of the others begins behind this member's: it takes a snapshot")
        self.backlog.clear()
        self.load(meta, lambda _meta: self.installer.healed())

    def _on_contradicted(self, right: frozenset[int]) -> None:
        self.installer.on_contradicted(right)

    def _plan_comparison(self) -> None:
        """Alone there is nobody to compare with."""
        every = limits.DIGEST_EVERY_ENTRIES
        if self.core.members and self.peering.may_serve:
            self._compare_at = (self.engine.applied_index // every + 1) * every
        else:
            self._compare_at = 0

    # ---- time ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now_us = self._clock.now_us()
        late_us = now_us - self._tick_due_us
        if late_us > limits.LATE_TICK_S * 1_000_000:
            self.figures.late_ticks += 1
            log.warning(
                "loop.stalled", late_ms=late_us // 1000, effect="sessions get that much longer"
            )
        delay_s = limits.SLOW_TICK_S if self.peering.is_alone else self.settings.tick_s
        self._tick_due_us = now_us + int(delay_s * 1_000_000)
        self._tick_timer = self._loop.call_later(delay_s, self._tick)
        self.guarded(self._tick_parts, now_us)

    def _tick_parts(self, now_us: int) -> None:
        self.core.tick()
        self.peering.tick()
        self.barriers.ask_again()
        self._pump()
        # A little early rather than a whole Raft tick late.
        if now_us + self.settings.tick_s * 500_000 >= self._slow_tick_due_us:
            self._slow_tick_due_us = now_us + int(limits.SLOW_TICK_S * 1_000_000)
            self._slow_tick(now_us)
        if self._waits:
            self._check_waits()

    def _slow_tick(self, now_us: int) -> None:
        self.writer.tick()
        self._follow_disk()
        if self.serving.is_set():
            self.engine.tick(now_us)
            self.peering.tell_leader()
        if self.core.members:
            unfit = self.writer.full or self.installer.diverged
            self.leadership.tick(unfit=unfit)
            self.installer.tick()
            self._pump()
        if self.draining:
            self.clients_left = self.engine.drain(limits.DRAIN_PER_TICK)
        self.count_fsyncs()
        self._after_step()

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

    def guarded(self, step: Callable[..., object], *arguments: object) -> None:
        """Runs one step; whatever fails in it is the end of this node, said once.

        A lost leadership is not caught on its way: who seals is asked first, in the same turn, and a
        batch that was taken out of the engine must be in the log or the node's last one.
        """
        if self.failed:
            return
        try:
            step(*arguments)
        except (StorageFailed, NotLeader, Exception) as error:  # noqa: BLE001  top frame: stop
            self.failed = True
            self._on_fatal(error)
