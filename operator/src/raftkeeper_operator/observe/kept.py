"""What the operator keeps in ConfigMaps: the founding, and templates for a rollback."""

import json
from collections.abc import Mapping
from typing import Any

from raftkeeper_operator.build.demands import demands_of
from raftkeeper_operator.build.founding import (
    BOOTSTRAP,
    CLUSTER_ID,
    MEMBERS,
    OPENED_MS,
    RECOVERY,
    UNINFORMED,
)
from raftkeeper_operator.build.pod_template import PodTemplate
from raftkeeper_operator.observe.fields import Object, part, version_of
from raftkeeper_operator.observe.snapshot import Founding, RecoveryOrder, Revisions

GOOD, GOOD_LEVEL = "good", "goodFeatureLevel"
REJECTED, WHY_REJECTED = "rejected", "whyRejected"
TEMPLATE_PREFIX = "template-"
"""Keys of the templates, as JSON: `template-<revision>`."""


def read_founding(body: Mapping[str, Any] | None) -> Founding | None:
    """None when there is no ConfigMap: no pod has been started for this cluster."""
    if body is None:
        return None
    data = part(body, "data") or {}
    opened = str(data.get(OPENED_MS) or "")
    return Founding(
        open=data.get(BOOTSTRAP) == "true",
        resource_version=version_of(body),
        members=str(data.get(MEMBERS) or ""),
        opened_ms=int(opened) if opened.isdecimal() else 0,
        cluster_id=str(data.get(CLUSTER_ID) or ""),
        order=RecoveryOrder.parse(str(data.get(RECOVERY) or "")),
        uninformed=frozenset(str(data.get(UNINFORMED) or "").split(",")) - {""},
    )


def read_revisions(body: Mapping[str, Any] | None, wanted: PodTemplate | None = None) -> Revisions:
    """Nothing is known when there is no ConfigMap. `wanted` is the template that the spec leads to."""
    data = part(body or {}, "data") or {}
    good, level = str(data.get(GOOD) or ""), str(data.get(GOOD_LEVEL) or "")
    kept = templates_of(body)
    all_of_them = dict(kept) if wanted is None else {**kept, wanted.revision: wanted.template}
    demands = {revision: demands_of(template) for revision, template in all_of_them.items()}
    return Revisions(
        good=good,
        rejected=str(data.get(REJECTED) or ""),
        known=tuple(sorted(kept)),
        # With nothing to compare it with, no template asks for anything else.
        choosy=frozenset(
            revision
            for revision, asked in demands.items()
            if good in demands and asked != demands[good]
        ),
        good_level=int(level) if level.isdecimal() else 0,
        why_rejected=str(data.get(WHY_REJECTED) or ""),
        resource_version=version_of(body or {}),
    )


def templates_of(body: Mapping[str, Any] | None) -> dict[str, Object]:
    """The pod template of each revision that is kept; what cannot be read is not kept."""
    found: dict[str, Object] = {}
    for key, text in (part(body or {}, "data") or {}).items():
        if key.startswith(TEMPLATE_PREFIX):
            try:
                template = json.loads(text)
            except ValueError:
                continue
            if isinstance(template, dict):
                found[key.removeprefix(TEMPLATE_PREFIX)] = template
    return found


def config_maps_in(template: Mapping[str, Any]) -> set[str]:
    """Names of the ConfigMaps that a pod's volumes are made of."""
    volumes = part(template, "spec", "volumes") or []
    return {str(name) for volume in volumes if (name := part(volume, "configMap", "name"))}
