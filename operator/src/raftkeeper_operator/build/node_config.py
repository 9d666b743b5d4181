"""The node's configuration as TOML, and the ConfigMap of each of its revisions.

The ConfigMap's name holds a digest of its content, so a rollback finds the configuration that belongs to
its template. What changes while an ensemble is founded is not here but in `founding`.
"""

import hashlib
import json
from dataclasses import replace
from typing import Final

from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.api.names import (
    ADMIN_PORT,
    CLIENT_PORT,
    CLIENT_TLS_PORT,
    HTTP_PORT,
    PEER_PORT,
)
from raftkeeper_operator.api.scalars import parse_quantity
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.data_volumes import DATA_FOLDER

CONFIG_FOLDER: Final = "/etc/raftkeeper/config"
CONFIG_FILE: Final = "raftkeeper.toml"
TOKEN_FOLDER: Final = "/etc/raftkeeper/admin"  # noqa: S105  # a folder, not a password
TOKEN_FILE: Final = "token"  # noqa: S105
PEER_TLS_FOLDER: Final = "/etc/raftkeeper/peer-tls"
CLIENT_TLS_FOLDER: Final = "/etc/raftkeeper/client-tls"

EVERYWHERE: Final = "::"
"""Both versions of IP: a Kubernetes may have either alone. Where there is no version 6 the node falls back."""
DIGEST_CHARACTERS: Final = 10
"""Revisions of one cluster are told apart by so many hexadecimal digits."""

Section = dict[str, object]


def digest(value: object) -> str:
    """A short name for a value that JSON can write."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def node_settings(blueprint: Blueprint) -> dict[str, Section]:
    """Every setting that differs from the node's defaults or must not follow them, by section. Those of
    `extra` outrank the others.
    """
    settings = _own_settings(blueprint)
    for key, value in sorted(blueprint.spec.keeper.extra.items()):
        section, _, name = key.partition(".")
        settings.setdefault(section, {})[name] = value
    return settings


def outranked_settings(blueprint: Blueprint) -> tuple[str, ...]:
    """Settings of `extra` for which a field of the spec says something else, and is not just as it is when
    nobody has set it.
    """
    asked, unset = _own_settings(blueprint), _own_settings(replace(blueprint, spec=ClusterSpec()))
    found = []
    for key, value in sorted(blueprint.spec.keeper.extra.items()):
        section, _, name = key.partition(".")
        wish = asked.get(section, {}).get(name)
        lost = wish is not None and _toml(wish).strip('"') != value
        if lost and wish != unset.get(section, {}).get(name):
            found.append(key)
    return tuple(found)


def _own_settings(blueprint: Blueprint) -> dict[str, Section]:
    """From the fields of the spec."""
    spec = blueprint.spec
    keeper, raft = spec.keeper, spec.raft
    settings: dict[str, Section] = {
        "client": _client(blueprint),
        "session": {
            "min_timeout_ms": keeper.min_session_timeout_ms,
            "max_timeout_ms": keeper.max_session_timeout_ms,
        },
        "storage": {"data_dir": DATA_FOLDER},
        "snapshot": {
            "every_log_bytes": parse_quantity(raft.snapshot_every_log_bytes),
            "every_entries": raft.snapshot_every_entries,
            "retain": raft.snapshots_retained,
        },
        "ensemble": {
            "tick_ms": raft.heartbeat_interval_ms,
            "election_ticks": round(raft.election_timeout_ms / raft.heartbeat_interval_ms),
            "preferred_zones": list(spec.placement.leader_zones),
        },
        "peer": {
            "enabled": True,
            "listen": EVERYWHERE,
            "port": PEER_PORT,
            "tls_certificate": f"{PEER_TLS_FOLDER}/tls.crt",
            "tls_key": f"{PEER_TLS_FOLDER}/tls.key",
            "tls_ca": f"{PEER_TLS_FOLDER}/ca.crt",
            # The CA may sign others than members, clients above all.
            "tls_names": list(blueprint.names.member_patterns()),
        },
        "admin": {
            "listen": EVERYWHERE,
            "port": ADMIN_PORT,
            "token_file": f"{TOKEN_FOLDER}/{TOKEN_FILE}",
            "tls_certificate": f"{PEER_TLS_FOLDER}/tls.crt",
            "tls_key": f"{PEER_TLS_FOLDER}/tls.key",
        },
        "http": {"listen": EVERYWHERE, "port": HTTP_PORT},
        "features": {"ttl_nodes": keeper.ttl_nodes},
        "log": {"level": spec.logging.level, "format": spec.logging.format},
    }
    if keeper.four_letter_words:
        settings["four_letter"] = {"whitelist": list(keeper.four_letter_words)}
    return settings


def _client(blueprint: Blueprint) -> Section:
    keeper, tls = blueprint.spec.keeper, blueprint.spec.tls.client
    section: Section = {
        "listen": EVERYWHERE,
        "port": CLIENT_PORT,
        "connections_max": keeper.max_connections,
        # One address may be a proxy or a node with many pods: what bounds it is the bound of all.
        "connections_per_address_max": keeper.max_connections,
        "linearizable_reads": keeper.linearizable_reads,
        "read_only_mode": keeper.read_only_mode,
    }
    if blueprint.serves_tls:
        section |= {
            "plain": blueprint.serves_plain,
            "tls_port": CLIENT_TLS_PORT,
            "tls_certificate": f"{CLIENT_TLS_FOLDER}/tls.crt",
            "tls_key": f"{CLIENT_TLS_FOLDER}/tls.key",
            "tls_client_auth": tls.client_auth.lower(),
        }
        if tls.client_auth != "None":
            section["tls_ca"] = f"{CLIENT_TLS_FOLDER}/ca.crt"
    return section


def write_toml(settings: dict[str, Section]) -> str:
    """The file. Values of `extra` are text, which the node reads as what the setting is."""
    lines = ["# Written by the RaftKeeper operator from the RaftKeeperCluster; changes are lost."]
    for section, values in settings.items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    # JSON's booleans, numbers, strings and lists of strings are TOML's as well.
    return json.dumps(value, ensure_ascii=True)


def node_config_name(blueprint: Blueprint) -> str:
    """Of the ConfigMap that the spec leads to."""
    return blueprint.names.node_config(digest(write_toml(node_settings(blueprint))))


def build_node_config(blueprint: Blueprint) -> Object:
    """The ConfigMap with the configuration. It is never changed: another one gets another name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": blueprint.metadata(node_config_name(blueprint), component="config"),
        "immutable": True,
        "data": {CONFIG_FILE: write_toml(node_settings(blueprint))},
    }
