"""The pods of a cluster: one template for all pools, and what a pool adds to it.

The revision is a digest of the common template, so that all pools have the same one, and a template that
is kept for a rollback serves every pool.
"""

import copy
from dataclasses import dataclass
from typing import Any, Final

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import (
    ADMIN_PORT,
    CLIENT_PORT,
    CLIENT_TLS_PORT,
    HTTP_PORT,
    PEER_PORT,
    pool_label,
    selector,
)
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.data_volumes import DATA_FOLDER, data_mounts
from raftkeeper_operator.build.founding import OPTIONAL, VARIABLES
from raftkeeper_operator.build.node_config import (
    CLIENT_TLS_FOLDER,
    CONFIG_FILE,
    CONFIG_FOLDER,
    PEER_TLS_FOLDER,
    TOKEN_FILE,
    TOKEN_FOLDER,
    digest,
    node_config_name,
)
from raftkeeper_operator.build.overlay import NODE_CONTAINER, lay_over
from raftkeeper_operator.build.pod_security import container_security, pod_security
from raftkeeper_operator.build.restore import add_restore

SECRET_MODE: Final = 0o440
TERMINATION_SECONDS: Final = 60
"""A node hands over and says goodbye within milliseconds; a snapshot at exit may take longer."""
TEMPORARY_BYTES: Final = "64Mi"
ZONE_VARIABLE: Final = "RAFTKEEPER__ENSEMBLE__ZONE"
HOST_LABEL: Final = "kubernetes.io/hostname"
CLIENT_PORT_NAMES: Final = {CLIENT_PORT: "client", CLIENT_TLS_PORT: "client-tls"}
"""By which the client Service finds each port of a pod: those of one that lacks it do not count for it."""

STARTUP_SECONDS_MAX: Final = 600
"""The health port opens before the log is replayed, so this is for slow disks and volumes only."""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """The template that a spec leads to."""

    revision: str
    template: Object
    """As it goes to any pool by `for_pool`."""
    ignored: tuple[str, ...]
    """Paths of the overlay that belong to the operator."""


def build_pod_template(blueprint: Blueprint) -> PodTemplate:
    """The one that the spec leads to."""
    annotations = {labels.RESTART: blueprint.restart} if blueprint.restart else {}
    own: Object = {
        "metadata": {
            "labels": {
                **selector(blueprint.name),
                labels.NAME: labels.APPLICATION,
                labels.INSTANCE: blueprint.name,
                labels.MANAGED_BY: labels.MANAGER,
                labels.CLUSTER_UID: blueprint.uid,
            },
            "annotations": annotations,
        },
        "spec": _pod_spec(blueprint),
    }
    template, ignored = lay_over(own, blueprint.spec.pod_template)
    return PodTemplate(digest(template), template, ignored)


def node_container(body: Object) -> Object:
    """The node's container in a template, or in a pod made from one; empty where there is none."""
    containers = (body.get("spec") or {}).get("containers") or []
    return next((each for each in containers if each.get("name") == NODE_CONTAINER), {})


def for_pool(blueprint: Blueprint, template: Object, revision: str, zone: str | None) -> Object:
    """The template as the StatefulSet of a zone has it."""
    made = copy.deepcopy(template)
    metadata, spec = made["metadata"], made["spec"]
    metadata["labels"][labels.POOL] = pool_label(zone)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), labels.REVISION: revision}
    if zone is not None:
        _pin(spec, blueprint, zone)
        for container in spec["containers"]:
            if container["name"] == NODE_CONTAINER:
                container["env"].append({"name": ZONE_VARIABLE, "value": zone})
    if blueprint.restore is not None:
        add_restore(spec, blueprint, blueprint.restore, _environment(blueprint))
    return made


def _pin(spec: Object, blueprint: Blueprint, zone: str) -> None:
    """To a zone, whatever else the overlay asks of nodes."""
    placement = blueprint.spec.placement
    in_zone = {"key": placement.topology_key, "operator": "In", "values": [zone]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    if placement.requires_zones:
        required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
        # Terms are alternatives, so each of them has to say it.
        for term in required.setdefault("nodeSelectorTerms", [{}]):
            term.setdefault("matchExpressions", []).append(in_zone)
        return
    affinity.setdefault("preferredDuringSchedulingIgnoredDuringExecution", []).append(
        {"weight": 100, "preference": {"matchExpressions": [in_zone]}}
    )


def _pod_spec(blueprint: Blueprint) -> Object:
    spec: Object = {
        "serviceAccountName": blueprint.names.service_account,
        "automountServiceAccountToken": False,
        # Variables of Services would begin with RAFTKEEPER_ where a Service has that name.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "securityContext": pod_security(),
        "affinity": _affinity(blueprint),
    }
    if not blueprint.spec.placement.zones:
        spec["topologySpreadConstraints"] = [_spread(blueprint)]
    spec["containers"] = [_node_container(blueprint)]
    spec["volumes"] = _volumes(blueprint)
    return {key: value for key, value in spec.items() if value != {}}


def _affinity(blueprint: Blueprint) -> Object:
    policy = blueprint.spec.placement.node_anti_affinity
    term = {
        "topologyKey": HOST_LABEL,
        "labelSelector": {"matchLabels": selector(blueprint.name)},
    }
    if policy == "Required":
        return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    if policy == "Preferred":
        preferred = {"weight": 100, "podAffinityTerm": term}
        return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}
    return {}


