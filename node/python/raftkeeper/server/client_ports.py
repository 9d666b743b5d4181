"""The ports for clients, plain and TLS: bound early, opened when the node serves, closed together."""

import asyncio
import socket
from typing import TYPE_CHECKING

from raftkeeper.server import limits
from raftkeeper.server.client_tls import ClientTls
from raftkeeper.server.first_bytes import Acceptor
from raftkeeper.server.listening import bind
from raftkeeper.server.tls_listener import TlsListener

if TYPE_CHECKING:
    from raftkeeper.server.config_client import Client


class ClientPorts:
    """At least one of the two."""

    def __init__(self, settings: "Client") -> None:
        """Binds; NodeError when a port is taken or a certificate cannot be used."""
        self._tls = ClientTls(settings) if settings.tls_port else None
        self._plain_socket: socket.socket | None = None
        self._tls_socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._listener: TlsListener | None = None
        try:
            if settings.plain:
                self._plain_socket = bind(settings.listen, settings.port, "client")
            if settings.tls_port:
                self._tls_socket = bind(settings.listen, settings.tls_port, "client", "tls_port")
        except BaseException:
            self._close_sockets()
            raise

    async def open(self, acceptor: Acceptor) -> None:
        """From here on clients come in."""
        if self._plain_socket is not None:
            self._server = await asyncio.get_running_loop().create_server(
                acceptor, sock=self._plain_socket, backlog=limits.ACCEPT_BACKLOG
            )
        if self._tls_socket is not None and self._tls is not None:
            self._listener = TlsListener(self._tls_socket, self._tls, acceptor)

    def close(self) -> None:
        """Nobody comes in any more; those who are in stay."""
        if self._server is not None:
            self._server.close()
        if self._listener is not None:
            self._listener.close()

    async def stop(self) -> None:
        """After `close`, or instead of it where the ports were never opened."""
        self.close()
        if self._listener is not None:
            await self._listener.wait_closed()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for sock in (self._plain_socket, self._tls_socket):
            if sock is not None:
                sock.close()
