"""The volumes of a member's data: claims, and where its containers find them.

With a log volume of its own the folder's `log` is a mount below the folder. A mount point that the container
runtime has to make belongs to root, and so would the folder above it: so the folder is then mounted by
subPath, which the kubelet makes with the volume's own group and mode.
"""

from typing import Final

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import DATA_CLAIM, LOG_CLAIM
from raftkeeper_operator.api.storage import DataVolume, LogVolume
from raftkeeper_operator.build.blueprint import Blueprint, Object

DATA_MOUNT: Final = "/var/lib/raftkeeper"
FOLDER_NAME: Final = "data"
DATA_FOLDER: Final = f"{DATA_MOUNT}/{FOLDER_NAME}"
"""Below the volume's root, where some file systems put a folder lost+found."""
LOG_FOLDER: Final = f"{DATA_FOLDER}/log"


def data_mounts(blueprint: Blueprint) -> list[Object]:
    """Of every container that reads or writes a member's data."""
    if blueprint.spec.storage.log is None:
        return [{"name": DATA_CLAIM, "mountPath": DATA_MOUNT}]
    return [
        {"name": DATA_CLAIM, "mountPath": DATA_FOLDER, "subPath": FOLDER_NAME},
        {"name": LOG_CLAIM, "mountPath": LOG_FOLDER},
    ]


def claim_templates(
    blueprint: Blueprint, data_bytes: int | None = None, log_bytes: int | None = None
) -> list[Object]:
    """`…_bytes` are the sizes of new volumes where they are not the spec's."""
    storage = blueprint.spec.storage
    claims = [_claim(blueprint, DATA_CLAIM, storage.data, data_bytes)]
    if storage.log is not None:
        claims.append(_claim(blueprint, LOG_CLAIM, storage.log, log_bytes))
    return claims


def _claim(
    blueprint: Blueprint, name: str, volume: DataVolume | LogVolume, size: int | None
) -> Object:
    metadata: Object = {
        "name": name,
        "labels": {
            labels.NAME: labels.APPLICATION,
            labels.INSTANCE: blueprint.name,
            labels.CLUSTER: blueprint.name,
            labels.CLUSTER_UID: blueprint.uid,
        },
    }
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": str(size) if size else volume.size}},
    }
    if volume.storage_class_name:
        spec["storageClassName"] = volume.storage_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
