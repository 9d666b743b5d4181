"""A TCP proxy in user space that plays a bad network: late, slow, cut, frozen, one way or both.

For fault tests where the kernel's own means (tc netem, namespaces) are not there. Start it between
a dialer and a listener; all its levers work on connections that are there and on later ones. What
it cannot play: lost packets, since both ends talk to a healthy kernel; a frozen direction comes
closest. On one event loop, that of the test.
"""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self, TypeAlias

_CHUNK_BYTES = 64 * 1024
_CHUNKS_ON_THE_WAY = 256
"""Bounds what a delay may hold: 16 MiB in each direction of a connection."""
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


Chunks: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"
"""When each is due, and its bytes; none at the end."""


@dataclass(slots=True)
class Direction:
    """One way through the proxy, of all connections. Turn its levers at any time."""

    delay_s: float = 0.0
    bytes_per_s: int = 0
    """0 is no bound."""
    passed_bytes: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: nothing more passes, and what comes is held."""

    def __post_init__(self) -> None:
        self.open.set()

    def freeze(self) -> None:
        """Nothing passes this way until `thaw`."""
        self.open.clear()

    def thaw(self) -> None:
        """What was held passes now, and all the rest."""
        self.open.set()


class TcpProxy:
    """Listens on a port of the loopback and carries each connection to `target`."""

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self.target = target
        self.port = port
        self.there = Direction()
        """From the dialer to the target."""
        self.back = Direction()
        self.connections = 0
        """How many there ever were."""
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._carried: set[_Carried] = set()

    async def __aenter__(self) -> Self:
        self.listen()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    @property
    def address(self) -> str:
        """What to dial."""
        return f"127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Takes connections (again)."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._accepting = asyncio.get_running_loop().create_task(self._accept(listener))

    def refuse(self) -> None:
        """Takes no new ones: dialers are refused."""
        if self._listener is not None and self._accepting is not None:
            # In this order: the loop must let go of a descriptor before it can be another file's.
            self._accepting.cancel()
            self._listener.close()
            self._listener = None

    def cut(self) -> None:
        """Resets every connection, as a dying process does."""
        for carried in tuple(self._carried):
            carried.end(reset=True)
        self._carried.clear()

    def freeze(self) -> None:
        """Nothing passes, either way."""
        self.there.freeze()
        self.back.freeze()

    def thaw(self) -> None:
        """Everything passes again."""
        self.there.thaw()
        self.back.thaw()

    async def close(self) -> None:
        """Ends it all."""
        self.refuse()
        tasks = [task for carried in self._carried for task in carried.tasks]
        if self._accepting is not None:
            tasks.append(self._accepting)
        for carried in tuple(self._carried):
            carried.end(reset=False)
        self._carried.clear()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(listener)
            self.connections += 1
            carried = _Carried(near, socket.socket())
            self._carried.add(carried)
            carried.start(self._connect(carried))

    async def _connect(self, carried: "_Carried") -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(carried.far, self.target)
        except OSError:
            self._end(carried, reset=True)
            return
        for source, sink, way in (
            (carried.near, carried.far, self.there),
            (carried.far, carried.near, self.back),
        ):
            chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_ON_THE_WAY)
            carried.start(self._read(carried, chunks, source, way))
            carried.start(self._write(carried, chunks, sink, way))

    async def _read(
        self, carried: "_Carried", chunks: Chunks, source: socket.socket, way: Direction
    ) -> None:
        """Reads ahead as far as the bound, so that a delay costs no throughput."""
        loop = asyncio.get_running_loop()
        data = b"first"
        while data:
            try:
                data = await loop.sock_recv(source, _CHUNK_BYTES)
            except OSError:
                self._end(carried, reset=True)
                return
            await chunks.put((loop.time() + way.delay_s, data))

    async def _write(
        self, carried: "_Carried", chunks: Chunks, sink: socket.socket, way: Direction
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await chunks.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await way.open.wait()
            if not data:
                # One side has ended it. Half-open connections are nothing that members use.
                self._end(carried, reset=False)
                return
            if way.bytes_per_s:
                await asyncio.sleep(len(data) / way.bytes_per_s)
            try:
                await loop.sock_sendall(sink, data)
            except OSError:
                self._end(carried, reset=True)
                return
            way.passed_bytes += len(data)

    def _end(self, carried: "_Carried", *, reset: bool) -> None:
        self._carried.discard(carried)
        carried.end(reset=reset)


class _Carried:
    """One connection through the proxy: two sockets and the tasks that move its bytes."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near = near
        self.far = far
        self.tasks: set[asyncio.Task[None]] = set()
        for sock in (near, far):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self, body: Coroutine[object, object, None]) -> None:
        self.tasks.add(asyncio.get_running_loop().create_task(body))

    def end(self, *, reset: bool) -> None:
        """Tasks first: the loop must let go of a descriptor before it can be another file's."""
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for sock in (self.near, self.far):
            if reset:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            sock.close()