def _spread(blueprint: Blueprint) -> Object:
    placement = blueprint.spec.placement
    return {
        "maxSkew": 1,
        "topologyKey": placement.topology_key,
        "whenUnsatisfiable": "DoNotSchedule" if placement.requires_zones else "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(blueprint.name)},
        # A zone that is down does not count, or no pod could start anywhere until it is back.
        "nodeTaintsPolicy": "Honor",
    }


def _node_container(blueprint: Blueprint) -> Object:
    resources = {
        name: dict(amounts)
        for name, amounts in (
            ("requests", blueprint.spec.resources.requests),
            ("limits", blueprint.spec.resources.limits),
        )
        if amounts
    }
    return {
        "name": NODE_CONTAINER,
        "image": blueprint.image,
        "imagePullPolicy": blueprint.spec.image.pull_policy,
        "args": ["server", "--config", f"{CONFIG_FOLDER}/{CONFIG_FILE}"],
        "env": _environment(blueprint),
        "ports": _ports(blueprint),
        "startupProbe": _probe("/health/live", period=2, timeout=5, failures=STARTUP_SECONDS_MAX // 2),
        "livenessProbe": _probe("/health/live", period=10, timeout=5, failures=6),
        "readinessProbe": _probe("/health/ready", period=2, timeout=5, failures=2),
        "resources": resources,
        "securityContext": container_security(),
        "volumeMounts": [
            *data_mounts(blueprint),
            {"name": "temporary", "mountPath": "/tmp"},  # noqa: S108  # the pod's own
            {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "admin", "mountPath": TOKEN_FOLDER, "readOnly": True},
            {"name": "peer-tls", "mountPath": PEER_TLS_FOLDER, "readOnly": True},
        ]
        + (
            [{"name": "client-tls", "mountPath": CLIENT_TLS_FOLDER, "readOnly": True}]
            if blueprint.serves_tls
            else []
        ),
    }


def _environment(blueprint: Blueprint) -> list[Object]:
    environment: list[Object] = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {
            "name": "RAFTKEEPER__PEER__ADDRESS",
            "value": blueprint.names.peer_address("$(POD_NAME)"),
        },
        # The image names the mount itself; a variable outranks the file.
        {"name": "RAFTKEEPER__STORAGE__DATA_DIR", "value": DATA_FOLDER},
        *_tool_environment(blueprint),
    ]
    founding = blueprint.names.founding_config
    environment += [
        {"name": variable, "valueFrom": {"configMapKeyRef": _key_of(founding, key)}}
        for variable, key in VARIABLES.items()
    ]
    if digest_of := blueprint.spec.auth.super_digest:
        reference = {"name": digest_of.name, "key": digest_of.key}
        environment.append(
            {
                "name": "RAFTKEEPER__AUTH__SUPER_DIGEST",
                "valueFrom": {"secretKeyRef": reference},
            }
        )
    return environment


def _key_of(founding: str, key: str) -> Object:
    reference: Object = {"name": founding, "key": key}
    return reference | ({"optional": True} if key in OPTIONAL else {})


def _tool_environment(blueprint: Blueprint) -> list[Object]:
    """With these `kubectl exec POD -- raftkeeper admin …` needs no flags."""
    host = blueprint.names.pod_host("$(POD_NAME)")
    return [
        {"name": "RAFTKEEPER_ADMIN_ENDPOINTS", "value": f"{host}:{ADMIN_PORT}"},
        {"name": "RAFTKEEPER_ADMIN_TOKEN_FILE", "value": f"{TOKEN_FOLDER}/{TOKEN_FILE}"},
        {"name": "RAFTKEEPER_ADMIN_CA", "value": f"{PEER_TLS_FOLDER}/ca.crt"},
    ]


def _ports(blueprint: Blueprint) -> list[Object]:
    ports = {"peer": PEER_PORT, "admin": ADMIN_PORT, "http": HTTP_PORT}
    if blueprint.serves_tls:
        ports = {CLIENT_PORT_NAMES[CLIENT_TLS_PORT]: CLIENT_TLS_PORT, **ports}
    if blueprint.serves_plain:
        ports = {CLIENT_PORT_NAMES[CLIENT_PORT]: CLIENT_PORT, **ports}
    return [
        {"name": name, "containerPort": number, "protocol": "TCP"}
        for name, number in ports.items()
    ]


def _probe(path: str, *, period: int, timeout: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
        "successThreshold": 1,
    }


def _volumes(blueprint: Blueprint) -> list[Object]:
    volumes: list[Object] = [
        {"name": "temporary", "emptyDir": {"sizeLimit": TEMPORARY_BYTES}},
        {
            "name": "config",
            "configMap": {"name": node_config_name(blueprint), "defaultMode": 0o444},
        },
        _secret("admin", blueprint.names.admin_secret),
        _secret("peer-tls", blueprint.peer_tls_secret),
    ]
    if blueprint.serves_tls:
        volumes.append(_secret("client-tls", blueprint.client_tls_secret))
    return volumes


def _secret(volume: str, name: str) -> dict[str, Any]:
    return {"name": volume, "secret": {"secretName": name, "defaultMode": SECRET_MODE}}
