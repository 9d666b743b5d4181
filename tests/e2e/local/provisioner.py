"""Volumes of the local cluster: a folder on the node for each claim, made on demand, removed with it.

Runs as a daemon beside the control plane (`python -m e2e.local.provisioner`). It waits until the scheduler
has chosen a node, as cloud disks of a zone do. Sizes are not enforced: a folder can hold what the
machine's disk holds, so growing a claim is granted at once.
"""

import json
import shutil
import ssl
import time
from pathlib import Path

from e2e.api import Api, ApiError, Object
from e2e.local.changes import RETRY_S, Changes
from e2e.local.layout import NODES, PROVISIONER, Node, certificates, server_url

SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
KINDS = ("persistentvolumeclaims", "persistentvolumes")


class Provisioner:
    """Compares claims and volumes with folders, whenever one of them changes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._nodes = {node.name: node for node in NODES}

    def run(self) -> None:
        """For ever; ended by a signal."""
        changes = Changes(self._api, KINDS)
        changes.start()
        while True:
            changes.clear()
            try:
                self.step()
            except (ApiError, OSError) as error:
                _say("trouble", error=str(error))
                time.sleep(RETRY_S)
                continue
            changes.wait()

    def step(self) -> None:
        """Everything that is to do now."""
        volumes = {item["metadata"]["name"]: item for item in self._api.list("persistentvolumes")}
        for claim in self._api.list("persistentvolumeclaims"):
            if claim["spec"].get("storageClassName") and _is_ours(claim):
                self._serve(claim, volumes)
        for volume in volumes.values():
            ours = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY) == PROVISIONER
            if ours and volume.get("status", {}).get("phase") == "Released":
                self._release(volume)

    def _serve(self, claim: Object, volumes: dict[str, Object]) -> None:
        name = f"pvc-{claim['metadata']['uid']}"
        chosen = claim["metadata"].get("annotations", {}).get(SELECTED_NODE)
        volume = volumes.get(name)
        if volume is None and chosen in self._nodes and not claim["spec"].get("volumeName"):
            self._make(name, claim, self._nodes[chosen])
        elif volume is not None:
            self._grow(claim, volume)

    def _make(self, name: str, claim: Object, node: Node) -> None:
        folder = node.volumes / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o770)
        body = {
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
            "spec": {
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": claim["spec"]["storageClassName"],
                "local": {"path": str(folder)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [_on(node)]}},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "namespace": claim["metadata"]["namespace"],
                    "name": claim["metadata"]["name"],
                    "uid": claim["metadata"]["uid"],
                },
            },
        }
        try:
            self._api.create("persistentvolumes", None, body)
        except ApiError as error:
            if error.status != 409:
                raise
        _say("made", volume=name, claim=claim["metadata"]["name"], node=node.name)

    def _grow(self, claim: Object, volume: Object) -> None:
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        name = volume["metadata"]["name"]
        if bytes_of(volume["spec"]["capacity"]["storage"]) < bytes_of(wanted):
            body = {"spec": {"capacity": {"storage": wanted}}}
            self._api.patch("persistentvolumes", None, name, body)
            _say("grown", volume=name, to=wanted)
        has = claim.get("status", {}).get("capacity", {}).get("storage")
        if has is not None and bytes_of(has) < bytes_of(wanted):
            self._api.patch(
                "persistentvolumeclaims",
                claim["metadata"]["namespace"],
                claim["metadata"]["name"],
                {"status": {"capacity": {"storage": wanted}}},
                part="status",
            )

    def _release(self, volume: Object) -> None:
        if volume["spec"]["persistentVolumeReclaimPolicy"] != "Delete":
            return
        name = volume["metadata"]["name"]
        # The folder is ours by its name, wherever an object of the API may say that it is.
        for node in NODES:
            shutil.rmtree(node.volumes / name, ignore_errors=True)
        self._api.delete("persistentvolumes", None, name)
        _say("removed", volume=name)


def bytes_of(quantity: str) -> int:
    """A quantity of storage as Kubernetes writes it: `1Gi`, `500M`, `1024`."""
    for power, letter in enumerate("KMGTPE", 1):
        if quantity.endswith(f"{letter}i"):
            return int(float(quantity[:-2]) * 1024**power)
        if quantity.endswith((letter, letter.lower())):
            return int(float(quantity[:-1]) * 1000**power)
    return int(float(quantity))


def _on(node: Node) -> Object:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}
    return {"matchExpressions": [expression]}


def _is_ours(claim: Object) -> bool:
    annotations = claim["metadata"].get("annotations", {})
    return bool(annotations.get("volume.kubernetes.io/storage-provisioner") == PROVISIONER)


def _say(event: str, **facts: str) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


def api(user: str = "admin") -> Api:
    """The local cluster's API, as one of its users."""
    folder: Path = certificates()
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.load_cert_chain(folder / f"{user}.crt", folder / f"{user}.key")
    return Api(server_url(), context)


if __name__ == "__main__":
    Provisioner(api()).run()
