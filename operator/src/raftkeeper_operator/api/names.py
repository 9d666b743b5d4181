"""Names and addresses of everything that belongs to a cluster. They are an API: clients, volumes and
other members keep them for years.
"""

from dataclasses import dataclass

from raftkeeper_operator.api import labels

CLIENT_PORT = 2181
CLIENT_TLS_PORT = 2281
PEER_PORT = 2888
HTTP_PORT = 8080
ADMIN_PORT = 8081

DEFAULT_POOL = "default"
"""Value of the pool label where placement.zones is empty: a label may not say nothing."""
DATA_CLAIM = "data"
"""Name of the volume claim template, and so the beginning of claims' names."""
LOG_CLAIM = "log"
"""Likewise, of the log's own volume where the spec asks for one."""


@dataclass(frozen=True, slots=True)
class Names:
    """Of one cluster."""

    cluster: str
    namespace: str
    domain: str = "cluster.local"
    """The Kubernetes cluster's DNS domain."""

    @property
    def client_service(self) -> str:
        return self.cluster

    @property
    def members_service(self) -> str:
        return f"{self.cluster}-members"

    @property
    def service_account(self) -> str:
        return self.cluster

    @property
    def disruption_budget(self) -> str:
        return self.cluster

    @property
    def network_policy(self) -> str:
        return self.cluster

    @property
    def monitor(self) -> str:
        """ServiceMonitor and PrometheusRule."""
        return self.cluster

    @property
    def admin_secret(self) -> str:
        """The token of the admin API."""
        return f"{self.cluster}-admin"

    @property
    def ca_secret(self) -> str:
        """The cluster's own CA with its key; nobody but the operator reads it."""
        return f"{self.cluster}-ca"

    @property
    def ca_bundle(self) -> str:
        """ConfigMap with the CA's certificates, for clients."""
        return f"{self.cluster}-ca-bundle"

    @property
    def tls_secret(self) -> str:
        """The members' certificate, for each other and the admin API."""
        return f"{self.cluster}-tls"

    @property
    def peer_certificate(self) -> str:
        """cert-manager's Certificate of the members, and its Secret. No other cluster's names end so."""
        return f"{self.cluster}-tls-peer"

    @property
    def client_certificate(self) -> str:
        """That for clients, likewise."""
        return f"{self.cluster}-tls-client"

    @property
    def founding_config(self) -> str:
        return f"{self.cluster}-founding"

    @property
    def revisions_config(self) -> str:
        return f"{self.cluster}-revisions"

    def node_config(self, digest: str) -> str:
        """ConfigMap of one revision of the node's configuration."""
        return f"{self.cluster}-config-{digest}"

    def stateful_set(self, zone: str | None) -> str:
        """Of a zone, or the only one."""
        return f"{self.cluster}-{zone}" if zone else self.cluster

    def pod(self, zone: str | None, ordinal: int) -> str:
        return f"{self.stateful_set(zone)}-{ordinal}"

    def pod_host(self, pod: str) -> str:
        """A pod's name in the DNS, for ever the same."""
        return f"{pod}.{self.members_service}.{self.namespace}.svc.{self.domain}"

    def peer_address(self, pod: str) -> str:
        """Address of a pod's member, as it stands in the membership."""
        return f"{self.pod_host(pod)}:{PEER_PORT}"

    @property
    def tls_server_name(self) -> str:
        """The name by which members' certificates are checked when a pod is reached by its IP."""
        return f"{self.members_service}.{self.namespace}.svc"

    def certificate_names(self) -> tuple[str, ...]:
        """Names that the members' certificate is good for."""
        members, client = self.members_service, self.client_service
        space, domain = self.namespace, self.domain
        return (
            f"*.{members}.{space}.svc.{domain}",
            f"*.{members}.{space}.svc",
            f"{members}.{space}.svc.{domain}",
            f"{members}.{space}.svc",
            f"{client}.{space}.svc.{domain}",
            f"{client}.{space}.svc",
            f"{client}.{space}",
            client,
        )

    def member_patterns(self) -> tuple[str, ...]:
        """One of these fits a name of whoever may speak to members as a member."""
        members = f"{self.members_service}.{self.namespace}.svc"
        return (f"*.{members}", f"*.{members}.{self.domain}", members)

    def connection_string(self, port: int = CLIENT_PORT) -> str:
        """What a client is given."""
        return f"{self.client_service}.{self.namespace}.svc.{self.domain}:{port}"


def pool_label(zone: str | None) -> str:
    """The value of the pool label."""
    return zone or DEFAULT_POOL


def pool_of_label(value: str) -> str | None:
    """The zone of a pool label; None for the only pool."""
    return None if value == DEFAULT_POOL else value


MEMBER_COMPONENT = "member"
"""Value of the component label of members' pods. Pods of backups have another."""


def selector(cluster: str) -> dict[str, str]:
    """Labels that select the pods of a cluster's members."""
    return {labels.CLUSTER: cluster, labels.COMPONENT: MEMBER_COMPONENT}


def owned_labels(cluster: str, uid: str) -> dict[str, str]:
    """Labels of everything that the operator makes for a cluster."""
    return {
        labels.NAME: labels.APPLICATION,
        labels.INSTANCE: cluster,
        labels.MANAGED_BY: labels.MANAGER,
        labels.CLUSTER: cluster,
        labels.CLUSTER_UID: uid,
    }
