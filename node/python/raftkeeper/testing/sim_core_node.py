"""A node without clients: the real Raft core over the real storage, and a toy for a state machine.

It drives the core as `raftkeeper.raft` says, in a few lines that can be read against it; so a fault
of the core or of storage shows without the driver and the engine in between, and ten times as fast.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raftkeeper.raft import (
    Append,
    Entry,
    Membership,
    RaftConfig,
    RaftCore,
    Ready,
    Role,
    TransferRefused,
    longest_timeout_ticks,
)
from raftkeeper.raft import SnapshotMeta as RaftSnapshot
from raftkeeper.raft.messages import ColdSend, Message
from raftkeeper.server.restored import restored_from
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    Recovered,
    SnapshotMeta,
    StorageFull,
    Writer,
)
from raftkeeper.testing.sim_disk import SimDisk, SimExecutor, SimWakeup
from raftkeeper.testing.sim_options import ELECTION_TICKS, TICK_US
from raftkeeper.testing.sim_snapshots import receive_snapshot

if TYPE_CHECKING:
    from raftkeeper.testing.sim_loop import MachineLoop
    from raftkeeper.testing.sim_machine import Machine

ROOT = Path("/data")
CLUSTER_ID = b"simulated-world."
FETCH_US = 20_000


class ToyState:
    """A chain of checksums over all payloads: equal for equal histories only."""

    def __init__(self, content: bytes = b"") -> None:
        fields = content.split(b" ")[:2] if content else [b"0", b"0"]
        self.index, self.chain = int(fields[0]), int(fields[1])

    def apply(self, index: int, payload: bytes) -> None:
        assert index == self.index + 1, f"entry {index} applied after {self.index}"
        self.index = index
        self.chain = zlib.crc32(payload, self.chain)

    def content(self) -> bytes:
        return f"{self.index} {self.chain} ".encode().ljust(700, b"x")


def core_config(machine: "Machine") -> RaftConfig:
    """Of either kind of node; draws its nonce."""
    options = machine.world.options
    return RaftConfig(
        machine.member,
        election_ticks=ELECTION_TICKS,
        hot_bytes_max=options.hot_bytes_max,
        append_bytes_max=options.append_bytes_max,
        window_count=options.window_count,
        level_max=machine.feature_level,
        nonce=machine.chance.bits(62),
    )


class CoreNode:
    """One process."""

    core: RaftCore
    writer: Writer

    def __init__(self, machine: "Machine") -> None:
        assert machine.loop is not None
        self.machine = machine
        self.world = machine.world
        self.loop: MachineLoop = machine.loop
        self.chance = machine.chance
        self.member = machine.member
        self.state = ToyState()
        self._held: deque[tuple[int, tuple[Message, ...]]] = deque()
        self._reads: list[tuple[int, int]] = []  # (index, token) granted and waiting
        self._snapshot_index = 0
        self._snapshot_busy = False

    # -- life

    def start(self) -> None:
        machine, options = self.machine, self.world.options
        self.data = DataDirectory.open(
            ROOT, options.storage, files=machine.files, random_bytes=self.chance.octets
        )
        if self.data.identity is None:
            self.data.create(Identity(CLUSTER_ID, self.member, machine.incarnation))
        recovered = self.data.recover()
        self.executor = SimExecutor(self.loop, self.chance, lambda: self.world.disk_options)
        self.writer = self.data.start_writer(
            wakeup=SimWakeup(self.loop, self.on_durable),
            disk=SimDisk(
                machine.files,
                self.loop,
                self.chance,
                lambda: self.world.disk_options,
                wake=lambda: self.loop.soon(self.on_durable),
                on_durable=lambda what: self.world.watch.durable(machine, what),
            ),
            executor=self.executor,
        )
        self._restore_state(recovered)
        self.core = RaftCore(core_config(machine), restored_from(recovered))
        self.world.watch.started(machine, self.core, recovered)
        if self.world.founds(machine) and self.core.last_index == 0:
            self.core.bootstrap(self.world.first_membership)
        self._draw_timeout()
        self.loop.after(self.chance.below(TICK_US), self._tick)
        self.pump()

    def leave(self) -> None:
        self.world.clients.node_gone(self.machine)

    # -- what comes from outside

    def receive(self, sender: int, message: Any) -> None:
        takes = not (self.writer.full and isinstance(message, Append) and message.entries)
        if message.to == self.member and takes:
            self.core.step(message)
            self.pump()

    def peer_reset(self, member: int) -> None:
        self.core.leader_unreachable(member)
        self.pump()

    def propose(self, payload: bytes) -> int | None:
        """The index it got, or None where it cannot be taken now."""
        full = self.writer.full or self.writer.room() < len(payload)
        if full or not self.core.may_propose:
            return None
        index = self.core.propose(payload)
        self.loop.soon(self.pump)
        return index

    def read(self, token: int) -> None:
        """Raises NotLeader. Ends in `clients.read_done`."""
        self.core.read_index(token)
        self.pump()

    # -- the loop of the core

    def pump(self) -> None:
        core = self.core
        while core.has_ready:
            ready = core.ready()
            self.world.watch.ready(self.machine, ready)
            for message in ready.messages:
                self._send(message)
            self._persist(ready)
            self._apply_ready(ready)
            for grant in ready.reads:
                self.world.watch.granted(self.machine, grant.token, grant.index)
                self._reads.append((grant.index, grant.token))
            for token in ready.reads_failed:
                self.world.clients.read_done(token, None)
            for cold in ready.sends_cold:
                self.loop.soon(self._read_cold, cold)
            if ready.snapshot_fetch is not None:
                self._fetch(ready.snapshot_fetch.sender, ready.snapshot_fetch.covers_index)
            if ready.redraw_timeout:
                self._draw_timeout()
        self._serve_reads()

    def on_durable(self) -> None:
        number = self.writer.poll()
        if number is None:
            return
        self.persisted(number)
        self.pump()

    def persisted(self, number: int) -> None:
        self.core.persisted(number)
        while self._held and self._held[0][0] <= number:
            for message in self._held.popleft()[1]:
                self._send(message)

    def _persist(self, ready: Ready) -> None:
        if ready.restored or ready.hard_state or ready.entries:
            restart = (ready.restored.index, ready.restored.term) if ready.restored else None
            self.writer.write(ready.number, ready.hard_state, ready.entries, restart=restart)
        if ready.messages_after_persist:
            self._held.append((ready.number, ready.messages_after_persist))

    def _apply_ready(self, ready: Ready) -> None:
        if ready.committed_cold is not None:
            cold = [Entry(*record) for record in self.writer.read(*ready.committed_cold)]
            self._apply(cold)
        self._apply(ready.committed)

    def _apply(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        for entry in entries:
            self.state.apply(entry.index, entry.payload)
            self.world.watch.applied(self.machine, entry, self.state.chain)
        self.core.applied(entries[-1].index)
        if self.core.applied_index - self._snapshot_index >= self.world.options.snapshot_every:
            self.take_snapshot()

    def _serve_reads(self) -> None:
        applied = self.core.applied_index
        for item in [item for item in self._reads if item[0] <= applied]:
            self._reads.remove(item)
            self.world.clients.read_done(item[1], applied)

    def _send(self, message: Message) -> None:
        self.world.watch.sent(self.machine, message)
        to = self.world.by_member.get(message.to)
        if to is not None and to.member == message.to:
            self.world.network.send(self.machine.number, to.number, message)

    def _tick(self) -> None:
        self.loop.after(TICK_US, self._tick)
        self.core.tick()
        self.writer.tick()
        if self.writer.full and self.core.leading is not None:
            self._step_down()
        self.pump()

    def _step_down(self) -> None:
        """Who can write nothing should not lead."""
        with suppress(TransferRefused):
            self.core.transfer()
            self.machine.trace("steps down", "its disk is full")

    def _draw_timeout(self) -> None:
        self.core.set_election_timeout(
            self.chance.between(ELECTION_TICKS, longest_timeout_ticks(ELECTION_TICKS))
        )

    def _read_cold(self, cold: ColdSend) -> None:
        if self.core.role is not Role.LEADER or cold.term != self.core.term:
            return  # asked by a leader that is none any more: its entries may be replaced by now
        entries: list[Entry] = []
        size = 0
        try:
            for record in self.writer.read(cold.first, cold.last):
                entries.append(Entry(*record))
                size += len(record[3])
                if size >= self.world.options.append_bytes_max:
                    break
        except KeyError:
            entries = []
        self.core.cold_read(cold, tuple(entries))
        self.pump()

    # -- snapshots

    def take_snapshot(self) -> None:
        """Its bytes are frozen now; the files' thread writes them."""
        index = self.core.applied_index
        if self._snapshot_busy or index <= self._snapshot_index:
            return
        self._snapshot_busy = True
        meta = SnapshotMeta(
            index=index,
            term=self.core.term_at(index) or 0,
            zxid=index,
            membership=self.core.membership_at(index).encode(),
            cluster_id=CLUSTER_ID,
            config_index=self.core.memberships.index_at(index),
        )
        future = self.executor.submit(self._write_snapshot, meta, [self.state.content()])
        future.add_done_callback(lambda _: self.loop.soon(self._on_snapshot, future))

    def _write_snapshot(self, meta: SnapshotMeta, pieces: Iterable[bytes]) -> SnapshotMeta:
        job = self.data.snapshots.begin(meta)
        try:
            for piece in pieces:
                job.add(piece)
            job.finish()
        except StorageFull:
            job.abandon()
            raise
        return meta

    def _on_snapshot(self, future: Any) -> None:
        self._snapshot_busy = False
        if isinstance(future.exception(), ValueError | StorageFull):
            return  # a newer one was fetched meanwhile, or there is no room now
        meta: SnapshotMeta = future.result()
        self._snapshot_index = max(self._snapshot_index, meta.index)
        self.machine.trace("snapshot", f"of entry {meta.index}")
        keep = self.core.tail_index - 1
        purgeable = self.data.snapshots.purge_index(self.writer.before_tail)
        first = self.writer.purge(min(purgeable, keep))
        if first:
            self.core.compact(first - 1)
        self.pump()

    def _fetch(self, sender: int, covers_index: int) -> None:
        self.machine.trace("fetches", f"a snapshot of member {sender} beyond {covers_index}")
        self.loop.after(self.chance.below(FETCH_US), self._fetch_done, sender, covers_index)

    def _fetch_done(self, sender: int, covers_index: int) -> None:
        peer = self.world.by_member.get(sender)
        node = peer.node if peer is not None and peer.member == sender else None
        if not isinstance(node, CoreNode) or not self.world.linked(self.machine, node.machine):
            self._give_up_fetch()
            return
        newest = node.data.snapshots.newest()
        if newest is None or newest.index < covers_index:
            self._give_up_fetch()
            return
        data = newest.read(0, newest.size)
        newest.close()
        future = self.executor.submit(self._receive, newest.index, newest.term, data)
        future.add_done_callback(lambda _: self.loop.soon(self._on_fetched, future, node))

    def _receive(self, index: int, term: int, data: bytes) -> SnapshotMeta | None:
        return receive_snapshot(self.data.snapshots, index, term, data)

    def _on_fetched(self, future: Any, sender: "CoreNode") -> None:
        meta: SnapshotMeta | None = future.result()
        if meta is None:
            sender.look_at_snapshot()
            self._give_up_fetch()
            return
        membership = Membership.decode(meta.membership)
        if self.core.restore(RaftSnapshot(meta.index, meta.term, membership, meta.config_index)):
            self.machine.trace("restores", f"entry {meta.index}")
            self._snapshot_index = meta.index
            self.state = ToyState(b"".join(self.data.snapshots.read(meta)))
            self.world.watch.restored(self.machine, meta, self.state.chain)
        self.pump()

    def look_at_snapshot(self) -> None:
        """Somebody could not use the newest one."""
        if self.machine.node is self:
            self.loop.soon(self._look_at_snapshot)

    def _look_at_snapshot(self) -> None:
        self.data.snapshots.put_damaged_aside()
        self._snapshot_index = self.data.snapshots.newest_index()
        self.take_snapshot()

    def _give_up_fetch(self) -> None:
        self.core.snapshot_failed()
        self.pump()

    def _restore_state(self, recovered: Recovered) -> None:
        if recovered.snapshot is not None:
            self.state = ToyState(b"".join(self.data.snapshots.read(recovered.snapshot)))
            self._snapshot_index = recovered.snapshot.index
