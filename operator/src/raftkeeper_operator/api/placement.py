"""On which nodes and in which zones members run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import LabelKey, Zone

DEFAULT_TOPOLOGY_KEY = "topology.kubernetes.io/zone"
ZONES_MAX = 9
"""As many as there can be members."""

Zones = Annotated[
    tuple[Zone, ...],
    Field(max_length=ZONES_MAX, json_schema_extra={"x-kubernetes-list-type": "set"}),
]


class PlacementSpec(Part):
    """Where members run."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "size(self.zones) == 0 || self.leaderZones.all(z, z in self.zones)",
            "must be among placement.zones: a leader can only be where members are",
            ".leaderZones",
        ),
        Rule(
            "!('default' in self.zones)",
            "a zone cannot be called default: that is the pool of clusters without zones",
            ".zones",
        ),
    )

    zones: Zones = ()
    """Zones by name. Each gets a StatefulSet of its own, pinned to it, and members are spread
    evenly over them; a zone that is taken off the list is evacuated, one member at a time. Empty:
    one StatefulSet, which the scheduler spreads by `topologyKey`."""
    topology_key: LabelKey = DEFAULT_TOPOLOGY_KEY
    """Label of nodes that names their zone."""
    zone_policy: Literal["Required", "Preferred"] | None = None
    """Whether a pod rather waits than runs in the wrong zone. Left out: Required for zones that are
    listed, Preferred otherwise, so that a Kubernetes without zones will do."""
    node_anti_affinity: Literal["Required", "Preferred", "Disabled"] = "Required"
    """Whether two members may share a node. Disabled is for a cluster of one node, to try it."""
    leader_zones: Zones = ()
    """Zones where the leader should be, such as those next to the writing clients."""

    @property
    def requires_zones(self) -> bool:
        """Whether a pod rather waits than runs in the wrong zone."""
        return (self.zone_policy or ("Required" if self.zones else "Preferred")) == "Required"
