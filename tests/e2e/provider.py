"""What the tests need of a cluster, and the choice of the one that gives it.

The stories know only this interface. A provider must not know the stories, nor the operator.
"""

import os
from pathlib import Path
from typing import Protocol

from e2e.shell import MissingTool

CHOICE = "RAFTKEEPER_E2E_PROVIDER"
NAMES = ("local", "kind", "kubeconfig")


class Unsupported(Exception):
    """This provider cannot do that; a story that needs it is skipped with this as its reason."""


class Provider(Protocol):
    """A Kubernetes with at least three zones, made or found."""

    @property
    def name(self) -> str: ...

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""

    @property
    def kubectl(self) -> list[str]:
        """How kubectl is called, of a version that fits the cluster."""

    @property
    def helm(self) -> list[str]:
        """How Helm is called."""

    @property
    def storage_class(self) -> str:
        """One that binds a volume where its pod is scheduled."""

    @property
    def enforces_policies(self) -> bool:
        """Whether a NetworkPolicy keeps anybody out here."""

    @property
    def zones(self) -> list[str]:
        """The values of topology.kubernetes.io/zone."""

    def check(self) -> None:
        """MissingTool, with what brings it, when this machine lacks something."""

    def prepare(self) -> None:
        """Build what `up` needs and this machine does not have yet; nothing is started."""

    def up(self) -> bool:
        """Whether it had to be brought up; who found it running leaves it running."""

    def down(self) -> None:
        """Stop and remove all that `up` made; harmless when there is nothing."""

    def load_image(self, archive: Path) -> None:
        """Make the image in an archive of `docker save` known to every node."""

    def stop_zone(self, zone: str) -> None:
        """As a power cut: nobody is told. Unsupported where nodes are not ours."""

    def start_zone(self, zone: str) -> None:
        """Bring it back; returns when its nodes are Ready."""

    def collect_logs(self, target: Path) -> None:
        """Everything that the machinery of the cluster has said, for who looks at a failure."""

    def status(self) -> str:
        """For people."""


def choose() -> Provider:
    """The one that RAFTKEEPER_E2E_PROVIDER names; `local` when it names none."""
    name = os.environ.get(CHOICE, "local")
    # Imported late: a machine that uses one of them need not have what the others want.
    if name == "local":
        from e2e.local.cluster import LocalCluster

        return LocalCluster()
    if name == "kind":
        from e2e.kind import KindCluster

        return KindCluster()
    if name == "kubeconfig":
        from e2e.anycluster import FoundCluster

        return FoundCluster()
    raise MissingTool(f"{CHOICE}={name!r}: there are {', '.join(NAMES)}")
