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

from raftkeeper._engine import Engine
from raftkeeper.raft import Entry, EntryKind, Message, RaftCore, Ready, Role
from raftkeeper.server import limits
from raftkeeper.server.admission import Admission
from raftkeeper.server.answers import obey_actions, write_replies
from raftkeeper.server.backlog import Backlog
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.barriers import Barriers
from raftkeeper.server.ensemble.cold_reads import ColdReads
from raftkeeper.server.ensemble.commit_words import CommitWords
from raftkeeper.server.ensemble.comparing import Comparison
from raftkeeper.server.ensemble.handler import Handler
from raftkeeper.server.ensemble.installing import Installer
from raftkeeper.server.ensemble.leadership import Leadership
from raftkeeper.server.ensemble.membership_door import WANTS_RECONFIGS, MembershipDoor
from raftkeeper.server.ensemble.peering import Peering
from raftkeeper.server.ensemble.ports import (
    ClientSockets,
    Draw,
    Loop,
    NoLinks,
    PeerLinks,
    Snapshots,
)
from raftkeeper.server.ensemble.restoring import Restorer
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.server.ensemble.views import (
    EnsembleStatus,
    MemberStatus,
    list_members,
    view_status,
)
from raftkeeper.server.ensemble.waits import Waits
from raftkeeper.server.figures import DriverFigures
from raftkeeper.server.logs import get_logger
from raftkeeper.server.pulse import Pulse
from raftkeeper.storage import Writer

log = get_logger(__name__)

