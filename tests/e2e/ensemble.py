"""A RaftKeeperCluster as a user handles it: applied, looked at, waited for. What it is on the inside is
read from its status and its pods only.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

from e2e.api import Api, ApiError, Object
from e2e.deadline import Found, wait_for

CLIENT_PORT = 2181
CLUSTER_LABEL = "raftkeeper.io/cluster"
KIND = "raftkeeperclusters"
# From nothing to three members: seconds; on a machine with two busy cores a minute.
READY_TIMEOUT_S = 180
# One member more, or one pod restarted, with everything that the operator waits for in between.
STEP_TIMEOUT_S = 180
VIGIL_STEP_S = 0.3
# Small and quick: a test waits for what is decided, not for what a production takes for granted.
DEFAULTS: Object = {
    "replicas": 3,
    # Three nodes hold five members only when two may share one.
    "placement": {"nodeAntiAffinity": "Preferred"},
    "storage": {"data": {"size": "1Gi"}},
    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    "upgrade": {"minHealthySeconds": 2, "progressDeadline": "60s"},
}


@dataclass(frozen=True, slots=True)
class Member:
    """A line of status.members."""

    id: int
    pod: str
    role: str
    state: str
    zone: str


class Ensemble:
    """One RaftKeeperCluster."""

    def __init__(self, api: Api, namespace: str, name: str, image: str) -> None:
        self.api = api
        self.namespace = namespace
        self.name = name
        self.image = image

    def apply(self, **spec: Any) -> None:
        """Create it. What is not said stands in DEFAULTS."""
        repository, _, tag = self.image.rpartition(":")
        image = {"repository": repository, "tag": tag}
        body = {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperCluster",
            "metadata": {"name": self.name},
            "spec": {**DEFAULTS, "image": image, **spec},
        }
        self.api.create(KIND, self.namespace, body)

    def change(self, **spec: Any) -> None:
        """A merge patch of the spec."""
        self.api.patch(KIND, self.namespace, self.name, {"spec": spec})

    def annotate(self, **annotations: str | None) -> None:
        """Set raftkeeper.io/NAME; None removes it."""
        named = {f"raftkeeper.io/{key.replace('_', '-')}": v for key, v in annotations.items()}
        body = {"metadata": {"annotations": named}}
        self.api.patch(KIND, self.namespace, self.name, body)

    def scale(self, replicas: int) -> None:
        """Through the scale subresource, as kubectl and autoscalers do."""
        body = {"spec": {"replicas": replicas}}
        self.api.patch(KIND, self.namespace, self.name, body, part="scale")

    def delete(self) -> None:
        """Returns when it is gone, finalizer and all."""
        self.api.delete(KIND, self.namespace, self.name)
        self.wait("it is gone", lambda: self.api.find(KIND, self.namespace, self.name) is None)

    def status(self) -> Object:
        found: Object = self.api.get(KIND, self.namespace, self.name).get("status", {})
        return found

    def members(self) -> list[Member]:
        return [
            Member(item["id"], item["pod"], item["role"], item["state"], item.get("zone", ""))
            for item in self.status().get("members", [])
        ]

    def voters(self) -> list[Member]:
        return [member for member in self.members() if member.role in {"leader", "follower"}]

    def leader(self) -> str:
        """Its pod; AssertionError when nobody leads."""
        pod = (self.status().get("leader") or {}).get("pod")
        assert pod, "nobody leads"
        return str(pod)

    def condition(self, kind: str) -> Object:
        """`status`, `reason` and `message` of a condition; AssertionError when it is not there yet."""
        for item in self.status().get("conditions", []):
            if item["type"] == kind:
                found: Object = item
                return found
        raise AssertionError(f"there is no condition {kind} yet")

    def pods(self) -> list[Object]:
        """Those of its members that are not on their way out, by name."""
        pods = self.api.list("pods", self.namespace, f"{CLUSTER_LABEL}={self.name}")
        mine = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        members = [pod for pod in mine if owner_kind(pod) == "StatefulSet"]
        return sorted(members, key=name_of)

    def claims(self) -> dict[str, str]:
        """Name and UID of its volume claims."""
        claims = self.api.list(
            "persistentvolumeclaims", self.namespace, f"{CLUSTER_LABEL}={self.name}"
        )
        return {name_of(claim): claim["metadata"]["uid"] for claim in claims}

    def addresses(self, port: int = CLIENT_PORT) -> list[str]:
        """Where each pod serves clients."""
        return [f"{pod['status']['podIP']}:{port}" for pod in self.pods()]

    @property
    def host(self) -> str:
        """The Service that clients connect to."""
        return f"{self.name}.{self.namespace}.svc"

    def wait(
        self, what: str, check: Callable[[], Found | None], timeout_s: float = STEP_TIMEOUT_S
    ) -> Found:
        """Wait, and say when it takes too long what the operator thought of it."""
        try:
            return wait_for(f"{self.name}: {what}", check, timeout_s=timeout_s, step_s=0.5)
        except AssertionError as error:
            found = self.api.find(KIND, self.namespace, self.name) or {}
            status = found.get("status", {})
            said = {key: status.get(key) for key in ("phase", "ready", "plan", "members")}
            raise AssertionError(f"{error}\nthe operator says: {said}") from error

    def wait_settled(self, replicas: int, timeout_s: float = READY_TIMEOUT_S) -> None:
        """So many voters, all healthy, all pods Ready with what the spec asks for, nothing left to do."""
        self.wait(f"{replicas} voters, settled", lambda: self.check_settled(replicas), timeout_s)

    def check_settled(self, replicas: int) -> bool:
        """AssertionError with what is missing."""
        cluster = self.api.get(KIND, self.namespace, self.name)
        status = cluster.get("status", {})
        seen, asked = status.get("observedGeneration", 0), cluster["metadata"]["generation"]
        assert seen == asked, f"generation {seen} of {asked} is seen"
        members = self.members()
        healthy = [m for m in self.voters() if m.state == "Healthy"]
        assert len(healthy) == len(members) == replicas, f"members: {members}"
        pods = self.pods()
        ready = [name_of(pod) for pod in pods if is_ready(pod)]
        assert len(ready) == len(pods) == replicas, f"Ready: {ready} of {len(pods)} pods"
        self.leader()
        plan = status.get("plan") or {}
        assert not plan.get("action"), f"the plan: {plan}"
        for kind in ("Ready", "SizeAligned", "Upgraded"):
            condition = self.condition(kind)
            assert condition["status"] == "True", f"{kind}: {condition.get('reason')}"
        return True


class Vigil:
    """Looks all the time how many of an ensemble's pods are away, while it is open.

    A pod that is being started for a scale up counts as away only from its first readiness on.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._been_ready: set[str] = set()
        self.most_away: list[str] = []
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.looks > 0, "nobody has looked"

    def _watch(self) -> None:
        with closing(self._ensemble.api):
            while not self._stop.wait(VIGIL_STEP_S):
                self._look()

    def _look(self) -> None:
        try:
            pods = self._ensemble.pods()
        except (ApiError, OSError):
            return  # the API server was restarted; the next look is soon
        self.looks += 1
        ready = {name_of(pod) for pod in pods if is_ready(pod)}
        self._been_ready |= ready
        away = sorted(self._been_ready - ready)
        if len(away) > len(self.most_away):
            self.most_away = away


def name_of(item: Object) -> str:
    return str(item["metadata"]["name"])


def owner_kind(item: Object) -> str:
    """What keeps it: `StatefulSet`, `Job`, or nothing."""
    owners = item["metadata"].get("ownerReferences") or [{"kind": ""}]
    return str(owners[0]["kind"])


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def image_of(pod: Object) -> str:
    return str(pod["spec"]["containers"][0]["image"])
