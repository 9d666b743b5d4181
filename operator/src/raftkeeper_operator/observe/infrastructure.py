"""What lies below the pods: Kubernetes' nodes with their zones, storage classes, volumes' places.

Shared by all clusters and asked for again after a while only: it changes seldom, and decisions that lean
on it (a node is gone for good) wait for minutes anyway. Where the operator may not read it, it is unknown,
and "unknown" is never taken for "gone".
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from raftkeeper_operator.clients.errors import Refused
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import NODES, STORAGE_CLASSES, VOLUMES, Resource
from raftkeeper_operator.observe.fields import (
    condition,
    is_deleting,
    milliseconds,
    name_of,
    part,
)
from raftkeeper_operator.observe.placing import Host
from raftkeeper_operator.observe.volumes import HOST_LABEL, Place, Storage, read_place

log = structlog.get_logger(__name__)

FRESH_S = 15.0
"""How old it may be. A node that has just come is seen this late."""
PLACES_MAX = 10_000
"""Of volumes that are remembered; more than one operator will ever look after."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """Nodes, as far as they may be read."""

    nodes: tuple[Body, ...] = ()
    known: bool = False

    def zones(self, topology_key: str) -> dict[str, str]:
        """The zone of each node."""
        found = {name_of(node): _labels(node).get(topology_key, "") for node in self.nodes}
        return {name: str(zone) for name, zone in found.items() if zone}

    def live_zones(self, topology_key: str) -> frozenset[str]:
        """Zones with a node that is ready and takes pods."""
        live = [node for node in self.nodes if _takes_pods(node)]
        return frozenset(Ground(tuple(live), known=True).zones(topology_key).values())

    def hosts(self) -> frozenset[str] | None:
        """What volumes' affinities call the nodes."""
        if not self.known:
            return None
        names = {str(_labels(node).get(HOST_LABEL) or name_of(node)) for node in self.nodes}
        return frozenset(names | {name_of(node) for node in self.nodes})

    def states(self) -> dict[str, Host] | None:
        """By name; None when nodes may not be read."""
        if not self.known:
            return None
        found = {}
        for node in self.nodes:
            ready = condition(node, "Ready")
            since_ms = milliseconds(ready.get("lastTransitionTime"))
            found[name_of(node)] = Host(ready.get("status") == "True", since_ms)
        return found


class Infrastructure:
    """Reads it, and keeps it for a while."""

    def __init__(self, kube: Kube, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._clock = clock
        self._ground = Ground()
        self._expandable: dict[str, bool] = {}
        self._read_at = float("-inf")
        self._places: dict[tuple[str, str], Place] = {}
        self._forbidden: set[str] = set()

    async def ground(self) -> Ground:
        """The nodes there are."""
        await self._refresh()
        return self._ground

    async def storage(self, claims: list[dict[str, Any]]) -> Storage:
        """What is known of the volumes below these claims."""
        await self._refresh()
        places = {}
        for claim in claims:
            name = str(part(claim, "spec", "volumeName") or "")
            if name:
                places[name] = await self._place(name, str(part(claim, "metadata", "uid") or ""))
        return Storage(places, self._ground.hosts(), self._expandable)

    async def _refresh(self) -> None:
        now = self._clock()
        if now - self._read_at < FRESH_S:
            return
        nodes = await self._list(NODES)
        classes = await self._list(STORAGE_CLASSES)
        self._ground = Ground(tuple(nodes or ()), known=nodes is not None)
        self._expandable = {
            name_of(item): bool(item.get("allowVolumeExpansion")) for item in classes or ()
        }
        self._read_at = now

    async def _list(self, resource: Resource) -> list[dict[str, Any]] | None:
        try:
            return await self._kube.list_objects(resource)
        except Refused as error:
            self._tell_once(resource.plural, error)
            return None

    async def _place(self, volume: str, claim_uid: str) -> Place:
        """A volume's place never changes; another volume of the name has another claim."""
        key = (volume, claim_uid)
        if key not in self._places:
            try:
                body = await self._kube.get(VOLUMES, "", volume)
            except Refused as error:
                self._tell_once(VOLUMES.plural, error)
                return Place()
            if body is None:
                return Place()
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            self._places[key] = read_place(body)
        return self._places[key]

    def _tell_once(self, what: str, error: Refused) -> None:
        if what not in self._forbidden:
            self._forbidden.add(what)
            log.warning("observe.forbidden", what=what, error=str(error))


def _labels(node: Body) -> Mapping[str, Any]:
    found = part(node, "metadata", "labels")
    return found if isinstance(found, Mapping) else {}


def _takes_pods(node: Body) -> bool:
    ready = condition(node, "Ready").get("status") == "True"
    return ready and not part(node, "spec", "unschedulable") and not is_deleting(node)
