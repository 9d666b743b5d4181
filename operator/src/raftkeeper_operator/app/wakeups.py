"""What sets off a look at a cluster before its time: changes of the objects that belong to it.

The streams are ours, with a label selector, so that thousands of other people's Pods in a namespace cost
nothing. They only say "look": what is there is read anew by each step. So a stream that stands still
costs time and nothing else; each is begun anew after a while, and after any error.
"""

import asyncio
import json
import threading
from collections.abc import Sequence

import structlog

from raftkeeper_operator.api import labels
from raftkeeper_operator.app.health import Key
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.clients.errors import KubeError
from raftkeeper_operator.clients.kube_access import Call, KubeAccess
from raftkeeper_operator.clients.resources import JOBS, PODS, STATEFUL_SETS, VOLUME_CLAIMS, Resource

log = structlog.get_logger(__name__)

WATCHED = (PODS, STATEFUL_SETS, VOLUME_CLAIMS, JOBS)
STREAM_S = 240
"""How long the server lets a stream go on."""
SILENCE_S = 300.0
"""A stream that should have ended by then and did not is a dead connection."""
PAUSE_S = 2.0
PAUSE_MAX_S = 60.0
"""After an error, and twice as long after each that follows: a server in trouble has enough to do, and
a right that is missing is not there a second later either."""


class Wakeups:
    """An event for each cluster that is looked after. Belongs to the loop, `from_thread` apart."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: dict[Key, asyncio.Event] = {}
        self._versions: dict[Key, object] = {}

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop that the events belong to."""
        self._loop = loop

    def event(self, key: Key) -> asyncio.Event:
        """The event of a cluster; made on first use."""
        return self._events.setdefault(key, asyncio.Event())

    def forget(self, key: Key) -> None:
        self._events.pop(key, None)
        self._versions.pop(key, None)

    def wake(self, key: Key, source: str) -> None:
        """Look at it soon. Nothing happens for one that nobody looks after."""
        event = self._events.get(key)
        if event is not None:
            self._metrics.wakeups.labels(source).inc()
            event.set()

    def wake_if_new(self, key: Key, source: str, version: object) -> None:
        """As `wake`, unless it is told of the same version again: our own writes of the status are not."""
        if key in self._events and self._versions.get(key) != version:
            self._versions[key] = version
            self.wake(key, source)

    def from_thread(self, key: Key, source: str) -> None:
        """As `wake`, from elsewhere; after the end of the loop it is of no use any more."""
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self.wake, key, source)
            except RuntimeError:
                log.debug("wakeups.loop_closed")


class Streams:
    """A thread for each kind of object (and namespace): it waits for changes, and wakes."""

    def __init__(
        self, access: KubeAccess, wakeups: Wakeups, metrics: Metrics, namespaces: Sequence[str]
    ) -> None:
        self._access = access
        self._wakeups = wakeups
        self._metrics = metrics
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(resource, space),
                name=f"watch-{resource.plural}",
                daemon=True,
            )
            for resource in WATCHED
            for space in (namespaces or [""])
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Not waited for: a stream ends when its connection does, and holds nothing."""
        self._stop.set()

    def _run(self, resource: Resource, namespace: str) -> None:
        version, pause_s = "", PAUSE_S
        while not self._stop.is_set():
            try:
                version = self._follow(resource, namespace, version)
                pause_s = PAUSE_S
            except (KubeError, ValueError) as error:
                # Without a version the next stream begins with everything there is.
                version = ""
                self._metrics.watch_restarts.labels(resource.plural).inc()
                log.warning("watch.broken", resource=resource.plural, error=str(error))
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)

    def _follow(self, resource: Resource, namespace: str, version: str) -> str:
        """One stream to its end; the version up to which it was followed."""
        query = [
            ("watch", "true"),
            ("labelSelector", labels.CLUSTER),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(STREAM_S)),
        ]
        query += [("resourceVersion", version)] if version else []
        for line in self._access.lines(Call("GET", resource.path(namespace), query), SILENCE_S):
            if self._stop.is_set():
                break
            event = json.loads(line)
            body = event.get("object") or {}
            if event.get("type") == "ERROR":
                raise ValueError(str(body.get("message") or body))
            meta = body.get("metadata") or {}
            version = str(meta.get("resourceVersion") or version)
            name = (meta.get("labels") or {}).get(labels.CLUSTER)
            if name:
                self._wakeups.from_thread((meta.get("namespace", ""), name), resource.plural)
        return version
