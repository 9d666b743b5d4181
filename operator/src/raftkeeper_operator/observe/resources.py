"""Which ordinary objects are missing, different or no longer wanted; whether a pool is as it should be."""

from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import pool_of_label
from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.build.credentials import build_authority_bundle
from raftkeeper_operator.build.node_config import node_config_name
from raftkeeper_operator.build.ordinary import unwanted_objects, wanted_objects
from raftkeeper_operator.build.stateful_set import build_stateful_set
from raftkeeper_operator.clients.resources import (
    CONFIG_MAPS,
    PODS,
    SECRETS,
    STATEFUL_SETS,
    resource_of,
)
from raftkeeper_operator.observe.credentials import decode, token_of
from raftkeeper_operator.observe.differences import contains, was_applied
from raftkeeper_operator.observe.fields import Object, annotation, label, name_of, part, version_of
from raftkeeper_operator.observe.kept import config_maps_in, templates_of
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.snapshot import Resource
from raftkeeper_operator.tls.rotation import CERTIFICATE, trusted

APPLIED_MAX = 4096
"""Objects whose last apply is remembered; with more than that they are compared anew."""


class Applied:
    """What the API server made of our applies: it may write a value in another way than we do.

    An object that differs, and is still in the version that our own apply of the same content gave it,
    differs in spelling only. Forgotten at the end of the process: then it is applied once more.
    """

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}

    def remember(self, answer: Mapping[str, Any]) -> None:
        """The answer to an apply."""
        if len(self._versions) >= APPLIED_MAX:
            self._versions.clear()
        self._versions[str(part(answer, "metadata", "uid"))] = version_of(answer)

    def is_untouched(self, actual: Mapping[str, Any]) -> bool:
        """Nobody has changed it since our last apply."""
        uid = str(part(actual, "metadata", "uid"))
        return bool(version_of(actual)) and self._versions.get(uid) == version_of(actual)


def is_as_wanted(desired: Object, actual: Object | None, applied: Applied) -> bool:
    """It is there, and nothing of ours is missing or left over."""
    if actual is None or not was_applied(desired, actual):
        return False
    # What comes in a list does not say what it is.
    content = {key: value for key, value in desired.items() if key not in {"apiVersion", "kind"}}
    return contains(actual, content) or applied.is_untouched(actual)


def find_wanted(blueprint: Blueprint, objects: Objects) -> tuple[Object, ...]:
    """The ordinary objects there should be, the CA's bundle for clients among them."""
    wanted = wanted_objects(blueprint)
    authority = decode(objects.get(SECRETS, blueprint.names.ca_secret))
    if blueprint.issues_certificates and authority.get(CERTIFICATE):
        wanted = (*wanted, build_authority_bundle(blueprint, trusted(authority)))
    return wanted


def find_resources(
    blueprint: Blueprint, objects: Objects, applied: Applied
) -> tuple[Resource, ...]:
    """Those that need doing, in the order in which they are to be done."""
    found = []
    admin = objects.get(SECRETS, blueprint.names.admin_secret)
    if not token_of(admin):
        found.append(Resource(SECRETS.kind, blueprint.names.admin_secret, missing=admin is None))
    for desired in find_wanted(blueprint, objects):
        kind, name = desired["kind"], name_of(desired)
        if kind in objects.absent_kinds or kind in objects.unreadable:
            continue
        actual = objects.get(resource_of(kind), name)
        if not is_as_wanted(desired, actual, applied):
            found.append(Resource(kind, name, missing=actual is None))
    for unwanted in unwanted_objects(blueprint):
        kind, name = unwanted["kind"], name_of(unwanted)
        if objects.get(resource_of(kind), name) is not None:
            found.append(Resource(kind, name, unwanted=True))
    found += [
        Resource(CONFIG_MAPS.kind, name, unwanted=True) for name in _left_over(blueprint, objects)
    ]
    return tuple(found)


def is_current(blueprint: Blueprint, template: Object, stateful_set: Object) -> bool:
    """What can be changed of a pool beside replicas and template is as it should be."""
    zone = pool_of_label(label(stateful_set, labels.POOL))
    wanted = build_stateful_set(blueprint, zone, replicas=0, template=template, revision="")
    digest = annotation(wanted, labels.POOL_DIGEST)
    return annotation(stateful_set, labels.POOL_DIGEST) == digest


def _left_over(blueprint: Blueprint, objects: Objects) -> list[str]:
    """Nodes' configurations that no template, pod or pool refers to any more."""
    revisions = objects.get(CONFIG_MAPS, blueprint.names.revisions_config)
    used = {node_config_name(blueprint)}
    for template in templates_of(revisions).values():
        used |= config_maps_in(template)
    for pod in objects.of(PODS).values():
        used |= config_maps_in(pod)
    for stateful_set in objects.of(STATEFUL_SETS).values():
        used |= config_maps_in(part(stateful_set, "spec", "template") or {})
    prefix = blueprint.names.node_config("")
    return sorted(
        name for name in objects.of(CONFIG_MAPS) if name.startswith(prefix) and name not in used
    )
