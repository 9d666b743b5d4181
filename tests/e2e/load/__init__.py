"""A client load that runs as a pod beside the cluster under test, asked through the API server.

`wire.py`, `writer.py` and `main.py` are the program inside the pod: they come to it in a ConfigMap and
run on the Python of the node's image, so every provider can run them and nothing has to reach a pod
from outside.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.api import Api, ApiError, Object
from e2e.deadline import wait_for

HERE = Path(__file__).resolve().parent
PROGRAM = ("wire.py", "writer.py", "main.py")
PORT = 8000
# Where members take clients over TLS.
TLS_PORT = 2281
CLIENTS = 4
START_TIMEOUT_S = 90
# It gives each member 120 s; a whole story's writes are read in half a minute.
FINISH_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Report:
    """What the clients have seen so far."""

    counts: dict[str, Any]

    @property
    def acknowledged(self) -> int:
        return int(self.counts["acknowledged"])

    @property
    def gap_max_ms(self) -> int:
        return int(self.counts["gap_max_ms"])

    def __str__(self) -> str:
        shown = ("acknowledged", "seconds", "reconnects", "unknown", "landed", "refused", "expired")
        text = ", ".join(f"{name} {self.counts[name]}" for name in shown)
        return f"{text}, longest gap {self.gap_max_ms} ms"


class Load:
    """The load of one story."""

    def __init__(self, api: Api, namespace: str, name: str = "load") -> None:
        self._api = api
        self._namespace = namespace
        self._name = name

    def start(
        self, host: str, image: str, *, rate: float = 80, avoid_zone: str = "", secret: str = ""
    ) -> None:
        """Begin to write; returns when every client has had an answer.

        `secret` has the clients' certificate and key, and the CA of the members': TLS then.
        """
        files = {name: (HERE / name).read_text() for name in PROGRAM}
        config = {"metadata": {"name": self._name}, "data": files}
        self._api.create("configmaps", self._namespace, config)
        words = ["--host", host, "--rate", str(rate), "--clients", str(CLIENTS)]
        words += ["--name", self._name]
        pod = self._pod(image, words, avoid_zone)
        if secret:
            _add_tls(pod, secret)
        self._api.create("pods", self._namespace, pod)

        def all_write() -> bool:
            return bool(self.report().counts["writing"] == CLIENTS)

        wait_for("all clients of the load write", all_write, timeout_s=START_TIMEOUT_S)

    def report(self) -> Report:
        """AssertionError while the pod does not answer."""
        try:
            return Report(self._api.call("GET", f"{self._path()}/report"))
        except (ApiError, OSError) as error:
            raise AssertionError(f"the load does not answer: {error}") from error

    def goes_on(self, *, writes: int = 5 * CLIENTS, timeout_s: float = 30) -> None:
        """Returns when so many more writes have been acknowledged."""
        before = self.report().acknowledged

        def more() -> bool:
            return self.report().acknowledged >= before + writes

        wait_for("the load's writes are acknowledged", more, timeout_s=timeout_s)

    def finish(self, members: list[str]) -> Report:
        """End it, and check at each of these addresses that nothing it was promised is missing."""
        before = self.report()
        try:
            path, query = f"{self._path()}/finish", {"at": ",".join(members)}
            self._api.call("POST", path, query=query)
        except (ApiError, OSError) as error:
            raise AssertionError(f"the load cannot be ended: {error}; before: {before}") from error

        def finished() -> Report | None:
            report = self.report()
            return report if report.counts["finished"] else None

        report = wait_for("the load has checked its writes", finished, timeout_s=FINISH_TIMEOUT_S)
        assert report.counts["verified_at"] == members
        assert report.counts["missing_count"] == 0, f"{report.counts['missing']}; {report}"
        assert report.counts["error_count"] == 0, f"{report.counts['errors']}; {report}"
        assert report.counts["errors"] == [], f"{report.counts['errors']}; {report}"
        assert report.acknowledged > 0, "nothing was written, so nothing was shown"
        return report

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._namespace}/pods/{self._name}:{PORT}/proxy"

    def _pod(self, image: str, words: list[str], avoid_zone: str) -> Object:
        expression = {
            "key": "topology.kubernetes.io/zone",
            "operator": "NotIn",
            "values": [avoid_zone],
        }
        required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        affinity = {"requiredDuringSchedulingIgnoredDuringExecution": required}
        return {
            "metadata": {"name": self._name, "labels": {"app": "load"}},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": False,
                "affinity": {"nodeAffinity": affinity} if avoid_zone else {},
                "securityContext": {
                    "runAsNonRoot": True,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "load",
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["python", "-m", "load.main", *words],
                        "env": [{"name": "PYTHONPATH", "value": "/program"}],
                        "volumeMounts": [{"name": "program", "mountPath": "/program/load"}],
                        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    }
                ],
                "volumes": [{"name": "program", "configMap": {"name": self._name}}],
            },
        }


def _add_tls(pod: Object, secret: str) -> None:
    """Have the clients speak TLS with what is in a Secret."""
    container = pod["spec"]["containers"][0]
    container["command"] += ["--port", str(TLS_PORT), "--tls", "/tls"]
    container["volumeMounts"].append({"name": "tls", "mountPath": "/tls"})
    pod["spec"]["volumes"].append({"name": "tls", "secret": {"secretName": secret}})
