"""How one member reaches another: its address looked up anew, a socket, TLS, and patience.

`dial` makes one connection; a `Dialer` goes on trying for one member as long as it has no link. Who
the other is and whether it is wanted is decided elsewhere.
"""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable

from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.conversation import Conversation, prepare
from raftkeeper.server.peers.tls import TlsContexts

log = get_logger(__name__)


class DialFailed(Exception):
    """No connection. `refused`: nobody listens there, so the process is gone."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[::1]:port`. Raises ValueError."""
    host, separator, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isascii() or not port.isdigit():
        raise ValueError(f"{address!r} is no address; it must be host:port")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{address!r} has no port between 1 and 65535")
    return host, int(port)


async def dial(address: str, tls: TlsContexts | None, attempt: int = 0) -> Conversation:
    """One connection, TLS included. Of several addresses of a name each attempt takes the next."""
    loop = asyncio.get_running_loop()
    try:
        host, port = split_address(address)
    except ValueError as error:
        raise DialFailed(str(error)) from error
    try:
        async with asyncio.timeout(limits.RESOLVE_TIMEOUT_S):
            places = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a timeout is an OSError too
        raise DialFailed(f"{host} has no address: {str(error) or 'no answer in time'}") from error
    if not places:
        raise DialFailed(f"{host} has no address")
    family, kind, protocol, _, place = places[attempt % len(places)]
    sock = socket.socket(family, kind, protocol)
    try:
        prepare(sock)
        async with asyncio.timeout(limits.CONNECT_TIMEOUT_S):
            await loop.sock_connect(sock, place)
        conversation = await _open(sock, host, tls)
    except OSError as error:  # those of TLS are too
        sock.close()
        refused = error.errno == errno.ECONNREFUSED
        raise DialFailed(
            f"{address}: {str(error) or 'no answer in time'}", refused=refused
        ) from error
    except BaseException:
        sock.close()
        raise
    return conversation


async def _open(sock: socket.socket, host: str, tls: TlsContexts | None) -> Conversation:
    loop = asyncio.get_running_loop()
    conversation = Conversation()
    if tls is None:
        await loop.create_connection(lambda: conversation, sock=sock)
    else:
        await loop.create_connection(
            lambda: conversation,
            sock=sock,
            ssl=tls.client(),
            server_hostname=host,
            ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
        )
    return conversation


class Dialer:
    """Tries to link one member again and again, with growing pauses, while it is needed."""

    def __init__(
        self,
        attempt: Callable[[int], Awaitable[None]],
        uniform: Callable[[float, float], float],
    ) -> None:
        self._try = attempt
        self._uniform = uniform
        self._tries = 0
        self._attempts = 0
        self._needed = asyncio.Event()
        self._attempt: asyncio.Task[None] | None = None
        self._needed.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def linked(self) -> None:
        """There is a link, made by this dialer or by the other side."""
        self._needed.clear()
        attempt = self._attempt
        if attempt is not None and attempt is not asyncio.current_task():
            attempt.cancel()

    def lost(self, lived_s: float) -> None:
        """There is none any more. One that was short counts as a failed attempt."""
        if lived_s >= limits.STABLE_AFTER_S:
            self._tries = 0
        self._needed.set()

    def stop(self) -> None:
        """For good."""
        self._task.cancel()
        if self._attempt is not None and self._attempt is not asyncio.current_task():
            self._attempt.cancel()

    def pause_s(self) -> float:
        """Before the next attempt: doubled each time, and by chance up to half of it shorter, so
        that members that lost each other at once do not try in step.
        """
        if not self._tries:
            return 0.0
        pause = min(limits.BACKOFF_FIRST_S * 2.0 ** min(self._tries - 1, 16), limits.BACKOFF_LAST_S)
        return pause * self._uniform(0.5, 1.0)

    async def _run(self) -> None:
        while True:
            await self._needed.wait()
            await asyncio.sleep(self.pause_s())
            if not self._needed.is_set():
                continue
            self._tries += 1
            self._attempts += 1
            loop = asyncio.get_running_loop()
            attempt = self._attempt = loop.create_task(self._attempt_once(self._attempts))
            await asyncio.wait({attempt})
            self._attempt = None

    async def _attempt_once(self, attempt: int) -> None:
        try:
            await self._try(attempt)
        except Exception as error:  # the top frame of a task: a bug must not end the trying
            log.critical("peer.dialer_broken", exc_info=error)
