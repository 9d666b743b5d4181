"""What lies below the pods: Kubernetes' nodes with their zones, storage classes, volumes' places.

Shared by all clusters and asked for again after a while only: it changes seldom, and decisions that lean
on it (a node is gone for good) wait for minutes anyway. Where the operator may not read it, it is unknown,
and "unknown" is never taken for "gone".
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from raftkeeper_operator.clients.errors import KubeError, Refused, Unreachable
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import NODES, STORAGE_CLASSES, VOLUMES
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
RETRY_S = 2.0
"""After a reading that failed the next may be tried: those that waited for it would else fail one by one."""
NODES_PAGE = 100
"""Nodes that are in memory whole at a time: each is some 13 KB of images and conditions that nobody needs."""
PLACES_MAX = 10_000
"""Of volumes that are remembered; more than one operator will ever look after."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GroundNode:
    """What is kept of a node: a Kubernetes may have thousands."""

    name: str
    labels: Mapping[str, str]
    """All of them: which one names the zone each cluster says for itself."""
    host: Host
    takes_pods: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """Nodes, as far as they may be read."""

    nodes: tuple[GroundNode, ...] = ()
    known: bool = False

    def zones(self, topology_key: str) -> dict[str, str]:
        """The zone of each node."""
        found = {node.name: node.labels.get(topology_key, "") for node in self.nodes}
        return {name: zone for name, zone in found.items() if zone}

    def live_zones(self, topology_key: str) -> frozenset[str]:
        """Zones with a node that is ready and takes pods."""
        live = tuple(node for node in self.nodes if node.takes_pods)
        return frozenset(Ground(live, known=True).zones(topology_key).values())

    def hosts(self) -> frozenset[str] | None:
        """What volumes' affinities call the nodes."""
        if not self.known:
            return None
        names = {node.labels.get(HOST_LABEL) or node.name for node in self.nodes}
        return frozenset(names | {node.name for node in self.nodes})

    def states(self) -> dict[str, Host] | None:
        """By name; None when nodes may not be read."""
        if not self.known:
            return None
        return {node.name: node.host for node in self.nodes}


def read_node(body: Body) -> GroundNode:
    """Names and values of labels are the same on most nodes, so each is kept once."""
    found = part(body, "metadata", "labels")
    labels = found.items() if isinstance(found, Mapping) else ()
    ready = condition(body, "Ready")
    is_ready = ready.get("status") == "True"
    return GroundNode(
        name_of(body),
        {sys.intern(str(key)): sys.intern(str(value)) for key, value in labels},
        Host(is_ready, milliseconds(ready.get("lastTransitionTime"))),
        is_ready and not part(body, "spec", "unschedulable") and not is_deleting(body),
    )


def _read_class(body: Body) -> tuple[str, bool]:
    return name_of(body), bool(body.get("allowVolumeExpansion"))


class Infrastructure:
    """Reads it, and keeps it for a while."""

    def __init__(self, kube: Kube, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._clock = clock
        self._ground = Ground()
        self._expandable: dict[str, bool] = {}
        self._read_at = float("-inf")
        self._failed_at = float("-inf")
        self._trouble = ""
        self._reading = asyncio.Lock()
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
        """By one of those that want it; the others wait for what that one reads."""
        async with self._reading:
            now = self._clock()
            if now - self._read_at < FRESH_S:
                return
            if now - self._failed_at < RETRY_S:
                raise Unreachable(0, "Unreachable", f"just now: {self._trouble}")
            try:
                self._ground = await self._read_nodes()
                self._expandable = await self._read_classes()
            except KubeError as error:
                self._failed_at, self._trouble = self._clock(), str(error)
                raise
            self._read_at = now

    async def _read_nodes(self) -> Ground:
        found: list[GroundNode] = []
        try:
            async for page in self._kube.pages(NODES, objects=NODES_PAGE):
                found += [read_node(body) for body in page]
        except Refused as error:
            self._tell_once(NODES.plural, error)
            return Ground()
        return Ground(tuple(found), known=True)

    async def _read_classes(self) -> dict[str, bool]:
        try:
            return dict(map(_read_class, await self._kube.list_objects(STORAGE_CLASSES)))
        except Refused as error:
            self._tell_once(STORAGE_CLASSES.plural, error)
            return {}

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
