"""The first four bytes of a socket: a four-letter command, or the start of the client protocol.

Only these bytes are looked at here; afterwards the socket belongs to `client_protocol`, so that
its hot path knows nothing of commands. Commands never reach the engine.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from raftkeeper.server import limits
from raftkeeper.server.client_protocol import ClientProtocol, Clients, as_transport
from raftkeeper.server.client_tls import subject_of_client
from raftkeeper.server.door import Door


class FourLetterCommands(Protocol):
    """The commands, as the admin package implements them."""

    def answer(self, word: bytes) -> str | None:
        """The text of a command, None when these four bytes are none."""


class Acceptor:
    """Makes a protocol for each accepted socket. Shared by all of them."""

    def __init__(
        self,
        *,
        clients: Clients,
        door: Door,
        is_open: Callable[[], bool],
        commands: FourLetterCommands,
        on_refused: Callable[[str, str], None],
    ) -> None:
        self.clients = clients
        self.door = door
        self.is_open = is_open
        """Whether clients are served now; commands are answered in any case."""
        self.commands = commands
        self.on_refused = on_refused
        self.silent: set[FirstBytes] = set()
        """Sockets that have not said four bytes, or whose command's answer is leaving."""

    def __call__(self) -> asyncio.Protocol:
        return FirstBytes(self)

    def sweep(self) -> None:
        """Closes those that are silent for too long. Call it about every second."""
        now_us = self.clients.now_us()
        for opening in tuple(self.silent):
            if now_us > opening.deadline_us and opening.transport is not None:
                opening.transport.abort()

    def close_all(self) -> None:
        """The node stops."""
        for opening in tuple(self.silent):
            if opening.transport is not None:
                opening.transport.close()


class FirstBytes(asyncio.Protocol):
    """A socket of which it is not known yet what it speaks."""

    __slots__ = ("_acceptor", "_data", "_subject", "address", "deadline_us", "transport")

    def __init__(self, acceptor: Acceptor, admitted: str = "") -> None:
        """`admitted`: the address that was let in at the door before, for the sake of TLS."""
        self._acceptor = acceptor
        self._data = b""
        self._subject = ""
        self.address = admitted
        self.transport: asyncio.Transport | None = None
        self.deadline_us = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admitted, or closed without a word."""
        acceptor = self._acceptor
        self.transport = as_transport(transport)
        refusal = self._identify() if self.address else self._admit()
        if refusal:
            self.transport.abort()
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now_us = acceptor.clients.now_us()
        self.deadline_us = now_us + int(limits.FIRST_BYTES_TIMEOUT_S * 1_000_000)
        acceptor.silent.add(self)

    def data_received(self, data: bytes) -> None:
        """Decides at the fourth byte."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self._data += data
        if len(self._data) < limits.FIRST_BYTES:
            return
        answer = self._acceptor.commands.answer(self._data[: limits.FIRST_BYTES])
        if answer is None:
            self._become_client(transport)
            return
        now_us = self._acceptor.clients.now_us()
        self.deadline_us = now_us + int(limits.COMMAND_DRAIN_TIMEOUT_S * 1_000_000)
        transport.write(answer.encode())
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone before it was a client."""
        self._acceptor.silent.discard(self)
        if self.address:
            self._acceptor.door.leave(self.address)

    def _admit(self) -> str:
        """The reason why not, '' when it may come in."""
        assert self.transport is not None
        peername = self.transport.get_extra_info("peername")
        # A client of version 4 on a socket for all addresses: ACLs and bounds know it by its own.
        address = peername[0].removeprefix("::ffff:") if peername else "unknown"
        refusal = self._acceptor.door.admit(address)
        if refusal:
            self._acceptor.on_refused(address, refusal)
        else:
            self.address = address
        return refusal

    def _identify(self) -> str:
        """Who it is by its certificate, if it has one; the reason why that cannot be read, or ''."""
        assert self.transport is not None
        try:
            self._subject = subject_of_client(self.transport.get_extra_info("ssl_object"))
        except ValueError as error:
            self._acceptor.on_refused(self.address, str(error))
            return str(error)
        return ""

    def _become_client(self, transport: asyncio.Transport) -> None:
        acceptor = self._acceptor
        acceptor.silent.discard(self)
        if not acceptor.is_open():
            acceptor.on_refused(self.address, "this node does not serve clients now")
            transport.abort()
            return
        peername = transport.get_extra_info("peername")
        peer = f"{self.address}:{peername[1]}" if peername else "unknown"
        client = ClientProtocol(acceptor.clients, transport, self.address, peer, self._subject)
        transport.set_protocol(client)
        client.data_received(self._data)
