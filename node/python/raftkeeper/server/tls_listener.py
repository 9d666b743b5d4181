"""The TLS port of clients: accepts, shakes hands, and hands each socket to `first_bytes`.

A stranger that says nothing, or nothing but garbage, holds one place among the handshakes for their
deadline, and counts at the door meanwhile. When all places are taken nobody is accepted until one is
free: the kernel keeps those who knock, so a fleet that reconnects at once gets in by and by.
"""

import asyncio
import socket
import ssl
from functools import partial

from raftkeeper.server import limits
from raftkeeper.server.client_tls import ClientTls
from raftkeeper.server.first_bytes import Acceptor, FirstBytes
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


class TlsListener:
    """Accepts until it is stopped."""

    def __init__(self, sock: socket.socket, tls: ClientTls, acceptor: Acceptor) -> None:
        sock.listen(limits.ACCEPT_BACKLOG)
        sock.setblocking(False)
        self._sock = sock
        self._tls = tls
        self._acceptor = acceptor
        self._handshakes: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._accept())

    def close(self) -> None:
        """Nobody comes in any more; who is in the door is sent away."""
        for task in (self._task, *self._handshakes):
            task.cancel()

    async def wait_closed(self) -> None:
        """After `close`."""
        await asyncio.wait({self._task, *self._handshakes}, timeout=limits.CLOSE_TIMEOUT_S)
        self._sock.close()

    async def _accept(self) -> None:
        loop, door = asyncio.get_running_loop(), self._acceptor.door
        while True:
            if len(self._handshakes) >= limits.TLS_HANDSHAKES_MAX:
                door.handshakes_waited += 1
                await asyncio.wait(self._handshakes, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                sock, place = await loop.sock_accept(self._sock)
            except OSError as error:
                log.error("client.accept_failed", reason=str(error), retry_s=limits.ACCEPT_RETRY_S)
                await asyncio.sleep(limits.ACCEPT_RETRY_S)
                continue
            address = place[0].removeprefix("::ffff:")
            refusal = door.admit(address)
            if refusal:
                self._acceptor.on_refused(address, refusal)
                sock.close()
                continue
            door.handshakes += 1
            opening = FirstBytes(self._acceptor, admitted=address)
            task = loop.create_task(self._shake_hands(sock, opening))
            self._handshakes.add(task)
            task.add_done_callback(partial(self._end, sock, opening))

    async def _shake_hands(self, sock: socket.socket, opening: FirstBytes) -> None:
        sock.setblocking(False)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: opening,
            sock,
            ssl=self._tls.context(),
            ssl_handshake_timeout=limits.TLS_HANDSHAKE_TIMEOUT_S,
        )

    def _end(self, sock: socket.socket, opening: FirstBytes, task: "asyncio.Task[None]") -> None:
        """Also of a task that was cancelled before its first step."""
        door = self._acceptor.door
        self._handshakes.discard(task)
        door.handshakes -= 1
        if opening.transport is not None:
            if task.cancelled():
                opening.transport.abort()
            return
        sock.close()
        door.leave(opening.address)
        if task.cancelled():
            return
        error = task.exception()
        door.handshakes_failed += 1
        if isinstance(error, (OSError, ssl.SSLError)):
            self._acceptor.on_refused(
                opening.address, f"TLS: {str(error) or 'no handshake in time'}"
            )
        elif error is not None:  # a bug must not close the port, nor pass in silence
            log.critical("client.handshake_broken", exc_info=error)
