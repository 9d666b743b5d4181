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
RECOVERY: Final = "recovery"
UNINFORMED: Final = "recovery-uninformed"
"""UIDs of the pods that were started before the recovery was ordered."""

VARIABLES: Final = {
    "RAFTKEEPER__ENSEMBLE__MEMBERS": MEMBERS,
    "RAFTKEEPER__ENSEMBLE__BOOTSTRAP": BOOTSTRAP,
    "RAFTKEEPER__ENSEMBLE__JOIN": JOIN,
    "RAFTKEEPER__ENSEMBLE__RECOVERY": RECOVERY,
}
"""Which variable of a node is which key."""

OPTIONAL: Final = frozenset({RECOVERY})
"""Keys that the ConfigMaps of older operators do not have."""


def build_founding(
    blueprint: Blueprint,
    members: tuple[tuple[int, str], ...],
    now_ms: int,
    recovery: str = "",
) -> Object:
    """Open for these members (id and peer address); closed when there are none."""
    data = {
        MEMBERS: ",".join(f"{number}={address}" for number, address in members),
        BOOTSTRAP: "true" if members else "false",
        JOIN: "false" if members else "true",
        RECOVERY: recovery,
    }
    if members:
        data[OPENED_MS] = str(now_ms)
    return _config_map(blueprint, data)


def build_closed_founding(blueprint: Blueprint, cluster_id: str, recovery: str = "") -> Object:
    """For ever: the ensemble of this id exists, and empty disks wait to be added to it."""
    return _config_map(
        blueprint,
        {
            MEMBERS: "",
            BOOTSTRAP: "false",
            JOIN: "true",
            CLUSTER_ID: cluster_id,
            RECOVERY: recovery,
        },
    )


def build_ordered_founding(
    blueprint: Blueprint, cluster_id: str, recovery: str, uninformed: tuple[str, ...]
) -> Object:
    """As it is closed, and with the recovery that every container obeys that starts from now on."""
    made = build_closed_founding(blueprint, cluster_id, recovery)
    made["data"][UNINFORMED] = ",".join(uninformed)
    return made


def _config_map(blueprint: Blueprint, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": blueprint.metadata(blueprint.names.founding_config, component="founding"),
        "data": data,
    }
