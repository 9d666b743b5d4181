"""All objects of a cluster in the API, read at once: by the cluster's name, told apart by its UID.

What bears the name and not the UID belongs to a former cluster, or to somebody else. Of such objects only
volume claims are of interest, for they may be taken up again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.clients.errors import KubeError, NotFound
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import (
    BUDGETS,
    CERTIFICATES,
    CONFIG_MAPS,
    NETWORK_POLICIES,
    PODS,
    PROMETHEUS_RULES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICE_MONITORS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
    Resource,
)
from raftkeeper_operator.observe.fields import is_owned, name_of

Object = dict[str, Any]

CORE = (
    STATEFUL_SETS,
    PODS,
    VOLUME_CLAIMS,
    CONFIG_MAPS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    BUDGETS,
    NETWORK_POLICIES,
)
OPTIONAL = (SERVICE_MONITORS, PROMETHEUS_RULES, CERTIFICATES)
"""Their kinds exist only where somebody has installed them."""


@dataclass(frozen=True, slots=True)
class Objects:
    """By kind and name."""

    by_kind: dict[str, dict[str, Object]] = field(default_factory=dict)
    absent_kinds: frozenset[str] = frozenset()
    """Kinds that this API server does not know."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Kinds of others that it knows and could not list, and why: their objects are left as they are."""

    def of(self, resource: Resource) -> dict[str, Object]:
        """All of a kind, by name."""
        return self.by_kind.get(resource.kind, {})

    def get(self, resource: Resource, name: str) -> Object | None:
        return self.of(resource).get(name)


async def read_objects(kube: Kube, namespace: str, cluster: str, uid: str) -> Objects:
    """The cluster's own objects, and every volume claim of its name."""
    kinds = (*CORE, *OPTIONAL)
    found = await asyncio.gather(*(_list(kube, kind, namespace, cluster) for kind in kinds))
    by_kind: dict[str, dict[str, Object]] = {}
    absent, unreadable = set(), {}
    for resource, items in zip(kinds, found, strict=True):
        if isinstance(items, NotFound):
            absent.add(resource.kind)
            continue
        if isinstance(items, KubeError):
            unreadable[resource.kind] = str(items)
            continue
        ours = items if resource is VOLUME_CLAIMS else _owned(items, uid)
        by_kind[resource.kind] = {name_of(item): item for item in ours}
    return Objects(by_kind, frozenset(absent), unreadable)


async def _list(
    kube: Kube, resource: Resource, namespace: str, cluster: str
) -> list[Object] | KubeError:
    """An error of a kind of others is a value: no cluster stands on it, so none is left alone for it."""
    try:
        return await kube.list_objects(resource, namespace, labels=f"{labels.CLUSTER}={cluster}")
    except KubeError as error:
        if resource in OPTIONAL:
            return error
        raise


def _owned(items: Iterable[Object], uid: str) -> list[Object]:
    return [item for item in items if is_owned(item, uid)]
