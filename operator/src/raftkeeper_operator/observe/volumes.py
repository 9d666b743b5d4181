"""Volume claims as the API has them, made into values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import DATA_CLAIM, LOG_CLAIM
from raftkeeper_operator.api.placement import DEFAULT_TOPOLOGY_KEY
from raftkeeper_operator.observe.fields import (
    Object,
    annotation,
    condition,
    is_deleting,
    is_owned,
    label,
    name_of,
    ordinal_of,
    part,
    size,
    uid_of,
)
from raftkeeper_operator.observe.snapshot import Volume

HOST_LABEL = "kubernetes.io/hostname"
FORMER = {"failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone"}
"""Labels of old volumes, and what they are called today."""
RESIZE_FAILED = ("NodeResizeFailed", "ControllerResizeFailed", "NodeExpansionFailed")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a PersistentVolume can be mounted, as far as it is bound to a place."""

    hosts: frozenset[str] = frozenset()
    """Kubernetes' nodes; empty for any."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """By the label of nodes that names them, where it is one zone only."""

    def zone(self, topology_key: str) -> str:
        """'' where it is not bound to one, or not by this label."""
        return self.zones.get(topology_key, "")


@dataclass(frozen=True, slots=True)
class Storage:
    """What volumes are judged by."""

    places: Mapping[str, Place]
    """By the name of the PersistentVolume."""
    hosts: frozenset[str] | None
    """The nodes there are; None when they cannot be listed."""
    expandable: Mapping[str, bool]
    """By storage class."""


def read_place(volume: Mapping[str, Any]) -> Place:
    """From a PersistentVolume: its required node affinity."""
    hosts: set[str] = set()
    zones: dict[str, set[str]] = {}
    for term in part(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms") or []:
        for match in term.get("matchExpressions") or []:
            if match.get("operator") != "In":
                continue
            if match.get("key") == HOST_LABEL:
                hosts |= set(match.get("values") or [])
            else:
                key = str(match.get("key") or "")
                zones.setdefault(FORMER.get(key, key), set()).update(match.get("values") or [])
    single = {key: str(names.pop()) for key, names in zones.items() if len(names) == 1}
    return Place(frozenset(hosts), single)


def is_member_claim(body: Mapping[str, Any]) -> bool:
    """Of a member's data or log, not some other claim that bears the cluster's label."""
    kind, _, pod = name_of(body).partition("-")
    return kind in {DATA_CLAIM, LOG_CLAIM} and ordinal_of(pod) >= 0


def is_lost(body: Mapping[str, Any], storage: Storage) -> bool:
    """A node that exists is waited for, whatever state it is in; so is one that may not be read."""
    hosts = _place(body, storage).hosts
    unreachable = bool(hosts) and storage.hosts is not None and not hosts & storage.hosts
    return part(body, "status", "phase") == "Lost" or unreachable


def _place(body: Mapping[str, Any], storage: Storage) -> Place:
    return storage.places.get(str(part(body, "spec", "volumeName") or ""), Place())


def read_volume(
    body: Mapping[str, Any],
    uid: str,
    storage: Storage,
    topology_key: str = DEFAULT_TOPOLOGY_KEY,
    *,
    lost_since_ms: int = 0,
) -> Volume:
    """From a claim, the cluster's UID and what is known of the storage below. A volume's zone and those of
    nodes are compared, so both are by the same label.
    """
    name = name_of(body)
    kind, _, pod = name.partition("-")
    retired_at = annotation(body, labels.RETIRED_AT)
    member = label(body, labels.MEMBER)
    return Volume(
        name=name,
        pool=pod.rpartition("-")[0],
        ordinal=ordinal_of(name),
        uid=uid_of(body),
        member_id=int(member) if member.isdecimal() else 0,
        cluster_id=label(body, labels.ENSEMBLE),
        requested_bytes=size(part(body, "spec", "resources", "requests", "storage")),
        capacity_bytes=size(part(body, "status", "capacity", "storage")),
        retired_ms=int(retired_at) * 1000 if retired_at.isdecimal() else 0,
        terminating=is_deleting(body),
        zone=_place(body, storage).zone(topology_key),
        lost=is_lost(body, storage),
        lost_since_ms=lost_since_ms,
        expandable=storage.expandable.get(str(part(body, "spec", "storageClassName") or ""), False),
        resize_trouble=_resize_trouble(body),
        is_log=kind == LOG_CLAIM,
        owned=is_owned(body, uid),
        tied_to=frozenset(str(owner.get("uid") or "") for owner in ties(body)),
    )


def ties(body: Mapping[str, Any]) -> list[Object]:
    """Owners that Kubernetes gives a claim by a StatefulSet's retention policy: it goes with them."""
    owners = part(body, "metadata", "ownerReferences") or []
    return [owner for owner in owners if owner.get("kind") in {"StatefulSet", "Pod"}]


def _resize_trouble(body: Mapping[str, Any]) -> str:
    for kind in RESIZE_FAILED:
        found = condition(body, kind)
        if found.get("status") == "True":
            return str(found.get("message") or kind)
    statuses = part(body, "status", "allocatedResourceStatuses") or {}
    failed = [state for state in statuses.values() if "Infeasible" in state or "Failed" in state]
    return failed[0] if failed else ""
