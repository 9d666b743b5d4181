"""The operator's event loop: makes the parts, runs kopf, and watches over both.

Two things beside the clusters' own tasks: a heartbeat for health, and a regular list of all clusters, so
that one that nobody looks after is noticed (a watch stream may stand still without a sound).
"""

import asyncio
import threading

import structlog

from raftkeeper_operator.act.effect import Hands
from raftkeeper_operator.act.executor import Executor
from raftkeeper_operator.api import labels
from raftkeeper_operator.app import kopf_app
from raftkeeper_operator.app.backups import explain_orphans
from raftkeeper_operator.app.cluster_loop import ClusterLoops
from raftkeeper_operator.app.failpoints import Failpoints
from raftkeeper_operator.app.health import Key, Progress
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.settings import Settings
from raftkeeper_operator.app.step import ClusterStep
from raftkeeper_operator.app.wakeups import Streams, Wakeups
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.errors import KubeError, NotFound
from raftkeeper_operator.clients.keeper import KeeperClient, open_session
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.kube_access import KubeAccess
from raftkeeper_operator.clients.resources import CLUSTERS
from raftkeeper_operator.observe.fields import Object, is_deleting, name_of, part
from raftkeeper_operator.observe.infrastructure import Infrastructure
from raftkeeper_operator.observe.observer import Observer
from raftkeeper_operator.observe.resources import Applied
from raftkeeper_operator.report.events import Events
from raftkeeper_operator.report.reporter import Reporter

log = structlog.get_logger(__name__)

BEAT_S = 1.0
LIST_S = 60.0
CRD_RETRY_S = 5.0
EXIT_PATIENCE_S = 15.0
"""For steps under way when the process is told to end; what is cut off, the next operator finishes."""


class Supervisor:
    """One run of the operator, as its leader."""

    def __init__(
        self,
        access: KubeAccess,
        settings: Settings,
        surroundings: Surroundings,
        metrics: Metrics,
        progress: Progress,
    ) -> None:
        self._access = access
        self._settings = settings
        self._surroundings = surroundings
        self._metrics = metrics
        self._progress = progress
        self._leaving = asyncio.Event()

    async def run(self, failpoints: Failpoints, told_to_end: threading.Event) -> None:
        """Until it is told to end."""
        kube = Kube(self._access)
        session = open_session()
        wakeups = Wakeups(self._metrics)
        wakeups.attach(asyncio.get_running_loop())
        streams = Streams(self._access, wakeups, self._metrics, self._settings.namespaces)
        background = [
            asyncio.ensure_future(self._beat(told_to_end)),
            asyncio.ensure_future(self._list_clusters(kube)),
        ]
        try:
            step = self._make_step(kube, KeeperClient(session), failpoints)
            loops = ClusterLoops(step, wakeups, self._progress, self._metrics)
            if await self._wait_for_crds(kube):
                streams.start()
                await self._run_kopf(loops, wakeups)
        finally:
            streams.stop()
            for task in background:
                task.cancel()
            await session.close()
            await kube.close()

    def _make_step(self, kube: Kube, keeper: KeeperClient, failpoints: Failpoints) -> ClusterStep:
        applied = Applied()
        observer = Observer(kube, keeper, Infrastructure(kube), self._surroundings, applied=applied)
        executor = Executor(Hands(kube, keeper, applied), failpoints)
        events = Events(kube, self._settings.identity)
        return ClusterStep(kube, observer, executor, Reporter(kube, events, self._metrics))

    async def _run_kopf(self, loops: ClusterLoops, wakeups: Wakeups) -> None:
        stop = asyncio.Event()
        registry = kopf_app.build_registry(self._access, loops, wakeups)
        kopf = asyncio.ensure_future(
            kopf_app.run(registry, self._settings.namespaces, stop, self._leaving.set)
        )
        leaving = asyncio.ensure_future(self._leaving.wait())
        await asyncio.wait({kopf, leaving}, return_when=asyncio.FIRST_COMPLETED)
        # The clusters' tasks first, so that kopf has nothing to cut off.
        await loops.leave(EXIT_PATIENCE_S)
        stop.set()
        leaving.cancel()
        await kopf

    async def _beat(self, told_to_end: threading.Event) -> None:
        while True:
            self._progress.beat()
            if told_to_end.is_set():
                self._leaving.set()
            await asyncio.sleep(BEAT_S)

    async def _list_clusters(self, kube: Kube) -> None:
        while True:
            await self.look_around(kube)
            await asyncio.sleep(LIST_S)

    async def look_around(self, kube: Kube) -> None:
        """Which clusters exist, and which of them somebody has to look after."""
        try:
            bodies = await self._clusters(kube)
        except KubeError as error:
            log.warning("operator.cannot_list", error=str(error))
            return
        self._progress.listed({_key(body) for body in bodies if needs_attention(body)})
        await self._explain_orphans(kube, {_key(body) for body in bodies})

    async def _explain_orphans(self, kube: Kube, found: set[Key]) -> None:
        try:
            await explain_orphans(kube, self._settings.namespaces, found)
        except KubeError as error:
            log.warning("operator.cannot_list_backups", error=str(error))

    async def _clusters(self, kube: Kube) -> list[Object]:
        found = []
        for namespace in self._settings.namespaces or ("",):
            found += await kube.list_objects(CLUSTERS, namespace)
        return found

    async def _wait_for_crds(self, kube: Kube) -> bool:
        """Kopf looks for the kinds once, when it starts."""
        while not self._leaving.is_set():
            try:
                await self._clusters(kube)
                return True
            except NotFound:
                log.warning(
                    "operator.no_crds",
                    next="install the CRDs (crds/ or the chart raftkeeper-crds); waiting for them",
                )
            except KubeError as error:
                log.warning("operator.api_unreachable", error=str(error))
            await asyncio.sleep(CRD_RETRY_S)
        return False


def needs_attention(body: Object) -> bool:
    """Whether a cluster has to have a task.

    One that is being deleted and no longer bears our finalizer is done with: it waits for somebody
    else's (foreground deletion, say, and a pod on a dead node), for as long as that takes.
    """
    return not is_deleting(body) or labels.FINALIZER in (part(body, "metadata", "finalizers") or ())


def _key(body: Object) -> Key:
    return str(part(body, "metadata", "namespace")), name_of(body)
