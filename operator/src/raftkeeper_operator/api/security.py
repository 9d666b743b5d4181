"""TLS, who is the super user, and who may reach members over the network."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import ObjectName, RawObject, SecretKey


class IssuerReference(Part):
    """Who signs: an issuer of cert-manager."""

    name: ObjectName
    kind: Annotated[str, Field(min_length=1, max_length=63)] = "Issuer"
    """Issuer, in the cluster's namespace, or ClusterIssuer; or a kind that an addition brings."""
    group: Annotated[str, Field(min_length=1, max_length=253)] = "cert-manager.io"


ONE_SOURCE = Rule(
    "!has(self.secretName) || !has(self.issuerRef)",
    "give secretName or issuerRef, not both: a Secret that you make, or an issuer that makes it",
)


class ClientTls(Part):
    """TLS between clients and members, on port 2281."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.clientAuth != 'Need' || self.mode == 'Required'",
            "Need is of use only with mode Required: with the plain port open, a client without "
            "a certificate would simply take that one",
            ".clientAuth",
        ),
        Rule(
            "self.mode != 'Disabled' || !has(self.secretName)",
            "is given while mode is Disabled: set mode to Permissive or Required to use it",
            ".secretName",
        ),
        Rule(
            "self.mode != 'Disabled' || !has(self.issuerRef)",
            "is given while mode is Disabled: set mode to Permissive or Required to use it",
            ".issuerRef",
        ),
        Rule(
            "self.clientAuth == 'None' || has(self.secretName) || has(self.issuerRef)",
            "Want and Need go with secretName or issuerRef, whose ca.crt signs clients: the operator's "
            "own CA signs members only, so every client with a certificate would be refused",
            ".clientAuth",
        ),
        ONE_SOURCE,
    )

    mode: Literal["Disabled", "Permissive", "Required"] = "Disabled"
    """Disabled: the plain port 2181 only. Permissive: both. Required: port 2281 only."""
    secret_name: ObjectName | None = None
    """Secret of type kubernetes.io/tls with tls.crt, tls.key and, to check clients, ca.crt, such as
    cert-manager writes. Its certificate must be good for the client Service's name. Left out: the
    operator issues one from the cluster's CA, which clients find in ConfigMap <cluster>-ca-bundle."""
    issuer_ref: IssuerReference | None = None
    """cert-manager's issuer to sign the certificate instead; the operator makes the Certificate."""
    client_auth: Literal["None", "Want", "Need"] = "None"
    """Whether clients are asked for a certificate (Want), or refused without one (Need). Both need
    secretName or issuerRef: the operator's own CA signs no clients."""


class PeerTls(Part):
    """TLS between members, and of the admin API. It is always on."""

    rules: ClassVar[tuple[Rule, ...]] = (
        ONE_SOURCE,
        Rule(
            "has(self.secretName) == has(oldSelf.secretName) && "
            "(!has(self.secretName) || self.secretName == oldSelf.secretName) && "
            "has(self.issuerRef) == has(oldSelf.issuerRef) && "
            "(!has(self.issuerRef) || (self.issuerRef.name == oldSelf.issuerRef.name && "
            "self.issuerRef.kind == oldSelf.issuerRef.kind && "
            "self.issuerRef.group == oldSelf.issuerRef.group))",
            "members cannot change to another CA by another name: those that have it and those "
            "that do not yet would not trust each other. With secretName, change what is in that "
            "Secret: ca.crt to both CAs, minutes later the certificate, minutes later ca.crt to the "
            "new CA. Otherwise back up and restore into a new cluster",
        ),
    )

    secret_name: ObjectName | None = None
    """Secret with tls.crt, tls.key and ca.crt, such as cert-manager writes; good for
    *.<cluster>-members.<namespace>.svc, the same with the cluster's domain (.cluster.local) behind, and
    <cluster>-members.<namespace>.svc, for both server and client use. Left out: the operator makes a CA
    and renews the certificate at 2/3 of its life."""
    issuer_ref: IssuerReference | None = None
    """cert-manager's issuer to sign members' certificates instead; the operator makes the Certificate.
    The issuer must write ca.crt, as one of kind CA or Vault does and one of kind ACME does not."""


class TlsSpec(Part):
    """Encryption on the way."""

    client: ClientTls = ClientTls()
    peer: PeerTls = PeerTls()


class SecretReference(Part):
    """A key of a Secret in the cluster's namespace."""

    name: ObjectName
    key: SecretKey


class AuthSpec(Part):
    """Who passes every ACL."""

    super_digest: SecretReference | None = None
    """Key of a Secret that holds `user:base64(sha1(user:password))` of the super user."""


class NetworkPolicySpec(Part):
    """A NetworkPolicy for the members."""

    enabled: bool = False
    """Let members be reached only by each other, the operator, and `clients`."""
    clients: Annotated[
        tuple[RawObject, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Who may reach the client ports, as NetworkPolicyPeers (podSelector, namespaceSelector,
    ipBlock). Empty: everybody."""
    monitoring: Annotated[
        tuple[RawObject, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Who may reach the port of metrics, likewise."""
