"""Secrets that a spec names and somebody else makes: whether they are there, with the keys that are needed.

Pods wait for a Secret that is missing without a word to who wrote the spec.
"""

from collections.abc import Iterator

from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import SECRETS
from raftkeeper_operator.observe.fields import part

CERTIFICATE = ("tls.crt", "tls.key")
AUTHORITY = "ca.crt"


async def find_missing_secrets(kube: Kube, blueprint: Blueprint) -> tuple[str, ...]:
    """A sentence for each that is missing or lacks keys. Costs a request for each that is named."""
    found = []
    for field, name, keys in _named(blueprint):
        secret = await kube.get(SECRETS, blueprint.namespace, name)
        if secret is None:
            found.append(f"Secret {name} ({field}) is not there")
            continue
        missing = [key for key in keys if not (part(secret, "data") or {}).get(key)]
        if missing:
            found.append(f"Secret {name} ({field}) lacks {', '.join(missing)}")
    return tuple(found)


def _named(blueprint: Blueprint) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    tls, digest = blueprint.spec.tls, blueprint.spec.auth.super_digest
    if tls.peer.secret_name:
        yield "spec.tls.peer.secretName", tls.peer.secret_name, (*CERTIFICATE, AUTHORITY)
    if blueprint.serves_tls and tls.client.secret_name:
        keys = CERTIFICATE if tls.client.client_auth == "None" else (*CERTIFICATE, AUTHORITY)
        yield "spec.tls.client.secretName", tls.client.secret_name, keys
    if digest is not None:
        yield "spec.auth.superDigest", digest.name, (digest.key,)
