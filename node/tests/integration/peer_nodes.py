"""Members' transports in one process, each with a handler that remembers, for tests of the links."""

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from raftkeeper.raft import Member
from raftkeeper.server.clock import SystemClock
from raftkeeper.server.peers import PeerSettings, PeerTransport, TlsSettings
from raftkeeper.storage import Identity

CLUSTER = b"c" * 16
DEADLINE_S = 15.0


def disk(member_id: int) -> bytes:
    """The incarnation of a member."""
    return bytes([member_id]) * 16


class Node:
    """One member."""

    def __init__(
        self,
        member_id: int,
        *,
        tls: TlsSettings | None = None,
        port: int = 0,
        bytes_per_s: int = 0,
    ) -> None:
        self.member_id = member_id
        self.socket = bound(port)
        self.port: int = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        settings = PeerSettings(
            tls=tls, snapshot_bytes_per_s=bytes_per_s, address=self.address, software="test"
        )
        self.transport = PeerTransport(settings, clock=SystemClock())
        self.heard: list[Any] = []
        self.events: list[tuple[Any, ...]] = []
        self.snapshots: list[Any] = []

    async def serve(
        self,
        cluster_id: bytes = CLUSTER,
        incarnation: bytes | None = None,
        snapshots: Any = None,
        why_none: Callable[[], str] = lambda: "",
    ) -> "Node":
        """Listens, and knows nobody yet."""
        await self.transport.start(self.socket)
        self.become(cluster_id, incarnation, snapshots, why_none)
        return self

    def become(
        self,
        cluster_id: bytes,
        incarnation: bytes | None = None,
        snapshots: Any = None,
        why_none: Callable[[], str] = lambda: "",
    ) -> None:
        """A member."""
        identity = Identity(cluster_id, self.member_id, incarnation or disk(self.member_id))
        self.snapshot_store = snapshots
        self.transport.serve(identity, self, snapshots, why_no_snapshot=why_none)

    def knows(self, *others: "Node", level: int = 1, **addresses: str) -> None:
        """Dials these, with this feature level in use; `m2="host:port"` puts something between."""
        self.transport.set_members(
            {
                other.member_id: Member(
                    other.member_id,
                    disk(other.member_id),
                    addresses.get(f"m{other.member_id}", other.address),
                )
                for other in others
            },
            level,
        )

    def is_up(self, other: "Node") -> bool:
        return self.transport.is_up(other.member_id)

    # ---- the handler -----------------------------------------------------------------------------

    def on_message(self, message: Any) -> None:
        self.heard.append(message)

    def on_group(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_touches(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_fitness(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_digest(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_ask(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_answer(self, *arguments: Any) -> None:
        self.heard.append(arguments)

    def on_link_up(self, member: int) -> None:
        self.events.append(("up", member))

    def on_link_lost(self, member: int, *, reset: bool) -> None:
        self.events.append(("lost", member, "reset" if reset else "silent"))

    def on_snapshot(self, meta: Any) -> None:
        self.snapshots.append(meta)


def bound(port: int = 0) -> socket.socket:
    """A bound socket of the loopback."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


async def until(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
    """Waits until something becomes true."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    while not condition():
        assert loop.time() < deadline, "it did not come true in time"
        await asyncio.sleep(0.002)


async def stop(*nodes: Node) -> None:
    """Ends them all."""
    await asyncio.gather(*(node.transport.stop() for node in nodes))
    for _ in range(50):
        await asyncio.sleep(0)  # refused connections that are closing need turns of the loop


@asynccontextmanager
async def linked_pair() -> AsyncIterator[tuple[Node, Node]]:
    """Two members that are linked."""
    one, two = await Node(1).serve(), await Node(2).serve()
    try:
        one.knows(two)
        two.knows(one)
        await until(lambda: one.is_up(two) and two.is_up(one))
        yield one, two
    finally:
        await stop(one, two)


def on_uvloop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test on the loop that nodes run on; it differs from asyncio's own in what counts here:
    writes within a turn, TLS, errors of sockets.
    """

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        uvloop.run(test(*arguments, **named))

    return run
