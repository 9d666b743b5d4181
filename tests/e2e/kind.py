"""The provider `kind`: Kubernetes in containers, on a machine that has Docker, kind, kubectl and helm."""

import json
from pathlib import Path

from e2e.deadline import wait_for
from e2e.home import home, say
from e2e.shell import MissingTool, need, run

CLUSTER = "raftkeeper-e2e"
ZONES = ("zone-1", "zone-2", "zone-3")
UP_TIMEOUT_S = 600
LOAD_TIMEOUT_S = 300
READY_TIMEOUT_S = 180


class KindCluster:
    """A control plane and three workers, one in each zone."""

    name = "kind"
    storage_class = "standard"
    # kindnet has done so since kind 0.24.
    enforces_policies = True

    def __init__(self) -> None:
        missing = (
            "https://kind.sigs.k8s.io, https://helm.sh and https://kubernetes.io/docs/tasks/tools"
        )
        try:
            need(["docker", "kind", "kubectl", "helm"], [])
        except MissingTool as error:
            raise MissingTool(f"the provider `kind`: {error}; see {missing}") from error

    @property
    def kubeconfig(self) -> Path:
        return home() / "kind.kubeconfig"

    @property
    def kubectl(self) -> list[str]:
        return ["kubectl"]

    @property
    def helm(self) -> list[str]:
        return ["helm"]

    @property
    def zones(self) -> list[str]:
        return list(ZONES)

    def check(self) -> None:
        """What is needed was looked for when this was made."""

    def prepare(self) -> None:
        """All that kind needs comes when it comes up."""

    def up(self) -> bool:
        if CLUSTER in run("kind", "get", "clusters").split():
            run("kind", "export", "kubeconfig", "--name", CLUSTER, "--kubeconfig", self.kubeconfig)
            return False
        workers = [
            {"role": "worker", "labels": {"topology.kubernetes.io/zone": zone}} for zone in ZONES
        ]
        config = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{"role": "control-plane"}, *workers],
        }
        path = home() / "kind.json"
        path.write_text(json.dumps(config))
        say("asking kind for a cluster")
        run(
            *["kind", "create", "cluster", "--name", CLUSTER, "--config", path],
            *["--kubeconfig", self.kubeconfig, "--wait", f"{READY_TIMEOUT_S}s"],
            timeout_s=UP_TIMEOUT_S,
        )
        return True

    def down(self) -> None:
        run("kind", "delete", "cluster", "--name", CLUSTER, timeout_s=UP_TIMEOUT_S)

    def load_image(self, archive: Path) -> None:
        run("kind", "load", "image-archive", archive, "--name", CLUSTER, timeout_s=LOAD_TIMEOUT_S)

    def stop_zone(self, zone: str) -> None:
        run("docker", "kill", _container(zone))

    def start_zone(self, zone: str) -> None:
        run("docker", "start", _container(zone))
        words = [*self.kubectl, f"--kubeconfig={self.kubeconfig}", "get", "nodes"]
        words += ["-l", f"topology.kubernetes.io/zone={zone}", "-o", "json"]

        def is_ready() -> bool:
            conditions = json.loads(run(*words))["items"][0]["status"]["conditions"]
            return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

        wait_for(f"the node of {zone} is Ready", is_ready, timeout_s=READY_TIMEOUT_S, step_s=1)

    def collect_logs(self, target: Path) -> None:
        run("kind", "export", "logs", target, "--name", CLUSTER, timeout_s=LOAD_TIMEOUT_S)

    def status(self) -> str:
        clusters = run("kind", "get", "clusters").split()
        return f"up; KUBECONFIG={self.kubeconfig}" if CLUSTER in clusters else "down"


def _container(zone: str) -> str:
    """Kind numbers its workers, and leaves the first without a number."""
    number = ZONES.index(zone) + 1
    return f"{CLUSTER}-worker" + (str(number) if number > 1 else "")
