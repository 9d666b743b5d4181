"""What a template asks of nodes: changes that matter to them, and those that do not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.build.clusters import cluster

from raftkeeper_operator.build.demands import demands_of
from raftkeeper_operator.build.pod_template import build_pod_template

TEMPLATE = build_pod_template(cluster()).template
Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> str:
    template = copy.deepcopy(TEMPLATE)
    change(template["spec"])
    return demands_of(template)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["containers"][0].update(image="other"),
        lambda spec: spec["containers"][0]["env"].append({"name": "A", "value": "b"}),
        lambda spec: spec["volumes"][1]["configMap"].update(name="x-config-other"),
        lambda spec: spec.update(terminationGracePeriodSeconds=90),
        lambda spec: spec.update(nodeSelector={}),
    ],
)
def test_what_no_node_looks_at_is_no_demand(change: Change) -> None:
    """Another image or setting fits wherever the one before did."""
    assert changed(change) == demands_of(TEMPLATE)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["containers"][0].update(resources={"requests": {"memory": "1Ti"}}),
        lambda spec: spec["containers"][0]["ports"][0].update(hostPort=2181),
        lambda spec: spec.update(nodeSelector={"disk": "fast"}),
        lambda spec: spec["affinity"].update(nodeAffinity={"required": []}),
        lambda spec: spec.update(tolerations=[{"key": "a"}]),
        lambda spec: spec.update(runtimeClassName="other"),
        lambda spec: spec["volumes"].append({"name": "a", "secret": {"secretName": "missing"}}),
        lambda spec: spec.update(initContainers=[{"resources": {"limits": {"cpu": "9"}}}]),
    ],
)
def test_what_decides_where_a_pod_can_run_is_a_demand(change: Change) -> None:
    """And volumes: one that is not there keeps the pod from starting."""
    assert changed(change) != demands_of(TEMPLATE)
