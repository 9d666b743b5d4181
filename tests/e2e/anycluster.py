"""The provider `kubeconfig`: a cluster that is there already, named by KUBECONFIG.

Its nodes are not ours: none is stopped, and none is given an image. RAFTKEEPER_E2E_REGISTRY says where it
pulls them from.
"""

import os
from pathlib import Path

from e2e.images import REGISTRY
from e2e.provider import Unsupported
from e2e.shell import MissingTool, need, run

ZONE_LABEL = "topology.kubernetes.io/zone"


class FoundCluster:
    """Somebody's cluster."""

    name = "kubeconfig"

    def __init__(self) -> None:
        need(["kubectl", "helm"], ["kubectl", "helm"])

    @property
    def kubeconfig(self) -> Path:
        named = os.environ.get("KUBECONFIG", "")
        if not named or not Path(named).is_file():
            raise MissingTool("the provider `kubeconfig` needs KUBECONFIG to name one file")
        return Path(named)

    @property
    def kubectl(self) -> list[str]:
        return ["kubectl"]

    @property
    def helm(self) -> list[str]:
        return ["helm"]

    @property
    def enforces_policies(self) -> bool:
        """RAFTKEEPER_E2E_POLICIES=1 says so; a network need not, and cannot be asked."""
        return os.environ.get("RAFTKEEPER_E2E_POLICIES", "") == "1"

    @property
    def storage_class(self) -> str:
        """RAFTKEEPER_E2E_STORAGE_CLASS, or the cluster's default."""
        return os.environ.get("RAFTKEEPER_E2E_STORAGE_CLASS", "")

    @property
    def zones(self) -> list[str]:
        words = ["get", "nodes", "-o", f"jsonpath={{.items[*].metadata.labels.{_escaped()}}}"]
        zones = sorted(set(self._kubectl(*words).split()))
        if len(zones) < 3:
            raise Unsupported(f"the stories need nodes in three zones ({ZONE_LABEL}): {zones}")
        return zones

    def check(self) -> None:
        """Whether KUBECONFIG names a cluster, and somebody has said where the images are."""
        if not REGISTRY:
            raise MissingTool(
                "the provider `kubeconfig` needs RAFTKEEPER_E2E_REGISTRY: push raftkeeper:dev, "
                "raftkeeper:next and raftkeeper-operator:dev there (tests/e2e/README.md), or set it to "
                "localhost where they are on all nodes already"
            )
        self._kubectl("version")

    def prepare(self) -> None:
        """It is there."""

    def up(self) -> bool:
        """It is, or the error says why not."""
        self._kubectl("version")
        return False

    def down(self) -> None:
        """It stays."""

    def load_image(self, archive: Path) -> None:
        raise Unsupported(
            f"{archive.name} cannot be put on nodes that are not ours: push it where they pull from"
        )

    def stop_zone(self, zone: str) -> None:
        raise Unsupported(f"{zone} is not ours to stop")

    def start_zone(self, zone: str) -> None:
        raise Unsupported(f"{zone} is not ours to start")

    def collect_logs(self, target: Path) -> None:
        """Its machinery keeps its own."""

    def status(self) -> str:
        return self._kubectl("get", "nodes", "-L", ZONE_LABEL)

    def _kubectl(self, *words: str) -> str:
        return run(*self.kubectl, f"--kubeconfig={self.kubeconfig}", *words)


def _escaped() -> str:
    return ZONE_LABEL.replace(".", "\\.")
