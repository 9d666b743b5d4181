"""What a pod template asks of Kubernetes before any of its containers runs: a node, volumes, network.

Two templates with the same demands fit on the same nodes. So when no node takes a pod of the newer one,
the nodes have changed and not the template.
"""

from typing import Any, Final

from raftkeeper_operator.build.blueprint import Object
from raftkeeper_operator.build.node_config import digest

OF_THE_POD: Final = (
    "affinity",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "nodeName",
    "nodeSelector",
    "os",
    "overhead",
    "preemptionPolicy",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "runtimeClassName",
    "schedulerName",
    "schedulingGates",
    "serviceAccountName",
    "tolerations",
    "topologySpreadConstraints",
)
"""What the scheduler, admission and the node's set-up look at."""
OWN_VOLUME: Final = "config"
"""Its ConfigMap is another with each configuration, and is made by the operator before any pod needs it."""


def demands_of(template: Object) -> str:
    """A digest: equal where two templates ask for the same."""
    spec = template.get("spec") or {}
    found: Object = {name: spec[name] for name in OF_THE_POD if spec.get(name)}
    found["volumes"] = [
        volume for volume in spec.get("volumes") or [] if volume.get("name") != OWN_VOLUME
    ]
    for kind in ("containers", "initContainers"):
        found[kind] = [_of_container(container) for container in spec.get(kind) or []]
    return digest(found)


def _of_container(container: Object) -> list[Any]:
    ports = [port for port in container.get("ports") or [] if port.get("hostPort")]
    return [
        container.get("resources") or {},
        ports,
        container.get("restartPolicy"),
        container.get("volumeDevices") or [],
    ]
