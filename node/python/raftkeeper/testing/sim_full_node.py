"""A whole node: the real driver, engine, core and storage, with twins only of what touches the world.

The order of its opening is that of server/opening.py. What the checkers see, they see through the
covers of sim_watched.py.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from raftkeeper._engine import Engine
from raftkeeper.server.driver import Driver
from raftkeeper.server.ensemble.settings import EnsembleSettings
from raftkeeper.server.feature_level import why_apart
from raftkeeper.server.restored import restored_from
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    SnapshotMeta,
    StorageFull,
)
from raftkeeper.testing.sim_core_node import CLUSTER_ID, ROOT, core_config
from raftkeeper.testing.sim_disk import SimDisk, SimExecutor, SimWakeup
from raftkeeper.testing.sim_links import Link, SimLinks
from raftkeeper.testing.sim_loop import MachineLoop
from raftkeeper.testing.sim_options import ELECTION_TICKS, TICK_US
from raftkeeper.testing.sim_sockets import SimSockets
from raftkeeper.testing.sim_watched import WatchedCore, WatchedEngine

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine

SEGMENT_BYTES = 65_536
RECORD_BYTES_MAX = 16_384
BATCH_BYTES_MAX = 2_000
FRAME_BYTES_MAX = 4_000
SESSION_MIN_MS = 1_000
SESSION_MAX_MS = 4_000
PIECE_BYTES = 600
COMPARE_EVERY_S = 1.0
SECRET = b"the simulated ensemble's secret."


class LoopTwin:
    """`server.ensemble.ports.Loop` over a machine's loop."""

    def __init__(self, loop: MachineLoop) -> None:
        self._loop = loop

    def call_soon(self, callback: Callable[..., object], *args: object) -> object:
        return self._loop.soon(callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Any:
        return self._loop.after(round(delay * 1_000_000), callback, *args)


class SnapshotsTwin:
    """`server.ensemble.ports.Snapshots` over a machine's disk and its files' thread."""

    def __init__(self, node: "FullNode") -> None:
        self._node = node
        self.read = node.data.snapshots.read

    def keep_only(
        self, meta: SnapshotMeta, on_done: Callable[[BaseException | None], None]
    ) -> None:
        node = self._node
        future = node.executor.submit(node.data.snapshots.keep_only, meta)
        future.add_done_callback(lambda _: node.loop.soon(on_done, future.exception()))


class FullNode:
    """One process."""

    core: WatchedCore
    driver: Driver

    def __init__(self, machine: "Machine") -> None:
        assert machine.loop is not None
        self.machine = machine
        self.world = machine.world
        self.loop: MachineLoop = machine.loop
        self.chance = machine.chance
        self.member = machine.member
        self.feature_level = machine.feature_level
        self.links = SimLinks(self)
        self._snapshot_index = 0
        self._snapshot_busy = False
        self._job: Any = None

    # -- life

    def start(self) -> None:
        machine, world = self.machine, self.world
        options = world.options.storage_of(SEGMENT_BYTES, RECORD_BYTES_MAX)
        self.data = DataDirectory.open(
            ROOT, options, files=machine.files, random_bytes=self.chance.octets
        )
        if self.data.identity is None:
            self.data.create(Identity(CLUSTER_ID, self.member, machine.incarnation))
        engine = self._make_engine()
        recovered = self.data.recover()
        snapshot = recovered.snapshot
        if snapshot is not None:
            engine.restore_begin()
            for piece in self.data.snapshots.read(snapshot):
                engine.restore_piece(piece)
            engine.restore_end()
            self._snapshot_index = snapshot.index
        self.executor = SimExecutor(self.loop, self.chance, lambda: world.disk_options)
        wakeup = SimWakeup(self.loop, self._on_durable)
        writer = self.data.start_writer(
            wakeup=wakeup,
            disk=SimDisk(
                machine.files,
                self.loop,
                self.chance,
                lambda: world.disk_options,
                wake=wakeup.notify,
                on_durable=lambda what: world.watch.durable(machine, what),
            ),
            executor=self.executor,
        )
        self.core = WatchedCore(core_config(machine), restored_from(recovered))
        self.core.machine = machine
        world.watch.started(machine, self.core, recovered)
        if world.founds(machine) and self.core.last_index == 0:
            self.core.bootstrap(world.first_membership)
        self._make_driver(engine, writer)

    def leave(self) -> None:
        sockets = getattr(self, "sockets", None)
        if sockets is not None:
            sockets.process_gone()

    # -- what comes from outside

    def receive(self, sender: int, message: Any) -> None:
        """Nothing comes this way: whole nodes have links."""

    def peer_reset(self, member: int) -> None:
        """Links say it themselves."""

    def link_up(self, link: Link, member: int) -> None:
        if link.alive:
            self.driver.peers.on_link_up(member)

    def link_lost(self, member: int, reset: bool) -> None:
        if not self.links.is_up(member):
            self.driver.peers.on_link_lost(member, reset=reset)

    def knows(self, other: "FullNode") -> bool:
        """Whether its members have the other in this incarnation."""
        member = self.links.members.get(other.member)
        return member is not None and member.incarnation == other.machine.incarnation

    def refuses(self, other: "FullNode") -> bool:
        """Whether it knows the other's id in another incarnation, or is not ready at all; or the other
        is of a release that cannot work beside it.
        """
        member = self.links.members.get(other.member)
        stranger = member is not None and member.incarnation != other.machine.incarnation
        if stranger or not hasattr(self, "driver"):
            return True
        apart = why_apart(self.feature_level, other.feature_level)
        return bool(apart) or other.feature_level < self.core.membership.level

    # -- snapshots: what server/snapshotter.py does, without asyncio

    def take_snapshot(self) -> None:
        """Piece by piece, while the engine goes on."""
        engine, core = self.engine, self.core
        index = engine.applied_index
        busy = self._snapshot_busy or self.driver.restorer.running or self.driver.installer.diverged
        if busy or index <= self._snapshot_index or core.term_at(index) is None:
            return
        self._snapshot_busy = True
        index, zxid = engine.snapshot_begin()
        meta = SnapshotMeta(
            index=index,
            term=core.term_at(index) or 0,
            zxid=zxid,
            membership=core.membership_at(index).encode(),
            cluster_id=CLUSTER_ID,
            config_index=core.memberships.index_at(index),
        )
        self._then(self.executor.submit(self.data.snapshots.begin, meta), self._on_begun, meta)

    def look_at_snapshot(self) -> None:
        """Somebody could not use the newest one, or there is none that is new enough."""
        self.data.snapshots.put_damaged_aside()
        self._snapshot_index = self.data.snapshots.newest_index()
        self.take_snapshot()

    def _on_begun(self, future: Any, meta: SnapshotMeta) -> None:
        if isinstance(future.exception(), ValueError | StorageFull):
            self._abandon()  # a newer one was fetched meanwhile, or there is no room
            return
        self._job = future.result()
        self._next_piece(meta)

    def _next_piece(self, meta: SnapshotMeta) -> None:
        if not self._snapshot_busy:
            return  # abandoned
        piece = self.engine.snapshot_next(PIECE_BYTES)
        if piece:
            self._then(self.executor.submit(self._job.add, piece), self._on_piece, meta)
        else:
            self._then(self.executor.submit(self._job.finish), self._on_snapshot, meta)

    def _on_piece(self, future: Any, meta: SnapshotMeta) -> None:
        if isinstance(future.exception(), StorageFull):
            self._abandon()
            return
        future.result()
        self._next_piece(meta)

    def _on_snapshot(self, future: Any, meta: SnapshotMeta) -> None:
        if isinstance(future.exception(), StorageFull):
            self._abandon()
            return
        future.result()
        self._snapshot_busy = False
        self._job = None
        self._snapshot_index = max(self._snapshot_index, meta.index)
        self.machine.trace("snapshot", f"of entry {meta.index}")
        keep = self.core.tail_index - 1
        writer = self.driver.writer
        first = writer.purge(min(self.data.snapshots.purge_index(writer.before_tail), keep))
        if first:
            self.core.compact(first - 1)
        self.driver.look()

    def _follow_install(self, meta: SnapshotMeta) -> None:
        """The state is being replaced: a snapshot of the old one is of no use."""
        self.machine.trace("restores", f"entry {meta.index}")
        if self._snapshot_busy:
            self._abandon()
        self._snapshot_index = meta.index

    def _abandon(self) -> None:
        self._snapshot_busy = False
        self.engine.snapshot_abandon()
        if self._job is not None:
            self.executor.submit(self._job.abandon)
            self._job = None

    def _then(
        self, future: Any, step: Callable[[Any, SnapshotMeta], None], meta: SnapshotMeta
    ) -> None:
        future.add_done_callback(lambda _: self.loop.soon(step, future, meta))

    # -- making

    def _make_engine(self) -> Engine:
        options = self.world.options
        engine = Engine(
            origin=self.chance.bits(64),
            min_session_timeout_ms=SESSION_MIN_MS,
            max_session_timeout_ms=SESSION_MAX_MS,
            frame_bytes_max=FRAME_BYTES_MAX,
            batch_bytes_max=BATCH_BYTES_MAX,
            connection_outstanding_max=100_000,
            outstanding_max=1_000_000,
            linearizable_reads=options.linearizable_reads,
        )
        engine.set_member(self.member)
        self.engine = cast("Engine", WatchedEngine(engine, self.machine))
        return self.engine

    def _make_driver(self, engine: Engine, writer: Any) -> None:
        driver = Driver(
            engine=engine,
            core=self.core,
            writer=writer,
            clock=self.machine.clock,
            loop=LoopTwin(self.loop),
            record_bytes_max=RECORD_BYTES_MAX,
            first_entry=self._first_entry,
            on_fatal=_raise,
            draw=self.chance.between,
            links=self.links,
            snapshots=SnapshotsTwin(self),
            settings=EnsembleSettings(
                tick_s=TICK_US / 1_000_000,
                election_ticks=ELECTION_TICKS,
                batch_bytes_max=BATCH_BYTES_MAX,
                catch_up_bytes_per_s=self.world.options.catch_up_bytes_per_s,
                enforce_quotas=True,
                compare_every_entries=self.world.options.compare_every,
                compare_every_s=COMPARE_EVERY_S,
            ),
        )
        self.driver = driver
        driver.installer.remember(self.data)
        driver.comparison.on_contradicted = self._on_contradicted
        self.sockets = SimSockets(self)
        driver.clients = self.sockets
        driver.installer.on_reload = self._follow_install
        self.loop.after(self.chance.below(TICK_US), driver.start)
        self.loop.after(TICK_US, self._maybe_snapshot)

    def _on_contradicted(self, right: frozenset[int]) -> None:
        self.machine.trace("is wrong", f"say members {sorted(right)}")
        self.driver.installer.on_contradicted(right)
        self.world.watch.contradicted(self.machine)

    def _first_entry(self) -> bytes:
        clock = self.machine.clock
        return self.engine.bootstrap_entry(
            cluster_id=CLUSTER_ID,
            secret=SECRET,
            first_session=(self.member << 56) + 1,
            now_ms=clock.wall_ms(),
        )

    def _on_durable(self) -> None:
        """The driver is made after the writer that wakes it."""
        self.driver.on_durable()

    def _maybe_snapshot(self) -> None:
        self.loop.after(4 * TICK_US, self._maybe_snapshot)
        if self.core.applied_index - self._snapshot_index >= self.world.options.snapshot_every:
            self.take_snapshot()


def _raise(error: BaseException) -> None:
    """What the node calls fatal ends its process, as the machine sees fit."""
    raise error
