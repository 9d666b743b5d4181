"""The Job that carries out a RaftKeeperBackup. Its result is in its pod's termination message."""

import hashlib
from typing import Final

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.backup import BackupSpec
from raftkeeper_operator.api.names import ADMIN_PORT
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.node_config import PEER_TLS_FOLDER, TOKEN_FILE, TOKEN_FOLDER
from raftkeeper_operator.build.places import Place, place_of
from raftkeeper_operator.build.pod_template import node_container
from raftkeeper_operator.build.pod_security import container_security, pod_security

BACKUP_COMPONENT: Final = "backup"
CONTAINER: Final = "backup"
RESULT_FILE: Final = "/dev/termination-log"
"""Kubernetes takes the end of this file, 4 KiB at most, as the container's last words."""
RETRIES_MAX: Final = 2
"""A member may be restarting; whatever fails three times fails for a reason."""
KEPT_SECONDS: Final = 86_400
"""The Job and its log stay for so long after its end; its result must have been read by then."""
REMOVAL_KEPT_SECONDS: Final = 3_600
"""A removal that failed is tried again when its Job is gone."""
REMOVAL_SECONDS: Final = 600
TAKEN_OVER: Final = ("imagePullSecrets", "nodeSelector", "tolerations")
"""Of the members' pods: where an image can be had and a pod may run, a backup's can too."""
NAME_CHARACTERS_MAX: Final = 52
"""A Job's name is a label of its pods, with a suffix."""


def job_name(backup: str) -> str:
    """Of a backup's Job."""
    return _name(backup, "backup")


def removal_name(backup: str) -> str:
    """Of the Job that deletes its file."""
    return _name(backup, "removal")


def _name(backup: str, what: str) -> str:
    """The backup's own name; with a digest where it is too long for a Job, or has dots in it."""
    name = f"{backup}-{what}"
    if len(name) <= NAME_CHARACTERS_MAX and "." not in name:
        return name
    short = hashlib.sha256(backup.encode()).hexdigest()[:8]
    kept = backup.replace(".", "-")[: NAME_CHARACTERS_MAX - len(what) - len(short) - 2]
    return f"{kept}-{short}-{what}"


def build_backup_job(
    blueprint: Blueprint,
    template: Object,
    backup: str,
    uid: str,
    spec: BackupSpec,
    pods: tuple[str, ...],
) -> Object:
    """`template` is one that members run well with, `pods` are those of the members; the command itself
    asks a follower first.
    """
    place = place_of(spec.destination)
    return _job(
        blueprint,
        (backup, uid, job_name(backup)),
        max(1, spec.timeout_ms // 1_000),
        KEPT_SECONDS,
        _pod_spec(blueprint, template, _arguments(blueprint, place.address, backup, pods), place),
    )


def build_removal_job(
    blueprint: Blueprint, template: Object, backup: str, uid: str, spec: BackupSpec
) -> Object:
    """Deletes the file of a backup. That it is gone already is no error."""
    place = place_of(spec.destination)
    arguments = ["backups", "delete", f"{place.address}/{file_name(backup)}"]
    return _job(
        blueprint,
        (backup, uid, removal_name(backup)),
        REMOVAL_SECONDS,
        REMOVAL_KEPT_SECONDS,
        _pod_spec(blueprint, template, arguments, place),
    )


def file_name(backup: str) -> str:
    """Of the file that a backup's Job writes."""
    return f"{backup}.snap"


def _job(
    blueprint: Blueprint,
    who: tuple[str, str, str],
    seconds: int,
    kept_seconds: int,
    pod_spec: Object,
) -> Object:
    backup, uid, name = who
    found = {
        **blueprint.owned(),
        labels.COMPONENT: BACKUP_COMPONENT,
        labels.BACKUP: backup[:63],
    }
    owner = {
        "apiVersion": labels.API_VERSION,
        "kind": "RaftKeeperBackup",
        "name": backup,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": blueprint.namespace,
            "labels": found,
            "ownerReferences": [owner],
        },
        "spec": {
            "backoffLimit": RETRIES_MAX,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": kept_seconds,
            "template": {"metadata": {"labels": found}, "spec": pod_spec},
        },
    }


def _pod_spec(blueprint: Blueprint, template: Object, arguments: list[str], place: Place) -> Object:
    names, node = blueprint.names, node_container(template)
    return {
        **{name: template["spec"][name] for name in TAKEN_OVER if template["spec"].get(name)},
        "serviceAccountName": names.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(),
        "containers": [
            {
                "name": CONTAINER,
                "image": node["image"],
                "imagePullPolicy": node["imagePullPolicy"],
                "args": arguments,
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
