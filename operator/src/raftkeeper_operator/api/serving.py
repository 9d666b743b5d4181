"""What Kubernetes sees of a cluster: image, Service, pods, monitoring."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import Amount, DurationMs, ObjectName, StringMap


class ImageSpec(Part):
    """The node's image. Left out: the operator's default repository, tagged with `version`."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("!has(self.tag) || !has(self.digest)", "give either tag or digest", ".digest"),
    )

    repository: Annotated[str, Field(max_length=255, pattern=r"^[a-zA-Z0-9][-._/:a-zA-Z0-9]*$")] | (
        None
    ) = None
    """Registry and name, without tag."""
    tag: Annotated[str, Field(max_length=128, pattern=r"^[a-zA-Z0-9_][-._a-zA-Z0-9]*$")] | None = (
        None
    )
    digest: Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    """Exactly this image."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    pull_secrets: Annotated[
        tuple[ObjectName, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Secrets for the registry."""


Amounts = Annotated[dict[str, Amount], Field(max_length=8)]


class ResourcesSpec(Part):
    """CPU and memory of each member, as a container's resources."""

    requests: Amounts = {"cpu": "250m", "memory": "512Mi"}
    limits: Amounts = {"memory": "1Gi"}


class ClientService(Part):
    """The Service that clients connect to. It leads to members that serve."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'",
            "is for LoadBalancer and NodePort only",
            ".externalTrafficPolicy",
        ),
    )

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    annotations: StringMap = {}
    labels: StringMap = {}
    external_traffic_policy: Literal["Cluster", "Local"] | None = None
    load_balancer_source_ranges: Annotated[
        tuple[Annotated[str, Field(max_length=43)], ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Networks (CIDR) that a load balancer lets in."""


class ServicesSpec(Part):
    """Services of the cluster."""

    client: ClientService = ClientService()


FORBIDDEN_POD_FIELDS = {
    "hostname": "string",
    "subdomain": "string",
    "restartPolicy": "string",
    "hostNetwork": "boolean",
    "automountServiceAccountToken": "boolean",
}
"""Fields of a pod's spec that the members' addresses and safety stand on. They are declared in the
schema only so that a rule can refuse them at apply."""

NAMED_ITEMS = {"containers": 16, "initContainers": 16, "volumes": 64}
"""Lists of a pod's spec that are merged by name, and how long they may be."""


def _named_items(most: int) -> dict[str, Any]:
    name = {"type": "string", "minLength": 1, "maxLength": 63}
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": name},
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return {"type": "array", "maxItems": most, "items": item}


PodSpecOverlay = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Fields of a pod's spec.",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {name: {"type": kind} for name, kind in FORBIDDEN_POD_FIELDS.items()}
            | {name: _named_items(most) for name, most in NAMED_ITEMS.items()},
            "x-kubernetes-validations": [
                {
                    "rule": f"!has(self.{name})",
                    "message": f"{name} belongs to the operator and cannot be overlaid",
                    "fieldPath": f".{name}",
                }
                for name in FORBIDDEN_POD_FIELDS
            ],
        }
    ),
]


class PodMetadataOverlay(Part):
    """Labels and annotations of the pods."""

    labels: StringMap = {}
    annotations: StringMap = {}


class PodTemplateSpec(Part):
    """Laid over the pods that the operator makes, as `kubectl patch` would with a strategic merge.

    Containers, volumes and variables are merged by name: the node's container is `raftkeeper`. What
    the operator needs for itself cannot be overlaid; such a field is left out and named in the
    condition SpecAccepted.
    """

    metadata: PodMetadataOverlay = PodMetadataOverlay()
    spec: PodSpecOverlay = {}


class MonitoringSpec(Part):
    """Objects for the Prometheus operator. They are made only where its CRDs are installed."""

    service_monitor: bool = False
    """Have the members scraped."""
    prometheus_rule: bool = False
    """Alerts for what a person should know of."""
    interval_ms: Annotated[DurationMs, Field(alias="interval")] = 30_000
    """How often members are scraped."""
    labels: StringMap = {}
    """Labels by which Prometheus selects the two."""
