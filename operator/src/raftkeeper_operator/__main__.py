"""The operator as a process: composition, and the order of starting and ending.

Health answers first; then the Lease is waited for, by every replica; who has it runs kopf. The loss of the
Lease ends the process (app/lease.py); told to end, it finishes the steps it is in and gives the Lease back.
"""

import asyncio
import os
import signal
import sys
import threading
from dataclasses import dataclass

import structlog

from raftkeeper_operator import __version__
from raftkeeper_operator.app.failpoints import Failpoints
from raftkeeper_operator.app.health import HealthServer, Progress
from raftkeeper_operator.app.lease import Lease, LeaseName
from raftkeeper_operator.app.logs import set_up_logging
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.settings import Settings, read_settings
from raftkeeper_operator.app.supervisor import Supervisor
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.errors import KubeError
from raftkeeper_operator.clients.kube_access import KubeAccess

log = structlog.get_logger(__name__)

EXIT_CONFIGURATION = 78
"""Something has to be changed before a restart is of use (EX_CONFIG)."""


@dataclass(frozen=True, slots=True)
class _Parts:
    settings: Settings
    metrics: Metrics
    progress: Progress


def main() -> None:
    """The command `raftkeeper-operator`."""
    settings = read_settings(sys.argv[1:], os.environ)
    set_up_logging(level=settings.log_level, console=settings.log_format == "console")
    parts = _Parts(settings, Metrics(__version__), Progress())
    try:
        failpoints = Failpoints(settings.failpoint, obeys_annotations=settings.cluster_failpoints)
        lease_access = KubeAccess.from_environment(settings.kubeconfig, connections=1)
        access = KubeAccess.from_environment(
            settings.kubeconfig, connections=32, count=parts.metrics.request_done
        )
        address = (settings.listen, settings.port)
        health = HealthServer(address, parts.progress, parts.metrics.page)
    except (ValueError, KubeError, OSError) as error:
        log.critical("operator.misconfigured", error=str(error))
        sys.exit(EXIT_CONFIGURATION)
    health.start()
    log.info("operator.started", version=__version__, identity=settings.identity, port=health.port)
    _lead(parts, access, lease_access, failpoints)
    health.stop()
    log.info("operator.ended")


def _lead(
    parts: _Parts, access: KubeAccess, lease_access: KubeAccess, failpoints: Failpoints
) -> None:
    settings = parts.settings
    name = LeaseName(settings.lease_namespace, settings.lease_name, settings.identity)
    lease = Lease(lease_access, name)
    told_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_end.set())
    if not lease.acquire(told_to_end):
        return
    parts.metrics.leading.set(1)
    surroundings = Surroundings(
        namespace=settings.lease_namespace,
        version=__version__,
        repository=settings.node_image,
        domain=settings.cluster_domain,
        runbook_base=settings.runbook_base,
    )
    supervisor = Supervisor(access, settings, surroundings, parts.metrics, parts.progress)
    try:
        asyncio.run(supervisor.run(failpoints, told_to_end))
    finally:
        lease.release()


if __name__ == "__main__":
    main()
