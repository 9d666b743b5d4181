"""How far Kubernetes has come with a pod before its containers can run: a node, volumes, network.

Whatever goes wrong until then is not the containers' doing. Pure; made from the pod and the nodes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raftkeeper_operator.observe.fields import condition, milliseconds, part

WORDS_CHARACTERS_MAX = 300
"""Of the scheduler's words: it has a clause for each kind of node."""
SET_UP = "PodReadyToStartContainers"
"""The kubelet's condition: volumes are mounted, the network is there. Older kubelets do not tell."""


@dataclass(frozen=True, slots=True)
class Host:
    """A node of Kubernetes."""

    ready: bool
    since_ms: int
    """When it became ready, or ceased to be."""


def why_unschedulable(body: Mapping[str, Any]) -> str:
    """The scheduler's words, when no node takes the pod."""
    found = condition(body, "PodScheduled")
    if found.get("status") == "False":
        words = found.get("message") or found.get("reason") or "Unschedulable"
        return str(words)[:WORDS_CHARACTERS_MAX]
    return ""


def why_held_up(body: Mapping[str, Any], hosts: Mapping[str, Host] | None) -> str:
    """Why its containers have not begun, or have ended, through no fault of theirs; '' when they could.

    `hosts` is None when nodes may not be read: then nothing is said of them.
    """
    if part(body, "status", "phase") in {"Succeeded", "Failed"}:
        return ""
    place = str(part(body, "spec", "nodeName") or "")
    if not place:
        return "it has no node yet"
    if hosts is not None and place not in hosts:
        return f"its node {place} is gone"
    if hosts is not None and not hosts[place].ready:
        return f"its node {place} is not ready"
    if condition(body, SET_UP).get("status") == "False":
        return f"its node {place} has not brought up its volumes and network"
    return ""


def tried_since_ms(body: Mapping[str, Any], hosts: Mapping[str, Host] | None) -> int:
    """Since when its containers have had all they need from Kubernetes; 0 when they have not, or when it
    is not known.
    """
    if why_held_up(body, hosts):
        return 0
    host = (hosts or {}).get(str(part(body, "spec", "nodeName") or ""))
    moments = [
        milliseconds(condition(body, kind).get("lastTransitionTime"))
        for kind in ("PodScheduled", SET_UP)
    ]
    return max([*moments, host.since_ms if host is not None else 0])
