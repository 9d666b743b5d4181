"""The ConfigMap that tells starting pods whether they may found the ensemble, and with whom.

Containers read it when they start, so that one that starts after the founding was closed can never found
a second ensemble, whatever its disk says.
"""

from typing import Final

from raftkeeper_operator.build.blueprint import Blueprint, Object

MEMBERS: Final = "members"
BOOTSTRAP: Final = "bootstrap"
JOIN: Final = "join"
OPENED_MS: Final = "opened-ms"
CLUSTER_ID: Final = "cluster-id"

VARIABLES: Final = {
    "RAFTKEEPER__ENSEMBLE__MEMBERS": MEMBERS,
    "RAFTKEEPER__ENSEMBLE__BOOTSTRAP": BOOTSTRAP,
    "RAFTKEEPER__ENSEMBLE__JOIN": JOIN,
}
"""Which variable of a node is which key."""


def build_founding(
    blueprint: Blueprint, members: tuple[tuple[int, str], ...], now_ms: int
) -> Object:
    """Open for these members (id and peer address); closed when there are none."""
    data = {
        MEMBERS: ",".join(f"{number}={address}" for number, address in members),
        BOOTSTRAP: "true" if members else "false",
        JOIN: "false" if members else "true",
    }
    if members:
        data[OPENED_MS] = str(now_ms)
    return _config_map(blueprint, data)


def build_closed_founding(blueprint: Blueprint, cluster_id: str) -> Object:
    """For ever: the ensemble of this id exists, and empty disks wait to be added to it."""
    return _config_map(
        blueprint, {MEMBERS: "", BOOTSTRAP: "false", JOIN: "true", CLUSTER_ID: cluster_id}
    )


def _config_map(blueprint: Blueprint, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": blueprint.metadata(blueprint.names.founding_config, component="founding"),
        "data": data,
    }
