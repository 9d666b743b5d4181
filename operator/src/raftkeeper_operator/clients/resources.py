"""The kinds of objects the operator deals with, and their places in the API. Nothing is discovered.

What stands here is what the operator's role has to allow; tests compare the two.
"""

from dataclasses import dataclass
from urllib.parse import quote

GROUP = "raftkeeper.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: how it is called in the API."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of a collection ('' as name) or of one object."""
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{quote(namespace, safe='')}")
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, subresource) if part]
        return "/".join(parts)


CLUSTERS = Resource(GROUP, "v1", "RaftKeeperCluster", "raftkeeperclusters")
BACKUPS = Resource(GROUP, "v1", "RaftKeeperBackup", "raftkeeperbackups")
SCHEDULES = Resource(GROUP, "v1", "RaftKeeperBackupSchedule", "raftkeeperbackupschedules")
STATEFUL_SETS = Resource("apps", "v1", "StatefulSet", "statefulsets")
PODS = Resource("", "v1", "Pod", "pods")
VOLUME_CLAIMS = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
VOLUMES = Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
SERVICES = Resource("", "v1", "Service", "services")
SERVICE_ACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps")
SECRETS = Resource("", "v1", "Secret", "secrets")
EVENTS = Resource("events.k8s.io", "v1", "Event", "events")
NODES = Resource("", "v1", "Node", "nodes", namespaced=False)
STORAGE_CLASSES = Resource(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False
)
BUDGETS = Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
JOBS = Resource("batch", "v1", "Job", "jobs")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")
SERVICE_MONITORS = Resource("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
PROMETHEUS_RULES = Resource("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
CERTIFICATES = Resource("cert-manager.io", "v1", "Certificate", "certificates")
"""cert-manager's."""

ALL = (
    CLUSTERS,
    BACKUPS,
    SCHEDULES,
    STATEFUL_SETS,
    PODS,
    VOLUME_CLAIMS,
    VOLUMES,
    SERVICES,
    SERVICE_ACCOUNTS,
    CONFIG_MAPS,
    SECRETS,
    EVENTS,
    NODES,
    STORAGE_CLASSES,
    BUDGETS,
    JOBS,
    NETWORK_POLICIES,
    LEASES,
    SERVICE_MONITORS,
    PROMETHEUS_RULES,
    CERTIFICATES,
)
_BY_KIND = {resource.kind: resource for resource in ALL}


def resource_of(kind: str) -> Resource:
    """The resource of an object's `kind`; ValueError for one that the operator does not know."""
    try:
        return _BY_KIND[kind]
    except KeyError:
        raise ValueError(f"{kind} is no kind of object this operator deals with") from None
