"""The init container that fills the first member's empty disk from a backup.

It is in a pool's template only while the ensemble is not founded, and no part of the revision: taking it
out again restarts nobody. The command itself does nothing on a disk that has data, or on a pod that
may not found the ensemble.
"""

import copy
from typing import Final

from raftkeeper_operator.api.backup import BackupSource
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.data_volumes import DATA_FOLDER, data_mounts
from raftkeeper_operator.build.overlay import NODE_CONTAINER
from raftkeeper_operator.build.places import place_of
from raftkeeper_operator.build.pod_security import container_security

RESTORE_CONTAINER: Final = "restore"


def add_restore(
    spec: Object, blueprint: Blueprint, source: BackupSource, environment: list[Object]
) -> None:
    """Put the container and what it needs into a pod's spec."""
    place = place_of(source, read_only=True)
    container: Object = {
        "name": RESTORE_CONTAINER,
        "image": blueprint.image,
        "imagePullPolicy": blueprint.spec.image.pull_policy,
        "args": [
            "restore",
            f"{place.address}/{source.file}",
            "--data-dir",
            DATA_FOLDER,
            "--founder-only",
        ],
        "env": [*environment, *place.environment],
        # As its node: where pods must name their resources, an init container must as well.
        "resources": _resources_of_the_node(spec),
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *data_mounts(blueprint),
            {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108  # the pod's own
            *place.mounts,
        ],
    }
    spec.setdefault("initContainers", []).insert(0, container)
    spec["volumes"] = [*spec["volumes"], *place.volumes]


def _resources_of_the_node(spec: Object) -> Object:
    found = (item for item in spec["containers"] if item["name"] == NODE_CONTAINER)
    return copy.deepcopy(next(found).get("resources") or {})
