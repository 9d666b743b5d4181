"""Is the operator alive? By its progress, not by its answering: health has a thread of its own.

It counts as dead when its event loop stands still, when one step of a cluster does not end, or when a
cluster exists that nobody looks after (a watch stream may stand still without a sound). That the API server
cannot be reached is no reason: a restart would not help, and the Lease is lost by itself.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Key: TypeAlias = tuple[str, str]
"""A cluster: (namespace, name)."""

LOOP_SILENCE_S = 30.0
"""Nothing in the loop computes for longer than a second; half a minute is a deadlock."""
STEP_S = 300.0
"""A step is bounded by the deadlines of its calls, which add up to less than this."""
UNATTENDED_S = 180.0
"""From a cluster's being listed to somebody's looking after it: a watch event, usually at once."""
NO_VERSION_6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""What binding to `::` fails with on a machine that has version 4 of IP alone."""
CLIENT_TIMEOUT_S = 5.0
"""For kubelets and scrapers; others have no business here."""


class Progress:
    """What has happened last. Written by the loop, read by the thread of health."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beat: float | None = None
        self._steps: dict[Key, float] = {}
        self._attended: set[Key] = set()
        self._unattended: dict[Key, float] = {}

    def beat(self) -> None:
        """The event loop turns."""
        with self._lock:
            self._beat = self._clock()

    def attend(self, key: Key) -> None:
        """Somebody looks after this cluster from now on."""
        with self._lock:
            self._attended.add(key)
            self._unattended.pop(key, None)

    def leave(self, key: Key) -> None:
        """Nobody does any more."""
        with self._lock:
            self._attended.discard(key)
            self._steps.pop(key, None)

    def begin(self, key: Key) -> None:
        """A step has begun."""
        with self._lock:
            self._steps[key] = self._clock()

    def end(self, key: Key) -> None:
        """It has ended, well or not."""
        with self._lock:
            self._steps.pop(key, None)

    def listed(self, keys: set[Key]) -> None:
        """These clusters exist; those without attention are counted from when they were first seen."""
        with self._lock:
            now = self._clock()
            self._unattended = {
                key: self._unattended.get(key, now) for key in keys - self._attended
            }

    def why_dead(self) -> str:
        """A sentence, '' when all is well."""
        with self._lock:
            now = self._clock()
            if self._beat is not None and now - self._beat > LOOP_SILENCE_S:
                return f"the event loop has stood still for {now - self._beat:.0f} s"
            for (namespace, name), since in self._steps.items():
                if now - since > STEP_S:
                    return f"a step of {namespace}/{name} has not ended for {now - since:.0f} s"
            for (namespace, name), since in self._unattended.items():
                if now - since > UNATTENDED_S:
                    return f"nobody has looked after {namespace}/{name} for {now - since:.0f} s"
            return ""


class HealthServer:
    """/health/live, /health/ready and /metrics on a port of their own, in a thread of their own."""

    def __init__(
        self, address: tuple[str, int], progress: Progress, metrics_page: Callable[[], bytes]
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = CLIENT_TIMEOUT_S

            def do_GET(self) -> None:
                status, text = _answer(self.path, progress, metrics_page)
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_args: Any) -> None:
                """Probes are no news."""

        self._server = _Server(bind(*address), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(CLIENT_TIMEOUT_S)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """With the socket that it is given."""

    daemon_threads = True

    def __init__(self, sock: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(sock.getsockname()[:2], handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self.server_address = sock.getsockname()
        self.server_activate()


def bind(host: str, port: int) -> socket.socket:
    """A bound socket. `::` is every address, those of version 4 too; where a machine has no version 6 it is
    those of version 4 alone.
    """
    version_6 = ":" in host
    try:
        sock = socket.socket(socket.AF_INET6 if version_6 else socket.AF_INET)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if version_6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((host, port))
        except BaseException:
            sock.close()
            raise
    except OSError as error:
        if host == "::" and error.errno in NO_VERSION_6:
            return bind("0.0.0.0", port)
        raise
    return sock


def _answer(
    path: str, progress: Progress, metrics_page: Callable[[], bytes]
) -> tuple[HTTPStatus, bytes]:
    match path.partition("?")[0]:
        case "/health/live" | "/health/ready":
            if why := progress.why_dead():
                return HTTPStatus.SERVICE_UNAVAILABLE, f"{why}\n".encode()
            return HTTPStatus.OK, b"ok\n"
        case "/metrics":
            return HTTPStatus.OK, metrics_page()
        case _:
            return HTTPStatus.NOT_FOUND, b"/health/live, /health/ready and /metrics are here\n"
