"""A pod before its containers run: who holds it up, and since when it has had all it needs."""

from typing import Any

import pytest

from raftkeeper_operator.observe.fields import milliseconds
from raftkeeper_operator.observe.infrastructure import Ground, read_node
from raftkeeper_operator.observe.placing import (
    Host,
    tried_since_ms,
    why_held_up,
    why_unschedulable,
)

T1, T2, T3 = (f"2026-01-01T00:0{minute}:00Z" for minute in (1, 2, 3))
UP = {"node1": Host(ready=True, since_ms=milliseconds(T1))}


def condition(kind: str, status: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


def pod(
    *conditions: dict[str, Any], place: str = "node1", phase: str = "Pending"
) -> dict[str, Any]:
    return {"spec": {"nodeName": place}, "status": {"phase": phase, "conditions": conditions}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (condition("PodScheduled", "False", reason="Unschedulable", message="0/3"), "0/3"),
        (condition("PodScheduled", "False", reason="SchedulingGated"), "SchedulingGated"),
        (condition("PodScheduled", "True"), ""),
    ],
)
def test_scheduler_says_why(found: dict[str, Any], words: str) -> None:
    """Its message; its reason where there is none."""
    assert why_unschedulable(pod(found, place="")) == words


@pytest.mark.parametrize(
    ("body", "hosts", "words"),
    [
        (pod(place=""), UP, "it has no node yet"),
        (pod(place="node9"), UP, "its node node9 is gone"),
        (pod(place="node9"), None, ""),
        (pod(), {"node1": Host(ready=False, since_ms=0)}, "its node node1 is not ready"),
        (
            pod(condition("PodReadyToStartContainers", "False")),
            UP,
            "its node node1 has not brought up its volumes and network",
        ),
        (pod(condition("PodReadyToStartContainers", "True")), UP, ""),
        (pod(), UP, ""),
        (pod(place="", phase="Failed"), UP, ""),
    ],
)
def test_whoever_holds_a_pod_up_is_named(
    body: dict[str, Any], hosts: dict[str, Host] | None, words: str
) -> None:
    """What is not known is no reason."""
    assert why_held_up(body, hosts) == words


def test_time_counts_from_the_last_thing_that_was_missing() -> None:
    """Node found, set up, and the node itself ready."""
    body = pod(
        condition("PodScheduled", "True", lastTransitionTime=T1),
        condition("PodReadyToStartContainers", "True", lastTransitionTime=T2),
    )
    assert tried_since_ms(body, UP) == milliseconds(T2)
    assert tried_since_ms(body, {"node1": Host(True, milliseconds(T3))}) == milliseconds(T3)
    assert tried_since_ms(body, None) == milliseconds(T2)
    assert tried_since_ms(body, {}) == 0


def test_nodes_that_may_not_be_read_are_unknown() -> None:
    """Not gone."""
    ready = condition("Ready", "True", lastTransitionTime=T1)
    node = {"metadata": {"name": "node1"}, "status": {"conditions": [ready]}}
    assert Ground((read_node(node),), known=True).states() == UP
    assert Ground().states() is None
