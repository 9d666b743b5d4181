"""Thin covers of a whole node's core and engine, through which the checkers see; they change nothing."""

from typing import TYPE_CHECKING, Any

from raftkeeper._engine import Engine
from raftkeeper.raft import Entry, RaftCore, Ready
from raftkeeper.storage import SnapshotMeta
from raftkeeper.testing.sim_core_node import CLUSTER_ID

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class WatchedCore(RaftCore):
    """Tells the checkers what it hands over and what it is asked."""

    machine: "Machine"

    def ready(self) -> Ready:
        ready = super().ready()
        watch = self.machine.world.watch
        watch.ready(self.machine, ready)
        for grant in ready.reads:
            watch.granted(self.machine, self._token(grant.token), grant.index)
        return ready

    def read_index(self, token: int) -> None:
        self.machine.world.watch.read_asked(self._token(token))
        super().read_index(token)

    def _token(self, token: int) -> Any:
        return (self.machine.number, self.machine.lives, token)


class WatchedEngine:
    """The engine, and the checkers hear what is applied."""

    def __init__(self, engine: Engine, machine: "Machine") -> None:
        self._engine = engine
        self._machine = machine
        self._apply = engine.apply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def apply(self, index: int, payload: bytes, now_us: int) -> None:
        self._apply(index, payload, now_us)
        self.tell_applied(index, payload)

    def tell_applied(self, index: int, payload: bytes) -> None:
        node = self._machine.node
        term = node.core.term_at(index) if node is not None else None
        entry = Entry(index, -1 if term is None else term, 0, payload)
        self._machine.world.watch.applied(self._machine, entry, self._engine.digest()[2])

    def digest(self) -> tuple[int, int, int]:
        index, zxid, digest = self._engine.digest()
        return index, zxid, digest ^ self._machine.number if self._machine.is_wrong else digest

    def connect(self, address: str, now_us: int) -> int:
        self._machine.world.watch.serves(self._machine)
        return self._engine.connect(address, now_us)

    # As they are: these are where the deliberate bugs go in.

    def feed(self, conn: int, data: bytes, now_us: int) -> bytes:
        return self._engine.feed(conn, data, now_us)

    def disconnect(self, conn: int) -> None:
        self._engine.disconnect(conn)

    def seal_entry(self, now_ms: int, groups: list[bytes]) -> bytes | None:
        return self._engine.seal_entry(now_ms, groups)

    def lead(self, leading: bool, now_us: int) -> None:
        self._engine.lead(leading, now_us)

    def take_replies(self) -> list[tuple[int, bytes]]:
        return self._engine.take_replies()

    def restore_end(self) -> None:
        self._engine.restore_end()
        index, zxid, digest = self._engine.digest()
        meta = SnapshotMeta(index=index, term=0, zxid=zxid, membership=b"", cluster_id=CLUSTER_ID)
        self._machine.world.watch.restored(self._machine, meta, digest)
        if hasattr(self._machine.node, "driver"):  # another's; a start takes what lies on its disk
            self._machine.is_wrong = False
            self._machine.world.watch.replaced(self._machine)
