"""Secrets as text, and what follows from them: certificates due, and the way to the members' admin API."""

import base64
import binascii
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog

from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.build.node_config import TOKEN_FILE
from raftkeeper_operator.clients.keeper import KeeperAccess, trust
from raftkeeper_operator.clients.resources import SECRETS
from raftkeeper_operator.observe.fields import part
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.snapshot import Certificate
from raftkeeper_operator.tls.rotation import BUNDLE, NOW, Due, authority_due, leaf_due

log = structlog.get_logger(__name__)

CONTEXTS_MAX = 256
"""Clusters whose trust is kept ready; making it again costs a millisecond."""


def decode(secret: Mapping[str, Any] | None) -> dict[str, str]:
    """Its data; what is no text is left out."""
    found = {}
    for key, value in (part(secret or {}, "data") or {}).items():
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def token_of(secret: Mapping[str, Any] | None) -> str:
    """The first token; '' when there is none."""
    lines = decode(secret).get(TOKEN_FILE, "").splitlines()
    return next((line.strip() for line in lines if line.strip()), "")


def read_certificates(blueprint: Blueprint, objects: Objects) -> tuple[Certificate, ...]:
    """Those that the operator makes: the CA first, because it signs the other."""
    if not blueprint.issues_certificates:
        return ()
    names = blueprint.names
    authority = decode(objects.get(SECRETS, names.ca_secret))
    of_authority = authority_due(authority)
    found = [_certificate(names.ca_secret, of_authority)]
    if of_authority != NOW:
        leaf = decode(objects.get(SECRETS, names.tls_secret))
        due = leaf_due(leaf, authority, names.certificate_names())
        found.append(_certificate(names.tls_secret, due))
    return tuple(found)


def read_access(
    blueprint: Blueprint, objects: Objects, peer_secret: Mapping[str, Any] | None
) -> KeeperAccess | None:
    """None while the Secrets are not there: then there are no members to speak to either."""
    token = token_of(objects.get(SECRETS, blueprint.names.admin_secret))
    authority = decode(peer_secret).get(BUNDLE, "")
    if not token or not authority:
        return None
    try:
        context = _trust(authority)
    except ssl.SSLError as error:
        log.warning(
            "observe.bad_authority",
            namespace=blueprint.namespace,
            cluster=blueprint.name,
            secret=blueprint.peer_tls_secret,
            error=str(error),
            next=f"put the CA that signed tls.crt into {BUNDLE} of this Secret",
        )
        return None
    return KeeperAccess(token, context, blueprint.names.tls_server_name)


@lru_cache(CONTEXTS_MAX)
def _trust(ca_pem: str) -> ssl.SSLContext:
    return trust(ca_pem)


def _certificate(name: str, due: Due) -> Certificate:
    return Certificate(name, due.renew_ms, due.not_after_ms, due.covers_all)
