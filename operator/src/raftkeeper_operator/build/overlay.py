"""Lays spec.podTemplate over a pod template, as a strategic merge does, and says what it left out.

What members' addresses, identity and health stand on is the operator's: an overlay that could change it
would break clusters in ways that nobody would look for here.
"""

from collections.abc import Iterable
from typing import Any, Final

from raftkeeper_operator.api.labels import GROUP
from raftkeeper_operator.api.serving import FORBIDDEN_POD_FIELDS, PodTemplateSpec
from raftkeeper_operator.build.blueprint import Object

NODE_CONTAINER: Final = "raftkeeper"

# How items of these lists are recognised; all other lists are replaced as a whole.
_MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}

_NODE_CONTAINER_OWNED: Final = frozenset(
    (
        "args command image imagePullPolicy livenessProbe ports readinessProbe resources "
        "startupProbe stdin tty workingDir"
    ).split()
)
_OWNED_LABELS: Final = (f"{GROUP}/", "app.kubernetes.io/")


def lay_over(template: Object, overlay: PodTemplateSpec) -> tuple[Object, tuple[str, ...]]:
    """The template with the overlay, and the paths of the overlay that were left out."""
    ignored: list[str] = []
    wanted = {
        "metadata": {
            "labels": _without_owned(overlay.metadata.labels, "metadata.labels", ignored),
            "annotations": _without_owned(
                overlay.metadata.annotations, "metadata.annotations", ignored
            ),
        },
        "spec": _allowed_spec(template["spec"], overlay.spec, ignored),
    }
    return _merge(template, wanted), tuple(sorted(ignored))


def _without_owned(values: dict[str, str], path: str, ignored: list[str]) -> dict[str, str]:
    owned = [key for key in values if key.startswith(_OWNED_LABELS)]
    ignored += [f"{path}[{key}]" for key in owned]
    return {key: value for key, value in values.items() if key not in owned}


def _allowed_spec(own: Object, wanted: Object, ignored: list[str]) -> Object:
    allowed = dict(wanted)
    for name in sorted(set(FORBIDDEN_POD_FIELDS) & set(allowed)):
        del allowed[name]
        ignored.append(f"spec.{name}")
    _drop_items(own, allowed, "volumes", "spec", ignored)
    for kind in ("containers", "initContainers"):
        if not isinstance(allowed.get(kind), list):
            continue
        mine = {item["name"]: item for item in own.get(kind, ())}
        allowed[kind] = [
            _allowed_container(mine[item.get("name")], item, ignored)
            if isinstance(item, dict) and item.get("name") in mine
            else item
            for item in allowed[kind]
        ]
    return allowed


def _allowed_container(own: Object, wanted: Object, ignored: list[str]) -> Object:
    allowed = dict(wanted)
    path = f"spec.containers[{own['name']}]"
    for name in sorted(_NODE_CONTAINER_OWNED & set(allowed)):
        del allowed[name]
        ignored.append(f"{path}.{name}")
    for kind in ("env", "volumeMounts"):
        _drop_items(own, allowed, kind, path, ignored)
    if isinstance(allowed.get("env"), list):
        settings = [item for item in allowed["env"] if _is_setting(item)]
        ignored += [f"{path}.env[{item['name']}]" for item in settings]
        allowed["env"] = [item for item in allowed["env"] if item not in settings]
    return allowed


def _is_setting(variable: Any) -> bool:
    """The node's settings come from keeper.extra, where they are checked."""
    return isinstance(variable, dict) and str(variable.get("name", "")).startswith("RAFTKEEPER__")


def _drop_items(own: Object, allowed: Object, kind: str, path: str, ignored: list[str]) -> None:
    """Items of a list that the template has already are the operator's."""
    if kind not in allowed:
        return
    if not isinstance(allowed[kind], list):
        del allowed[kind]
        ignored.append(f"{path}.{kind}")
        return
    key = _MERGE_KEYS[kind]
    taken = {item[key] for item in own.get(kind, ())}
    kept = []
    for item in allowed[kind]:
        if isinstance(item, dict) and item.get(key) in taken:
            ignored.append(f"{path}.{kind}[{item[key]}]")
        else:
            kept.append(item)
    allowed[kind] = kept


def _merge(base: Any, over: Any, name: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {
            key: _merge(base.get(key), over[key], key) if key in over else base[key]
            for key in _in_order(base, over)
        }
    if isinstance(base, list) and isinstance(over, list) and name in _MERGE_KEYS:
        return _merge_items(base, over, _MERGE_KEYS[name])
    return over


def _merge_items(base: list[Any], over: list[Any], key: str) -> list[Any]:
    found = {item[key]: item for item in over if isinstance(item, dict) and key in item}
    merged = [_merge(item, found.pop(item[key])) if item[key] in found else item for item in base]
    taken = {item[key] for item in base}
    return merged + [item for item in over if not isinstance(item, dict) or item.get(key) not in taken]


def _in_order(*maps: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(key for each in maps for key in each))
