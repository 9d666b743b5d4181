"""StatefulSets and pods as the API has them, made into values."""

from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import DATA_CLAIM, LOG_CLAIM, pool_of_label
from raftkeeper_operator.observe.ensemble import NodeStatus
from raftkeeper_operator.observe.fields import (
    annotation,
    condition,
    is_deleting,
    label,
    milliseconds,
    name_of,
    ordinal_of,
    part,
    size,
    uid_of,
    version_of,
)
from raftkeeper_operator.observe.placing import (
    Host,
    tried_since_ms,
    why_held_up,
    why_unschedulable,
)
from raftkeeper_operator.observe.snapshot import Pod, Pool

NODE_CONTAINER = "raftkeeper"
"""The container that is the member; others may be added by an overlay of the template."""
TROUBLE_CHARACTERS_MAX = 300
"""Of the kubelet's words: a message may repeat a whole command line."""


def read_pool(body: Mapping[str, Any], *, current: bool) -> Pool:
    """From a StatefulSet."""
    template = part(body, "spec", "template") or {}
    claims = {name_of(claim): claim for claim in part(body, "spec", "volumeClaimTemplates") or []}
    zone = pool_of_label(label(body, labels.POOL))
    replicas = part(body, "spec", "replicas")
    policy = part(body, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
    generation = int(part(body, "metadata", "generation") or 0)
    return Pool(
        name=name_of(body),
        zone=zone or "",
        uid=uid_of(body),
        resource_version=version_of(body),
        replicas=1 if replicas is None else int(replicas),
        revision=annotation(template, labels.REVISION),
        storage_bytes=_size_of(claims.get(DATA_CLAIM)),
        log_bytes=_size_of(claims.get(LOG_CLAIM)),
        current=current,
        deleting=is_deleting(body),
        deletes_volumes=policy == "Delete",
        observed=int(part(body, "status", "observedGeneration") or 0) >= generation,
    )


def _size_of(claim: Mapping[str, Any] | None) -> int:
    return size(part(claim or {}, "spec", "resources", "requests", "storage"))


def read_pod(
    body: Mapping[str, Any],
    zones: Mapping[str, str],
    node: NodeStatus | None,
    hosts: Mapping[str, Host] | None = None,
) -> Pod:
    """From a pod, the zones and states of Kubernetes' nodes by name, and what the member says of itself."""
    name, created_ms = name_of(body), milliseconds(part(body, "metadata", "creationTimestamp"))
    ready = condition(body, "Ready")
    is_ready = ready.get("status") == "True"
    changed_ms = milliseconds(ready.get("lastTransitionTime")) or created_ms
    place = str(part(body, "spec", "nodeName") or "")
    return Pod(
        name=name,
        pool=name.rpartition("-")[0],
        ordinal=ordinal_of(name),
        uid=uid_of(body),
        revision=annotation(body, labels.REVISION),
        created_ms=created_ms,
        running=_is_running(body),
        ready=is_ready,
        ready_since_ms=changed_ms if is_ready else 0,
        unready_since_ms=0 if is_ready else changed_ms,
        terminating=is_deleting(body),
        unschedulable=why_unschedulable(body),
        held_up=why_held_up(body, hosts),
        tried_since_ms=tried_since_ms(body, hosts),
        trouble=_trouble(body),
        node_name=place,
        zone=zones.get(place, ""),
        node=node,
    )


def _is_running(body: Mapping[str, Any]) -> bool:
    return any(
        item.get("name") == NODE_CONTAINER and "running" in (item.get("state") or {})
        for item in part(body, "status", "containerStatuses") or []
    )


def _trouble(body: Mapping[str, Any]) -> str:
    """The first container, init containers first, that does not run for a reason that lasts."""
    if part(body, "status", "phase") == "Failed":
        why = part(body, "status", "message") or part(body, "status", "reason")
        return str(why or "Failed")[:TROUBLE_CHARACTERS_MAX]
    for kind in ("initContainerStatuses", "containerStatuses"):
        for item in part(body, "status", kind) or []:
            if words := _container_trouble(item):
                return words[:TROUBLE_CHARACTERS_MAX]
    return ""


def _container_trouble(item: Mapping[str, Any]) -> str:
    waiting = part(item, "state", "waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason in {"", "ContainerCreating", "PodInitializing"}:
        ended = part(item, "state", "terminated") or {}
        if not ended.get("exitCode"):
            return ""
        said = _first_line(ended.get("message"))
        return f"exit code {ended['exitCode']}" + (f": {said}" if said else "")
    # A container that crashes says why in the state before; the back-off itself explains nothing.
    said = _first_line(part(item, "lastState", "terminated", "message"))
    said = said or _first_line(waiting.get("message"))
    return f"{reason}: {said}" if said else reason


def _first_line(text: object) -> str:
    return str(text or "").strip().partition("\n")[0]
