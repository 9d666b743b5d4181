"""Secrets and the CA's bundle, of data that somebody else made."""

import base64
from collections.abc import Mapping

from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.node_config import TOKEN_FILE


def build_admin_secret(blueprint: Blueprint, token: str) -> Object:
    """The token by which the operator and backups are known to the members."""
    return _secret(blueprint, blueprint.names.admin_secret, {TOKEN_FILE: token}, "Opaque")


def build_authority_secret(blueprint: Blueprint, data: Mapping[str, str]) -> Object:
    """The CA with its key. No pod mounts it."""
    return _secret(blueprint, blueprint.names.ca_secret, data, "Opaque")


def build_certificate_secret(blueprint: Blueprint, data: Mapping[str, str]) -> Object:
    """tls.crt, tls.key and ca.crt of all members."""
    return _secret(blueprint, blueprint.names.tls_secret, data, "kubernetes.io/tls")


def build_authority_bundle(blueprint: Blueprint, certificates: str) -> Object:
    """What clients check the members' certificate by. Not secret."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": blueprint.metadata(blueprint.names.ca_bundle, component="tls"),
        "data": {"ca.crt": certificates},
    }


def _secret(blueprint: Blueprint, name: str, data: Mapping[str, str], kind: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": blueprint.metadata(name),
        "type": kind,
        "data": {
            key: base64.b64encode(value.encode()).decode("ascii") for key, value in data.items()
        },
    }
