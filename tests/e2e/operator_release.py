"""The operator under test: installed by its charts, killed, told where to die, looked at."""

import json

from e2e.api import Api, Object
from e2e.deadline import wait_for
from e2e.ensemble import is_ready, name_of
from e2e.home import REPOSITORY
from e2e.images import NODE_IMAGE, OPERATOR_IMAGE
from e2e.provider import Provider
from e2e.shell import run

NAMESPACE = "raftkeeper-system"
RELEASE = "raftkeeper-operator"
CRDS_RELEASE = "raftkeeper-crds"
REPLICAS = 2
INSTALL_TIMEOUT_S = 180
# Python's first start in a fresh image, twice, on a machine that has just built it.
READY_TIMEOUT_S = 240


class Operator:
    """The release."""

    def __init__(self, provider: Provider, api: Api, release: str = RELEASE) -> None:
        self._provider = provider
        self._api = api
        self._release = release

    def install(self) -> None:
        """Both charts, with the images of this checkout; returns when the operator is Ready."""
        chart = REPOSITORY / "charts" / "raftkeeper-crds"
        self._helm("upgrade", "--install", CRDS_RELEASE, chart, "--create-namespace")
        self.install_beside()

    def install_beside(self) -> None:
        """The operator's chart only: the CRDs are there. Another release has another Lease."""
        repository, _, tag = OPERATOR_IMAGE.rpartition(":")
        values = {
            "image": {"repository": repository, "tag": tag},
            "nodeImage": NODE_IMAGE.rpartition(":")[0],
            "replicas": REPLICAS,
            # Stories tell it by annotation where to die.
            "testing": {"clusterFailpoints": True},
        }
        chart = REPOSITORY / "charts" / "raftkeeper-operator"
        self._helm(
            *["upgrade", "--install", self._release, chart, "--create-namespace"],
            *["--values", "-"],
            given=json.dumps(values),
        )
        self.restart()

    def uninstall(self) -> None:
        """The operator's chart; the CRDs stay, and the clusters with them."""
        self._helm("uninstall", self._release, "--ignore-not-found", "--wait")

    def restart(self) -> None:
        """New pods, so that an image loaded under the old name is really the one that runs."""
        self.kill()
        self.wait_ready()

    def kill(self) -> None:
        """All its pods at once, without a chance to say goodbye."""
        for pod in self.pods():
            self._api.delete("pods", NAMESPACE, name_of(pod), grace_s=0)

    def kill_holder(self) -> None:
        """The one that works, of the two."""
        lease = self._api.get("leases", NAMESPACE, self._release)
        holder = str(lease["spec"].get("holderIdentity", ""))
        self._api.delete("pods", NAMESPACE, holder, grace_s=0)

    def scale(self, replicas: int) -> None:
        """0: nobody looks after the clusters; returns when that is so."""
        self._api.patch(
            "deployments", NAMESPACE, self._release, {"spec": {"replicas": replicas}}, part="scale"
        )
        self.wait_ready(replicas)

    def wait_ready(self, replicas: int = REPLICAS) -> None:
        def settled() -> bool:
            pods = self.pods()
            ready = [name_of(pod) for pod in pods if is_ready(pod)]
            assert len(pods) == len(ready) == replicas, f"{ready} of {len(pods)} pods are Ready"
            return True

        wait_for(f"{replicas} operators are Ready", settled, timeout_s=READY_TIMEOUT_S)

    def pods(self) -> list[Object]:
        return self._api.list("pods", NAMESPACE, f"app.kubernetes.io/instance={self._release}")

    def restarts(self) -> int:
        """How often its containers have been started again."""
        return sum(
            int(status["restartCount"])
            for pod in self.pods()
            for status in pod.get("status", {}).get("containerStatuses", [])
        )

    def _helm(self, *words: object, given: str | None = None) -> None:
        run(
            *[*self._provider.helm, f"--kubeconfig={self._provider.kubeconfig}"],
            *["--namespace", NAMESPACE, *words],
            given=given,
            timeout_s=INSTALL_TIMEOUT_S,
        )
