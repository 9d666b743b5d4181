"""The PodDisruptionBudget: how many voters a drain of nodes must leave alone."""

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import selector
from raftkeeper_operator.build.blueprint import Blueprint, Object


def build_disruption_budget(blueprint: Blueprint, min_available: int) -> Object:
    """`min_available` comes from the committed voters, not from the spec.

    It selects the pods that vote, by the label that the operator gives them: one that has just started and
    is not known yet counts as missing. (With maxUnavailable Kubernetes would count the replicas of the
    StatefulSets instead, learners and pods that cannot start among them.) Pods that are not ready may
    always be evicted: a drain must not wait for one that is broken.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": blueprint.metadata(blueprint.names.disruption_budget),
        "spec": {
            "minAvailable": min_available,
            "selector": {"matchLabels": {**selector(blueprint.name), labels.VOTER: "true"}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
