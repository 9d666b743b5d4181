"""What every builder needs to know: the cluster, its names, and the surroundings of the operator."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.backup import BackupSource
from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.api.names import CLIENT_PORT, CLIENT_TLS_PORT, Names, owned_labels

Object = dict[str, Any]

TAG_OF_A_VERSION = re.compile(r"^v?(\d+\.\d+\.\d+)($|[-+._])")
"""Tags that name a release, with or without what was built on."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for all clusters of this operator."""

    namespace: str
    """Where the operator runs."""
    version: str
    """The operator's own, which is the node's where a spec names none."""
    repository: str = "raftkeeper/raftkeeper"
    """The node's image where a spec names none."""
    domain: str = "cluster.local"
    """The Kubernetes cluster's DNS domain."""
    runbook_base: str = ""
    """Where the folder `docs` of this release can be read, for links of alerts."""


@dataclass(frozen=True)
class Blueprint:
    """One cluster as its builders see it."""

    name: str
    namespace: str
    uid: str
    spec: ClusterSpec
    surroundings: Surroundings
    restart: str = ""
    """Value of the restart annotation: it goes into the template, so a new one is a new revision."""
    restore: BackupSource | None = None
    """The backup to begin with; only as long as the ensemble is not founded."""
    served: frozenset[int] = frozenset()
    """Client ports that the pods there are serve, or will when a rollout or a rollback is through; empty
    where nothing is known but the spec."""

    @cached_property
    def names(self) -> Names:
        return Names(self.name, self.namespace, self.surroundings.domain)

    @property
    def version(self) -> str:
        """The version that the spec leads to; of the image's tag nothing can be known."""
        return self.spec.version or self.surroundings.version

    @property
    def target_version(self) -> str | None:
        """The version that the spec leads to, where that can be known: a tag may be called anything."""
        image = self.spec.image
        if self.spec.version or not (image.tag or image.digest):
            return self.version
        found = TAG_OF_A_VERSION.match(image.tag or "")
        return found[1] if found else None

    @property
    def image(self) -> str:
        image = self.spec.image
        repository = image.repository or self.surroundings.repository
        if image.digest:
            return f"{repository}@{image.digest}"
        return f"{repository}:{image.tag or self.version}"

    @property
    def serves_plain(self) -> bool:
        return self.spec.tls.client.mode != "Required"

    @property
    def serves_tls(self) -> bool:
        return self.spec.tls.client.mode != "Disabled"

    @property
    def client_ports(self) -> tuple[int, ...]:
        """That clients are let through to: of what runs, which the spec may be ahead of."""
        own = {CLIENT_PORT: self.serves_plain, CLIENT_TLS_PORT: self.serves_tls}
        return tuple(sorted(self.served or {port for port, serves in own.items() if serves}))

    @property
    def peer_tls_secret(self) -> str:
        peer = self.spec.tls.peer
        made = self.names.peer_certificate if peer.issuer_ref else self.names.tls_secret
        return peer.secret_name or made

    @property
    def client_tls_secret(self) -> str:
        client = self.spec.tls.client
        made = self.names.client_certificate if client.issuer_ref else self.names.tls_secret
        return client.secret_name or made

    @property
    def issues_certificates(self) -> bool:
        """Whether anything uses the operator's CA."""
        own = self.names.tls_secret
        return self.peer_tls_secret == own or (self.serves_tls and self.client_tls_secret == own)

    def owned(self, **more: str) -> dict[str, str]:
        """Labels of an object of the cluster."""
        return owned_labels(self.name, self.uid) | more

    def metadata(
        self,
        name: str,
        *,
        component: str = "",
        annotations: dict[str, str] | None = None,
        more_labels: dict[str, str] | None = None,
    ) -> Object:
        """Of an object that goes with the cluster when that is deleted."""
        found = {**(more_labels or {}), **self.owned()}
        if component:
            found[labels.COMPONENT] = component
        metadata: Object = {
            "name": name,
            "namespace": self.namespace,
            "labels": found,
            "ownerReferences": [self.owner_reference()],
        }
        if annotations:
            metadata["annotations"] = dict(annotations)
        return metadata

    def owner_reference(self) -> Object:
        """Kubernetes deletes what the cluster owns, even when no operator runs."""
        return {
            "apiVersion": labels.API_VERSION,
            "kind": "RaftKeeperCluster",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
