"""The admin port: TLS, who may, and the handlers of the API behind it.

It is a port of its own: the HTTP port with metrics and health has no password and changes nothing.
It opens only when there is a way to authenticate; there is no default password.
"""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from raftkeeper.admin.admin_tls import AdminTls
from raftkeeper.admin.auth import Authenticator, TokenFile, TokenFileError
from raftkeeper.admin.control_api import ControlApi
from raftkeeper.admin.membership_api import MembershipApi
from raftkeeper.admin.node_port import NodePort
from raftkeeper.admin.refusals import AdminRefusal
from raftkeeper.admin.replies import Handler, refusals_as_json, refuse
from raftkeeper.server.errors import NodeError
from raftkeeper.server.logs import LogBudget, get_logger
from raftkeeper.server.view import NodeView

log = get_logger(__name__)

BODY_BYTES_MAX = 64 * 1024
"""The longest request is a few hundred bytes."""


class AdminServer:
    """The admin port of one node."""

    def __init__(self, view: NodeView) -> None:
        settings = view.config.admin
        token_file = TokenFile(Path(settings.token_file)) if settings.token_file else None
        self._authenticator = Authenticator(token_file)
        self._token_file = token_file
        self._view = view
        self._budget = LogBudget(5, view.clock.now_us)
        self._runner: web.AppRunner | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serves on this bound socket; NodeError when the settings cannot be used."""
        settings = self._view.config.admin
        try:
            if self._token_file is not None:
                self._token_file.read()
            tls = None
            if settings.tls_certificate:
                tls = AdminTls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        except TokenFileError as error:
            raise NodeError(str(error)) from error
        except (ssl.SSLError, OSError) as error:
            raise NodeError(
                f"admin.tls_certificate, tls_key or tls_client_ca cannot be used: {error}"
            ) from error
        runner = web.AppRunner(
            build_application(self._view, self._authenticate), access_log=None, shutdown_timeout=1.0
        )
        await runner.setup()
        context = tls.context if tls is not None else None
        await web.SockSite(runner, sock, ssl_context=context).start()
        self._runner = runner

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _authenticate(self, request: web.Request) -> None:
        try:
            who = self._authenticator.check(request)
        except AdminRefusal:
            if self._budget.allows():
                log.warning(
                    "admin.unauthenticated",
                    peer=request.remote,
                    path=request.path,
                    suppressed=self._budget.take_suppressed(),
                )
            raise
        if request.method != "GET":
            log.info(
                "admin.request",
                who=who,
                peer=request.remote,
                method=request.method,
                path=request.path,
            )


def build_application(
    view: NodeView, authenticate: Callable[[web.Request], None]
) -> web.Application:
    """Every path, behind one check."""

    @web.middleware
    async def authenticated(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            authenticate(request)
        except AdminRefusal as error:
            return refuse(error)
        return await handler(request)

    port = NodePort(view)
    application = web.Application(
        client_max_size=BODY_BYTES_MAX, middlewares=[refusals_as_json, authenticated]
    )
    application.add_routes([*ControlApi(port).routes(), *MembershipApi(port).routes()])
    return application
