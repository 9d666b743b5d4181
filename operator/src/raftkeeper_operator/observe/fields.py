"""Reading Kubernetes objects: their parts, times and conditions, where any of it may be missing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.scalars import parse_quantity

Object = dict[str, Any]


def part(body: Mapping[str, Any], *path: str) -> Any:
    """What lies at the end of a path of keys; None when it ends before."""
    value: Any = body
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def name_of(body: Mapping[str, Any]) -> str:
    return str(part(body, "metadata", "name") or "")


def uid_of(body: Mapping[str, Any]) -> str:
    return str(part(body, "metadata", "uid") or "")


def version_of(body: Mapping[str, Any]) -> str:
    return str(part(body, "metadata", "resourceVersion") or "")


def label(body: Mapping[str, Any], key: str) -> str:
    return str((part(body, "metadata", "labels") or {}).get(key) or "")


def annotation(body: Mapping[str, Any], key: str) -> str:
    return str((part(body, "metadata", "annotations") or {}).get(key) or "")


def is_deleting(body: Mapping[str, Any]) -> bool:
    return bool(part(body, "metadata", "deletionTimestamp"))


def milliseconds(time: object) -> int:
    """Of the time as the API writes it; 0 for none."""
    if not isinstance(time, str) or not time:
        return 0
    try:
        return round(datetime.fromisoformat(time).timestamp() * 1000)
    except ValueError:
        return 0


def size(quantity: object) -> int:
    """Bytes; 0 for none, or for one that is written in a way nobody writes a volume's size."""
    try:
        return parse_quantity(str(quantity)) if quantity else 0
    except ValueError:
        return 0


def condition(body: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a kind; empty when there is none."""
    found = part(body, "status", "conditions") or []
    return next((item for item in found if item.get("type") == kind), {})


def ordinal_of(name: str) -> int:
    """Of a pod or a claim of a StatefulSet; -1 for a name that has none."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def is_owned(body: Mapping[str, Any], uid: str) -> bool:
    """It bears the UID of this cluster."""
    return label(body, labels.CLUSTER_UID) == uid
