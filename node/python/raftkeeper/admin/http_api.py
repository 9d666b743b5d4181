"""The HTTP port: metrics, health, and ZooKeeper's AdminServer commands that only read.

    /metrics                 Prometheus' text
    /health/live             200 while the loop turns
    /health/ready            200 when requests are served and a leader is known, else 503 and why
    /commands, /commands/…   JSON as ZooKeeper 3.9 has it

It has no password and must change nothing but counters: whoever reaches it may read, not write.
"""

import json
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from raftkeeper.admin.ensemble_report import describe_mode, describe_readiness, why_not_ready
from raftkeeper.admin.http_commands import COMMANDS, find_command
from raftkeeper.admin.metrics import build_page
from raftkeeper.server.view import NodeView

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpApi:
    """The HTTP surface of one node."""

    def __init__(self, view: NodeView) -> None:
        self._view = view
        self._runner: web.AppRunner | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serves on this bound socket."""
        application = web.Application(client_max_size=64 * 1024)
        application.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
                web.get("/commands", self._index),
                web.get("/commands/{name}", self._command),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        self._runner = runner

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=build_page(self._view),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _live(self, _request: web.Request) -> web.Response:
        return _json({"live": True, "version": self._view.version})

    async def _ready(self, _request: web.Request) -> web.Response:
        """A full disk is no reason to be taken out of service: reads go on, and it is said.

        Without a leader a node is not ready, so that clients go where a quorum is.
        """
        view = self._view
        reason = why_not_ready(view)
        parts = view.parts
        body = {
            "ready": not reason,
            "reason": reason,
            "mode": describe_mode(view),
            "writes_refused": parts.writer.full if parts is not None else "",
            "applied_index": parts.engine.applied_index if parts is not None else 0,
            **describe_readiness(view),
        }
        return _json(body, status=503 if reason else 200)

    async def _index(self, _request: web.Request) -> web.Response:
        links = "".join(f'<a href="/commands/{name}">{name}</a>\n<br/>\n' for name in COMMANDS)
        return web.Response(text=links, content_type="text/html")

    async def _command(self, request: web.Request) -> web.Response:
        name = request.match_info["name"].lower()
        found = find_command(name)
        if found is None:
            return _json({"command": name, "error": f"Unknown command: {name}"}, status=404)
        full_name, report, needs_data = found
        view = self._view
        if view.parts is None or (needs_data and view.not_serving()):
            error = "This ZooKeeper instance is not currently serving requests"
            return _json({"command": full_name, "error": error})
        fields = report(view, view.parts)
        return _json({"command": full_name, "error": None, **fields})


def _json(body: dict[str, object], status: int = 200) -> web.Response:
    return web.Response(
        text=json.dumps(body, indent=2) + "\n", status=status, content_type="application/json"
    )
