"""The PodDisruptionBudget: how many members a drain of nodes may take at a time."""

from raftkeeper_operator.api.names import selector
from raftkeeper_operator.build.blueprint import Blueprint, Object


def build_disruption_budget(blueprint: Blueprint, max_unavailable: int) -> Object:
    """`max_unavailable` comes from the committed voters, not from the spec.

    Pods that are not ready may always be evicted: a drain must not wait for one that is broken.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": blueprint.metadata(blueprint.names.disruption_budget),
        "spec": {
            "maxUnavailable": max_unavailable,
            "selector": {"matchLabels": selector(blueprint.name)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
