"""The sockets between clients and a whole node, as the node sees them.

`SimSockets` is what the driver knows of its clients; a `SimConnection` carries bytes both ways, in
order and with some delay, until one side closes or the process dies.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from raftkeeper.testing.sim_loop import SimLoop

if TYPE_CHECKING:
    from raftkeeper.testing.sim_full_node import FullNode

DELAY_US = 150


class Client(Protocol):
    """The other end."""

    def received(self, connection: "SimConnection", data: bytes) -> None:
        """Bytes of the node."""

    def lost(self, connection: "SimConnection", reason: str) -> None:
        """It is closed."""


class SimConnection:
    """One TCP connection of a client to a node."""

    def __init__(self, sockets: "SimSockets", client: Client, world_loop: SimLoop) -> None:
        self._sockets = sockets
        self._node = sockets.node
        self._client = client
        self._world = world_loop
        self.open = True
        self._held = False
        self._inbox: list[bytes] = []
        self.conn = 0
        self._node.loop.after(DELAY_US, self._accept)

    # -- for the client

    def send(self, data: bytes) -> None:
        if self.open:
            self._node.loop.after(DELAY_US, self._feed, data)

    def abandon(self) -> None:
        """The client is gone, or has enough of this node."""
        if self.open:
            self.open = False
            self._node.loop.after(DELAY_US, self._gone)

    # -- for the node (server.ensemble.ports.ClientSocket)

    def write(self, data: bytes) -> None:
        self._world.after(DELAY_US, self._arrive, data)

    def close(self, reason: str) -> None:
        self._end(reason)

    def abort(self, reason: str) -> None:
        self._end(reason)

    def hold(self) -> None:
        self._held = True
        if self.conn in self._sockets.by_conn:
            # The engine may have kept input back only because the answers were many.
            self._node.loop.soon(self._feed, b"")

    def release(self) -> None:
        self._held = False
        waiting, self._inbox = self._inbox, []
        for data in waiting:
            self._feed(data)

    def cut(self, reason: str) -> None:
        """The process is gone."""
        if self.open:
            self.open = False
            self._world.after(DELAY_US, self._client.lost, self, reason)

    # -- inside

    def _accept(self) -> None:
        driver = self._node.driver
        if not self.open:
            return
        if not driver.serving.is_set():
            self.cut("refused: not serving")
            return
        self.conn = driver.engine.connect("10.0.0.1", self._node.loop.now_us())
        self._sockets.by_conn[self.conn] = self
        self._sockets.writes[self.conn] = self.write

    def _feed(self, data: bytes) -> None:
        if self.conn not in self._sockets.by_conn:
            return
        if self._held and data:
            self._inbox.append(data)
            return
        driver = self._node.driver
        replies = driver.engine.feed(self.conn, data, self._node.loop.now_us())
        if replies:
            self.write(replies)
        if driver.engine.wants:
            driver.wake()

    def _end(self, reason: str) -> None:
        """What is written arrives before the end does."""
        self._sockets.writes.pop(self.conn, None)
        self._world.after(DELAY_US, self._tell_lost, reason)
        self._node.loop.soon(self._gone)

    def _tell_lost(self, reason: str) -> None:
        if self.open:
            self.open = False
            self._client.lost(self, reason)

    def _gone(self) -> None:
        self._sockets.writes.pop(self.conn, None)
        if self._sockets.by_conn.pop(self.conn, None) is not None:
            driver = self._node.driver
            driver.engine.disconnect(self.conn)
            if driver.engine.wants:
                driver.wake()

    def _arrive(self, data: bytes) -> None:
        if self.open:
            self._client.received(self, data)


class SimSockets:
    """All client sockets of one process; `server.ensemble.ports.ClientSockets`."""

    def __init__(self, node: "FullNode") -> None:
        self.node = node
        self.writes: dict[int, Callable[[bytes], None]] = {}
        self.by_conn: dict[int, SimConnection] = {}

    def accept(self, client: Client) -> SimConnection:
        return SimConnection(self, client, self.node.world.loop)

    def abort_all(self) -> None:
        for connection in tuple(self.by_conn.values()):
            connection.abort("")

    def process_gone(self) -> None:
        for connection in tuple(self.by_conn.values()):
            connection.cut("the process is gone")
        self.by_conn.clear()
