"""The operator's roles, as its chart has them, and which right a request needs."""

import re
from pathlib import Path
from typing import TypeAlias

import yaml
from tests.fake_api.objects import Key

from raftkeeper_operator.clients import resources

TEMPLATE = Path(__file__).parents[3] / "charts/raftkeeper-operator/templates/_names.tpl"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_GROUPS = {resource.plural: resource.group for resource in resources.ALL}

Right: TypeAlias = tuple[str, str]
"""group/resource or group/resource/subresource, and a verb."""


def granted(name: str) -> dict[str, set[str]]:
    """Verbs by group/resource, of a list of rules in the chart's templates."""
    text = TEMPLATE.read_text(encoding="utf-8")
    block = re.search(rf'define "{name}" -}}}}\n(.*?)\n{{{{- end', text, re.DOTALL)
    assert block
    verbs: dict[str, set[str]] = {}
    for rule in yaml.safe_load(block[1]):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                verbs.setdefault(f"{group}/{resource}", set()).update(rule["verbs"])
    return verbs


def all_granted() -> frozenset[Right]:
    """Of both lists, for clusters' namespaces and for what belongs to none."""
    lists = [granted("operator.rules"), granted("operator.clusterRules")]
    return frozenset(
        (resource, verb) for rules in lists for resource, verbs in rules.items() for verb in verbs
    )


def needed(method: str, key: Key, part: str, *, watch: bool, applies_new: bool) -> set[Right]:
    """What the real server's authorizer would ask for."""
    plural, _, name = key
    resource = f"{_GROUPS[plural]}/{plural}" + (f"/{part}" if part else "")
    if method == "GET":
        verb = "get" if name else "list"
        return {(resource, "watch" if watch else verb)}
    found = {(resource, VERBS[method])}
    # An apply that makes the object is a creation as well.
    return found | ({(resource, "create")} if applies_new else set())
