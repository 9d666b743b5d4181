"""A TCP proxy in user space that plays a bad network: late, slow, cut, frozen, one way or both.

For fault tests where the kernel's own means (tc netem, namespaces) are not there. Start it between
a dialer and a listener; all its levers work on connections that are there and on later ones. What
it cannot play: lost packets, since both ends talk to a healthy kernel; a frozen direction comes
closest. On one event loop, that of the test.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

_CHUNK_BYTES = 64 * 1024
_CHUNKS_ON_THE_WAY = 256
"""Bounds what a delay may hold: 16 MiB in each direction of a connection."""
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


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
        self._sockets: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

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
        self._start(self._accept(listener))

    def refuse(self) -> None:
        """Takes no new ones: dialers are refused."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            # The accepting task would keep the port open until its next turn.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def cut(self) -> None:
        """Resets every connection, as a dying process does."""
        for sock in tuple(self._sockets):
            self._drop(sock, reset=True)

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
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for sock in tuple(self._sockets):
            self._drop(sock, reset=False)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while self._listener is listener:
                near, _ = await loop.sock_accept(listener)
                self._start(self._carry(near))

    async def _carry(self, near: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        far = socket.socket()
        for sock in (near, far):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(sock)
        self.connections += 1
        try:
            await loop.sock_connect(far, self.target)
        except OSError:
            self._drop(near, reset=True)
            self._drop(far, reset=False)
            return
        self._start(self._pump(near, far, self.there))
        self._start(self._pump(far, near, self.back))

    async def _pump(self, source: socket.socket, sink: socket.socket, way: Direction) -> None:
        """Reads ahead as far as the bound, so that a delay costs no throughput."""
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_ON_THE_WAY)
        writer = self._start(self._write(chunks, sink, way))
        reset = False
        try:
            while data := await loop.sock_recv(source, _CHUNK_BYTES):
                await chunks.put((loop.time() + way.delay_s, data))
        except OSError:
            reset = True
        if not reset:
            await chunks.put((loop.time() + way.delay_s, b""))
            await asyncio.wait({writer})
        else:
            writer.cancel()
        self._drop(source, reset=reset)
        self._drop(sink, reset=reset)

    async def _write(
        self, chunks: "asyncio.Queue[tuple[float, bytes]]", sink: socket.socket, way: Direction
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while True:
                due, data = await chunks.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await way.open.wait()
                if not data:
                    return
                if way.bytes_per_s:
                    await asyncio.sleep(len(data) / way.bytes_per_s)
                await loop.sock_sendall(sink, data)
                way.passed_bytes += len(data)

    def _start(self, body: "asyncio.Future[None] | object") -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(body)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _drop(self, sock: socket.socket, *, reset: bool) -> None:
        if sock not in self._sockets:
            return
        self._sockets.discard(sock)
        with suppress(OSError):
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            else:
                sock.shutdown(socket.SHUT_RDWR)
        sock.close()
