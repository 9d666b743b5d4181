"""The only module that knows kopf: it gives each RaftKeeperCluster a task, and hears of changes.

Used of kopf: a daemon for each cluster (with its finalizer) and raw events. Not used, and not to be: change
handlers, timers, indices, patches, peering, posting. The reasons are in docs/adr/0008.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

import kopf

from raftkeeper_operator.api import labels
from raftkeeper_operator.app.cluster_loop import ClusterLoops
from raftkeeper_operator.app.wakeups import Wakeups
from raftkeeper_operator.clients.kube_access import KubeAccess
from raftkeeper_operator.clients.resources import BACKUPS, CLUSTERS, SCHEDULES

DELETION_POLL_S = 2.0
"""How often kopf asks whether the task of a deleted cluster has ended."""
INSTANT_S = 2.0
"""How long kopf waits for it at once: usually it has nothing to do any more."""


def build_registry(
    access: KubeAccess, loops: ClusterLoops, wakeups: Wakeups
) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own."""
    registry = kopf.OperatorRegistry()
    at = (labels.GROUP, labels.VERSION)

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        _configure(settings)

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        known = dict(access.connection())
        scheme, _space, token = known.pop("authorization").partition(" ")
        return kopf.ConnectionInfo(
            **known, scheme=scheme.capitalize() or None, token=token.strip() or None
        )

    # No cancellation_timeout: a task that is still at work for a deleted cluster is never cut off.
    @kopf.daemon(
        *at,
        CLUSTERS.plural,
        registry=registry,
        cancellation_backoff=None,
        cancellation_timeout=None,
    )
    async def look_after(
        namespace: str | None, name: str | None, stopped: kopf.DaemonStopped, **_: Any
    ) -> None:
        async def wait_until_stopped() -> object:
            return await stopped.wait()

        await loops.run((namespace or "", name or ""), wait_until_stopped)

    @kopf.on.event(*at, CLUSTERS.plural, registry=registry)
    async def hear_of_cluster(
        namespace: str | None, name: str | None, meta: kopf.Meta, **_: Any
    ) -> None:
        asked = (meta.get("generation"), meta.get("deletionTimestamp"), dict(meta.annotations))
        wakeups.wake_if_new((namespace or "", name or ""), CLUSTERS.plural, asked)

    async def hear_of_backup(namespace: str | None, body: kopf.Body, **_: Any) -> None:
        cluster = (body.get("spec") or {}).get("cluster", "")
        wakeups.wake((namespace or "", cluster), BACKUPS.plural)

    for resource in (BACKUPS, SCHEDULES):
        kopf.on.event(*at, resource.plural, registry=registry)(hear_of_backup)
    return registry


async def run(
    registry: kopf.OperatorRegistry,
    namespaces: Sequence[str],
    stop: asyncio.Event,
    leave: Callable[[], None],
) -> None:
    """Until `stop` is set, or kopf gives up. `leave` is called when the process is told to end."""
    existing = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        stop_flag=stop,
    )
    # kopf has set its own handlers by now, which would cut off steps under way.
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leave)
    await kopf.run_tasks(tasks, ignored=existing)


def _configure(settings: kopf.OperatorSettings) -> None:
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.finalizer = labels.FINALIZER
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=labels.GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=labels.GROUP)
    settings.background.cancellation_polling = DELETION_POLL_S
    settings.background.instant_exit_timeout = INSTANT_S
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # Not for ever: liveness notices a cluster that nobody looks after, and the process starts anew.
    settings.queueing.error_delays = (1, 2, 4, 8, 15, 30)
