"""cert-manager's Certificates, where the spec names an issuer: the Secret is made and renewed by cert-manager.

Plain objects of a kind that is not there in every Kubernetes. Must not know more of cert-manager than
the fields of its API that are written here.
"""

from typing import Final

from raftkeeper_operator.api.security import IssuerReference
from raftkeeper_operator.build.blueprint import Blueprint, Object

API_VERSION: Final = "cert-manager.io/v1"


def has_peer_certificate(blueprint: Blueprint) -> bool:
    """The spec names an issuer for members' certificates."""
    return blueprint.spec.tls.peer.issuer_ref is not None


def has_client_certificate(blueprint: Blueprint) -> bool:
    """And for what clients see."""
    return blueprint.serves_tls and blueprint.spec.tls.client.issuer_ref is not None


def build_peer_certificate(blueprint: Blueprint) -> Object:
    """For members among themselves, and the admin API: each is client and server."""
    names = blueprint.names
    return _certificate(
        blueprint,
        names.peer_certificate,
        (*names.member_patterns()[:2], names.tls_server_name),
        ["digital signature", "server auth", "client auth"],
        blueprint.spec.tls.peer.issuer_ref,
    )


def build_client_certificate(blueprint: Blueprint) -> Object:
    """For the names that clients connect to: the Service, and every member by itself."""
    return _certificate(
        blueprint,
        blueprint.names.client_certificate,
        blueprint.names.certificate_names(),
        ["digital signature", "server auth"],
        blueprint.spec.tls.client.issuer_ref,
    )


def _certificate(
    blueprint: Blueprint,
    name: str,
    hosts: tuple[str, ...],
    usages: list[str],
    issuer: IssuerReference | None,
) -> Object:
    spec: Object = {
        "secretName": name,
        "dnsNames": list(hosts),
        "usages": usages,
        # Members read renewed files by themselves, so a new key costs nothing.
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
    }
    if issuer is not None:
        spec["issuerRef"] = {"name": issuer.name, "kind": issuer.kind, "group": issuer.group}
    return {
        "apiVersion": API_VERSION,
        "kind": "Certificate",
        "metadata": blueprint.metadata(name),
        "spec": spec,
    }
