"""Secrets that a spec names and somebody else makes: whether they are there, and can do what they are for.

Pods wait for a Secret that is missing without a word to who wrote the spec, and members whose certificate
has expired, or bears other names, just do not understand each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import SECRETS
from raftkeeper_operator.observe.credentials import decode
from raftkeeper_operator.observe.fields import part
from raftkeeper_operator.tls.authority import BadCertificate, read_facts

CERTIFICATE = ("tls.crt", "tls.key")
AUTHORITY = "ca.crt"
WITHOUT_CERT_MANAGER = (
    ", and nobody will make it: this Kubernetes has no cert-manager (kind Certificate of "
    "cert-manager.io/v1)"
)


@dataclass(frozen=True, slots=True)
class NamedSecrets:
    """A sentence for each that is of no use."""

    missing: tuple[str, ...] = ()
    """It is not there, lacks a key or a name, or cannot be read."""
    expired: tuple[str, ...] = ()


async def inspect_named_secrets(
    kube: Kube, blueprint: Blueprint, now_ms: int, *, issuers: bool = True
) -> NamedSecrets:
    """Costs a request for each that is named. `issuers`: this Kubernetes has cert-manager."""
    missing: list[str] = []
    expired: list[str] = []
    for field, name, keys in _named(blueprint):
        secret = await kube.get(SECRETS, blueprint.namespace, name)
        if secret is None:
            why = WITHOUT_CERT_MANAGER if field.endswith("issuerRef") and not issuers else ""
            missing.append(f"Secret {name} ({field}) is not there{why}")
            continue
        lacking = [key for key in keys if not (part(secret, "data") or {}).get(key)]
        if lacking:
            missing.append(f"Secret {name} ({field}) lacks {', '.join(lacking)}")
        elif CERTIFICATE[0] in keys:
            hosts = _hosts(blueprint) if field.startswith("spec.tls.peer.") else ()
            trouble, over = _trouble_of(secret, hosts, now_ms)
            sentence = f"Secret {name} ({field}): {trouble}"
            (expired if over else missing).extend([sentence] if trouble else [])
    return NamedSecrets(tuple(missing), tuple(expired))


def _trouble_of(secret: Mapping[str, Any], hosts: tuple[str, ...], now_ms: int) -> tuple[str, bool]:
    """What is wrong with its certificate, and whether it is that it has expired."""
    try:
        facts = read_facts(decode(secret).get(CERTIFICATE[0], ""))
    except BadCertificate:
        return f"{CERTIFICATE[0]} is no certificate", False
    if now_ms >= facts.not_after_ms:
        return "its certificate has expired", True
    lacking = [host for host in hosts if not _covers(facts.names, host)]
    return (f"its certificate is not good for {', '.join(lacking)}" if lacking else ""), False


def _hosts(blueprint: Blueprint) -> tuple[str, ...]:
    """By which members are reached: by backups and by hand, and by the operator."""
    names = blueprint.names
    return names.pod_host(f"{names.cluster}-0"), names.tls_server_name


def _covers(names: frozenset[str], host: str) -> bool:
    """A wildcard stands for one label."""
    return host in names or f"*.{host.partition('.')[2]}" in names


def _named(blueprint: Blueprint) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    tls, digest = blueprint.spec.tls, blueprint.spec.auth.super_digest
    if tls.peer.secret_name or tls.peer.issuer_ref:
        field = "spec.tls.peer." + ("secretName" if tls.peer.secret_name else "issuerRef")
        yield field, blueprint.peer_tls_secret, (*CERTIFICATE, AUTHORITY)
    if blueprint.serves_tls and (tls.client.secret_name or tls.client.issuer_ref):
        keys = CERTIFICATE if tls.client.client_auth == "None" else (*CERTIFICATE, AUTHORITY)
        field = "spec.tls.client." + ("secretName" if tls.client.secret_name else "issuerRef")
        yield field, blueprint.client_tls_secret, keys
    if digest is not None:
        yield "spec.auth.superDigest", digest.name, (digest.key,)