WANTS_BATCH = 1
WANTS_ACTIONS = 2
WANTS_BARRIER = 4


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
        self.failed = False
        self.draining = False
        """Clients are moved to other members, a few with each slow tick."""
        self.clients_left = 0
        self.settings = settings or EnsembleSettings()
        self.links = links or NoLinks()
        self.peers = Handler(self)
        self.waits = Waits()
        self._clock = clock
        self._loop = loop
        self._on_fatal = on_fatal
        self._turn_due = False
        self._look_due = False
        self._turns_waited = 0  # since the last batch
        self._grown = False
        self._refusing = ""
        self._sealed_us = 0
        self._held: deque[tuple[int, tuple[Message, ...]]] = deque()
        draw = draw or random.SystemRandom().randint
        self._make_parts(first_entry, draw, snapshots, record_bytes_max)

    def _make_parts(
        self, first_entry: Callable[[], bytes], draw: Draw, snapshots: Snapshots | None, most: int
    ) -> None:
        """What works on the driver's behalf, each in a file of its own."""
        engine, core, writer = self.engine, self.core, self.writer
        loop, clock = self._loop, self._clock
        self.words = CommitWords(self.links, loop, clock)
        self.peering = Peering(
            engine=engine,
            core=core,
            writer=writer,
            clock=clock,
            links=self.links,
            words=self.words,
            draw=draw,
            settings=self.settings,
            record_bytes_max=most,
        )
        self.cold_reads = ColdReads(self, loop, clock)
        self.barriers = Barriers(engine, core)
        self.membership_door = MembershipDoor(self, clock)
        self.admission = Admission(self, first_entry)
        self.pulse = Pulse(self, loop, clock)
        self.leadership = Leadership(core, clock)
        self.installer = Installer(
            core=core,
            writer=writer,
            clock=clock,
            links=self.links,
            snapshots=snapshots,
            host=self.admission,
            loop=loop,
            guarded=self.guarded,
        )
        self.comparison = Comparison(
            engine=engine, core=core, clock=clock, links=self.links, settings=self.settings
        )
        self.comparison.on_contradicted = self.installer.on_contradicted
        self.restorer = Restorer(engine, loop, clock, snapshots, self.guarded)
        self.backlog = Backlog(
            engine,
            loop,
            clock,
            self.guarded,
            read=writer.read,
            on_entry=self._on_backlog_entry,
            on_slice=self._on_backlog_slice,
        )

    # ---- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to tick. Whoever owns the loop calls `on_durable` when the writer notifies."""
        self.peering.start()
        self.pulse.start()

    def stop(self) -> None:
        """No more ticks; what is in flight is the writer's to finish."""
        self.failed = True
        self.pulse.stop()

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

    def on_durable(self) -> None:
        """The writer's eventfd is readable."""
        self.guarded(self._on_durable)

    def leave(self) -> None:
        """The node stops: leadership goes to another member first."""
        self.leadership.leaving = True
        self.leadership.tick(unfit="")
        self.look()

    def status(self) -> EnsembleStatus:
        """How this member sees itself."""
        return view_status(self)

    def members(self) -> tuple[MemberStatus, ...]:
        """Everyone, as this member sees them."""
        unfit = self.leadership.unfit
        return list_members(self.core, self.links, self.settings.tick_s, unfit)

    def propose_collection(self) -> int:
        """Puts removable containers and TTL nodes into the next batch; how many."""
        leads = self.serving.is_set() and self.core.role is Role.LEADER
        count = self.engine.collect(self._clock.wall_ms()) if leads else 0
        if count:
            self.wake()
        return count

    def count_fsyncs(self) -> None:
        """Brings the histogram of fsyncs up to date. By each tick, and by whoever shows it."""
        self.figures.count_fsyncs(self.writer.fsync_us())

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is gathered or under way."""
        return (
            self.writer.idle
            and not self.engine.wants & WANTS_BATCH
            and self.backlog.is_empty
            and not self.peering.own.kept
        )

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
            self.pump()
        if self.engine.wants & WANTS_RECONFIGS:
            self.membership_door.take_requests()
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
                self.pump()
            if sealer.has_arrivals:
                self.wake()
        else:
            self.follow_disk()

    def _look(self) -> None:
        self._look_due = False
        self.pump()
        self.after_step()
        self.waits.check()

    def _on_durable(self) -> None:
        """The writer finished something: commit, apply, answer, and seal what has gathered."""
        number = self.writer.poll()
        if number is not None:
            if self._sealed_us:
                self.figures.block.add(self._clock.now_us() - self._sealed_us)
                self._sealed_us = 0
            self.core.persisted(number)
            while self._held and self._held[0][0] <= number:
                self.words.send(self._held.popleft()[1])
            self.pump()
        self.follow_disk()
        self.after_step()

    def after_step(self) -> None:
        """Whether something is wanted."""
        if self.engine.wants or self.peering.sealer.has_arrivals:
            self.wake()

    def pump(self) -> None:
        """Does what the core has ready, until it has nothing more."""
        core = self.core
        while core.has_ready:
            ready = core.ready()
            if ready.messages:
                self.words.send(ready.messages)
            if ready.hard_state or ready.entries or ready.restored:
                restart = self.admission.load_restored(ready.restored)
                self.writer.write(ready.number, ready.hard_state, ready.entries, restart=restart)
            if ready.messages_after_persist:
                self._held.append((ready.number, ready.messages_after_persist))
            if ready.committed_cold is not None or not self.backlog.is_empty:
                self.backlog.postpone(ready)
            elif ready.committed:
                self._apply(ready.committed)
                core.applied(ready.committed[-1].index)
            if ready.reads:
                self.barriers.on_grants(ready.reads)
                self.barriers.pass_applied()
                if self.engine.wants:
                    self.wake()
            if ready.reads_failed:
                self.barriers.on_failed(ready.reads_failed)
            self._follow(ready)
        self.peering.meet()
        if not self.peering.may_serve and self.backlog.is_empty:
            self.admission.begin()

    def _follow(self, ready: Ready) -> None:
        """What a Ready brings seldom; and role and term, which count where there are others."""
        if (
            ready.soft_state is not None
            or ready.membership is not None
            or ready.redraw_timeout
            or ready.snapshot_fetch is not None
        ):
            if ready.snapshot_fetch is not None:
                self.installer.core_fetches()
            self.peering.on_ready(ready)
        if ready.sends_cold:
            self.cold_reads.take(ready.sends_cold)
        has_changed = self.peering.has_others or ready.soft_state is not None
        if has_changed and self.peering.follow_role():
            self.barriers.ask_again()
        if ready.membership is not None:
            self.comparison.follow(ready.membership)
        self.membership_door.publish()

    def _apply(self, entries: tuple[Entry, ...]) -> None:
        engine, figures = self.engine, self.figures
        now_us = self._clock.now_us()
        for index, _, kind, payload in entries:
            engine.apply(index, payload if kind == EntryKind.BATCH else b"", now_us)
            figures.entries_applied += 1
            figures.bytes_applied += len(payload)
            if index == self.comparison.at:
                self.comparison.pass_index()
        if self.clients is not None:
            write_replies(engine, self.clients)
        figures.apply.add(self._clock.now_us() - now_us)
        if self.peering.has_others or self.peering.own.kept:
            self.peering.own.settle()
            self.barriers.pass_applied()

    def _on_backlog_entry(self, index: int, payload_bytes: int) -> None:
        self.figures.replayed += 1
        self.figures.bytes_applied += payload_bytes
        if index == self.comparison.at:
            self.comparison.pass_index()

    def _on_backlog_slice(self) -> None:
        if self.engine.applied_index > self.core.applied_index:
            self.core.applied(self.engine.applied_index)
        self.peering.own.settle()
        self.barriers.pass_applied()
        self.pump()
        self.after_step()

    # ---- trouble ---------------------------------------------------------------------------------

    def follow_disk(self) -> None:
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
        except Exception as error:  # noqa: BLE001  the top frame: a failed fsync as any other
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """The end of this node, said once."""
        if not self.failed:
            self.failed = True
            self._on_fatal(error)
