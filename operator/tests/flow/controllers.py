"""As much of Kubernetes' controllers as the operator leans on: StatefulSets, kubelets, claims, budgets.

One `tick` does everything that is to be done; nothing happens in between. Time is the test's.
"""

import base64
import itertools
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.fake_api.objects import Key, Object
from tests.fake_api.server import FakeApi
from tests.flow.keepers import Disk, KeeperServers, Node

from raftkeeper_operator.api import labels

SPACE = "ns"
# A network of this process's own within the loopback's, so that runs beside each other do not meet.
NETWORK = f"127.{10 + os.getpid() % 200}.{os.getpid() // 200 % 250}"


class Controllers:
    """Of one namespace."""

    def __init__(self, api: FakeApi, servers: KeeperServers) -> None:
        self.api = api
        self.servers = servers
        # From now on, because OpenSSL has its own clock; then as fast as the test likes.
        self.now_ms = time.time_ns() // 1_000_000
        self._uids: dict[str, str] = {}
        self.disks: dict[str, Disk] = {}
        self.bad_images: set[str] = set()
        self._addresses: Iterator[int] = itertools.cycle(range(2, 250))
        self._lives = itertools.count(1)
        for number in (1, 2, 3):
            self._add_node(f"node{number}", f"zone-{number}")

    # ---- looking ---------------------------------------------------------------------------------

    def of(self, plural: str) -> dict[str, Object]:
        return {body["metadata"]["name"]: body for body in self.api.objects.of(plural, SPACE)}

    def timestamp(self) -> str:
        moment = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    # ---- one turn --------------------------------------------------------------------------------

    async def tick(self, seconds: float = 20.0) -> None:
        """Some time goes by, and everybody does what is theirs."""
        self.now_ms += round(seconds * 1000)
        await self._stop_leftovers()
        for name, pool in self.of("statefulsets").items():
            await self._keep_pool(name, pool)
        await self._run_pods()
        self.servers.keepers.tick()
        self._probe()
        self._release_claims()
        self._count_budgets()

    async def lose_disk(self, pod: str) -> None:
        """The volume and the pod are deleted by somebody."""
        self.api.objects.delete(("persistentvolumeclaims", SPACE, f"data-{pod}"), {})
        await self.kill(pod)

    async def kill(self, pod: str) -> None:
        """The pod is deleted by somebody."""
        self.api.objects.delete(("pods", SPACE, pod), {})

    # ---- StatefulSets ----------------------------------------------------------------------------

    async def _keep_pool(self, name: str, pool: Object) -> None:
        pods = self.of("pods")
        wanted = [f"{name}-{at}" for at in range(pool["spec"]["replicas"])]
        for pod in [p for p in pods if p.rpartition("-")[0] == name and p not in wanted]:
            await self.kill(pod)
        seen = {"observedGeneration": pool["metadata"]["generation"]}
        if pool.get("status") != seen:
            pool["status"] = seen
            self.api.objects.touch(("statefulsets", SPACE, name))
        self._own_claims(pool, [p for p in wanted if p in pods])
        for pod in [p for p in wanted if p not in pods]:
            claim = self.of("persistentvolumeclaims").get(f"data-{pod}")
            if claim is not None and claim["metadata"].get("deletionTimestamp"):
                continue
            if claim is None:
                self._make_claim(pod, pool)
            self._make_pod(pod, pool)

    def _own_claims(self, pool: Object, pods: list[str]) -> None:
        """By the retention policy, and only of pods that are there."""
        policy = pool["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"]
        tie = {"kind": "StatefulSet", "uid": pool["metadata"]["uid"]}
        owners = [tie] if policy == "Delete" else []
        for pod in pods:
            claim = self.of("persistentvolumeclaims").get(f"data-{pod}")
            if claim and (claim["metadata"].get("ownerReferences") or []) != owners:
                claim["metadata"]["ownerReferences"] = owners
                self.api.objects.touch(("persistentvolumeclaims", SPACE, f"data-{pod}"))

    def _make_claim(self, pod: str, pool: Object) -> None:
        template = pool["spec"]["volumeClaimTemplates"][0]
        size = template["spec"]["resources"]["requests"]["storage"]
        made = self.api.put(
            {
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "namespace": SPACE,
                    "name": f"data-{pod}",
                    "labels": dict(template["metadata"]["labels"]),
                    "finalizers": ["kubernetes.io/pvc-protection"],
                },
                "spec": template["spec"],
            },
            status={"phase": "Bound", "capacity": {"storage": size}},
        )
        self.disks[made["metadata"]["uid"]] = Disk(f"{next(self._lives):032x}")

    def _make_pod(self, pod: str, pool: Object) -> None:
        template = pool["spec"]["template"]
        number = int(pod.rpartition("-")[2])
        meta = {
            "namespace": SPACE,
            "name": pod,
            "labels": dict(template["metadata"]["labels"]),
            "annotations": dict(template["metadata"]["annotations"]),
        }
        made = self.api.put(
            {
                "kind": "Pod",
                "metadata": meta,
                "spec": {**template["spec"], "nodeName": f"node{number % 3 + 1}"},
            },
            status={"phase": "Pending", "conditions": []},
        )
        made["metadata"]["creationTimestamp"] = self.timestamp()

    # ---- kubelets --------------------------------------------------------------------------------

    async def _stop_leftovers(self) -> None:
        pods = self.of("pods")
        for pod, node in list(self.servers.keepers.nodes.items()):
            if pod not in pods or pods[pod]["metadata"]["uid"] != self._uids.get(node.pod):
                await self.servers.stop(pod)

    async def _run_pods(self) -> None:
        config = self.of("configmaps")
        for name, pod in self.of("pods").items():
            if name in self.servers.keepers.nodes:
                continue
            image = pod["spec"]["containers"][0]["image"]
            if image in self.bad_images:
                waiting = {"reason": "ImagePullBackOff", "message": f"no image {image}"}
                state = [{"name": "raftkeeper", "state": {"waiting": waiting}}]
                pod["status"] = {**pod["status"], "containerStatuses": state}
                self.api.objects.touch(("pods", SPACE, name))
                continue
            cluster = pod["metadata"]["labels"][labels.CLUSTER]
            claim = self.of("persistentvolumeclaims")[f"data-{name}"]["metadata"]["uid"]
            founding = config.get(f"{cluster}-founding", {}).get("data", {})
            address = f"{name}.{cluster}-members.{SPACE}.svc.cluster.local:2888"
            node = Node(name, address, self.disks[claim], dict(founding))
            ip = f"{NETWORK}.{next(self._addresses)}"
            secret = self.api.objects.get(("secrets", SPACE, f"{cluster}-tls"))
            self.servers.keepers.token = decode(
                self.api.objects.get(("secrets", SPACE, f"{cluster}-admin"))
            )["token"]
            await self.servers.start(ip, node, decode(secret))
            self._uids[name] = pod["metadata"]["uid"]
            state = [{"name": "raftkeeper", "state": {"running": {}}}]
            pod["status"] = {
                **pod["status"],
                "phase": "Running",
                "podIP": ip,
                "containerStatuses": state,
            }
            self.api.objects.touch(("pods", SPACE, name))

    def _probe(self) -> None:
        for name, pod in self.of("pods").items():
            ready = "True" if self.servers.keepers.serves(name) else "False"
            before = (pod["status"].get("conditions") or [{}])[0]
            if before.get("status") != ready:
                now = self.timestamp()
                pod["status"]["conditions"] = [
                    {"type": "Ready", "status": ready, "lastTransitionTime": now}
                ]
                self.api.objects.touch(("pods", SPACE, name))

    def _release_claims(self) -> None:
        """A claim that is being deleted goes when no pod has it."""
        pods = self.of("pods")
        for name, claim in self.of("persistentvolumeclaims").items():
            going = claim["metadata"].get("deletionTimestamp")
            if going and name.removeprefix("data-") not in pods:
                key: Key = ("persistentvolumeclaims", SPACE, name)
                claim["metadata"]["finalizers"] = []
                self.api.objects.delete(key, {})

    # ---- budgets, nodes --------------------------------------------------------------------------

    def _count_budgets(self) -> None:
        for name, budget in self.of("poddisruptionbudgets").items():
            wanted = budget["spec"]["selector"]["matchLabels"].items()
            healthy = sum(
                wanted <= pod["metadata"]["labels"].items() and is_ready(pod)
                for pod in self.of("pods").values()
            )
            allowed = max(0, healthy - budget["spec"]["minAvailable"])
            if budget.get("status", {}).get("disruptionsAllowed") != allowed:
                budget["status"] = {"disruptionsAllowed": allowed}
                self.api.objects.touch(("poddisruptionbudgets", SPACE, name))

    def _add_node(self, name: str, zone: str) -> None:
        ready = [{"type": "Ready", "status": "True"}]
        meta = {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}
        self.api.put({"kind": "Node", "metadata": meta}, status={"conditions": ready})


def is_ready(pod: Object) -> bool:
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])
    )


def decode(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
