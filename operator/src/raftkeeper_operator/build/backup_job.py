"""The Job that carries out a RaftKeeperBackup. Its result is in its pod's termination message."""

import hashlib
from typing import Final

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.backup import BackupSpec
from raftkeeper_operator.api.names import ADMIN_PORT
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.node_config import PEER_TLS_FOLDER, TOKEN_FILE, TOKEN_FOLDER
from raftkeeper_operator.build.places import place_of
from raftkeeper_operator.build.pod_security import container_security, pod_security

BACKUP_COMPONENT: Final = "backup"
CONTAINER: Final = "backup"
RESULT_FILE: Final = "/dev/termination-log"
"""Kubernetes takes the end of this file, 4 KiB at most, as the container's last words."""
RETRIES_MAX: Final = 2
"""A member may be restarting; whatever fails three times fails for a reason."""
KEPT_SECONDS: Final = 3_600
"""The Job and its log stay for so long after its end. The result is in the backup's status by then."""
NAME_CHARACTERS_MAX: Final = 52
"""A Job's name is a label of its pods, with a suffix."""


def job_name(backup: str) -> str:
    """Of a backup's Job: its own name, cut with a digest where it is too long."""
    name = f"{backup}-backup".replace(".", "-")
    if len(name) <= NAME_CHARACTERS_MAX:
        return name
    return f"{name[: NAME_CHARACTERS_MAX - 9]}-{hashlib.sha256(backup.encode()).hexdigest()[:8]}"


def build_backup_job(
    blueprint: Blueprint, backup: str, uid: str, spec: BackupSpec, pods: tuple[str, ...]
) -> Object:
    """`pods` are those of the members, the best to ask first: followers before the leader."""
    found = {
        **blueprint.owned(),
        labels.COMPONENT: BACKUP_COMPONENT,
        labels.BACKUP: backup[:63],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(backup),
            "namespace": blueprint.namespace,
            "labels": found,
            "ownerReferences": [
                {
                    "apiVersion": labels.API_VERSION,
                    "kind": "RaftKeeperBackup",
                    "name": backup,
                    "uid": uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "backoffLimit": RETRIES_MAX,
            "activeDeadlineSeconds": max(1, spec.timeout_ms // 1_000),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": found},
                "spec": _pod_spec(blueprint, backup, spec, pods),
            },
        },
    }


def _pod_spec(
    blueprint: Blueprint, backup: str, spec: BackupSpec, pods: tuple[str, ...]
) -> Object:
    place = place_of(spec.destination)
    names = blueprint.names
    return {
        "serviceAccountName": names.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(),
        "containers": [
            {
                "name": CONTAINER,
                "image": blueprint.image,
                "imagePullPolicy": blueprint.spec.image.pull_policy,
                "args": _arguments(blueprint, place.address, backup, pods),
                "env": list(place.environment),
                "terminationMessagePath": RESULT_FILE,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": _resources(blueprint),
                "securityContext": container_security(),
                "volumeMounts": [
                    {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108  # the pod's own
                    {"name": "admin", "mountPath": TOKEN_FOLDER, "readOnly": True},
                    {"name": "authority", "mountPath": PEER_TLS_FOLDER, "readOnly": True},
                    *place.mounts,
                ],
            }
        ],
        "volumes": [
            {"name": "temporary", "emptyDir": {}},
            {"name": "admin", "secret": {"secretName": names.admin_secret, "defaultMode": 0o440}},
            {
                "name": "authority",
                "secret": {
                    "secretName": blueprint.peer_tls_secret,
                    "defaultMode": 0o440,
                    # The members' key is no business of a backup.
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                },
            },
            *place.volumes,
        ],
    }


def _resources(blueprint: Blueprint) -> Object:
    """The snapshot is read whole, so it takes as much memory as a member's state does."""
    resources: Object = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    memory = blueprint.spec.resources.limits.get("memory")
    return resources | ({"limits": {"memory": memory}} if memory else {})


def _arguments(
    blueprint: Blueprint, address: str, backup: str, pods: tuple[str, ...]
) -> list[str]:
    names = blueprint.names
    endpoints = ",".join(f"{names.pod_host(pod)}:{ADMIN_PORT}" for pod in pods)
    return [
        "backup",
        "--endpoints",
        endpoints,
        "--token-file",
        f"{TOKEN_FOLDER}/{TOKEN_FILE}",
        "--ca",
        f"{PEER_TLS_FOLDER}/ca.crt",
        "--to",
        address,
        "--name",
        backup,
        "--result",
        RESULT_FILE,
    ]
