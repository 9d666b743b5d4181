"""Members of releases that do not understand each other must never meet, nor one meet a log it cannot read.

A release reads its own *feature level* of log and snapshots, and those before it. Members one level apart
work together. What all members can read may be written, so a level that was once common is in use for ever.
Two looks: at the version that the spec asks for, before anything is touched, and at what the first pod
of a new template says of itself.
"""

import re
from typing import Final

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.observe.snapshot import Pod

LEVELS_APART_MAX: Final = 1
"""Nodes refuse to speak to others that are further away."""
VERSION: Final = re.compile(r"^v?(\d+)\.(\d+)\.\d+")


def level_in_use(facts: Facts, but: str = "") -> int:
    """The highest level that may have been written; 0 when nobody has said. `but` is a pod left out.

    Nodes tell what all members can read, as far as they hear them. Beside that counts what the status says
    was common before, and what all others can read: they have been together without that pod.
    """
    snapshot = facts.snapshot
    nodes = [pod.node for pod in snapshot.pods if pod.node is not None and pod.name != but]
    told = [node.ensemble_feature_level for node in nodes]
    others = [node.feature_level for node in nodes if node.state == "member"]
    complete = len(others) == len([pod for pod in snapshot.pods if pod.name != but])
    common = min(others) if others and complete and but else 0
    return max(snapshot.remembered.feature_level, common, *told, 0)


def skewed_pod(facts: Facts, target: str) -> tuple[Pod, str] | None:
    """A pod of this revision that must not work beside the others, and why."""
    pods = [pod for pod in facts.snapshot.pods if pod.node is not None and not pod.terminating]
    levels = {pod.name: pod.node.feature_level for pod in pods if pod.node is not None}
    for pod in pods:
        level = levels[pod.name]
        if pod.revision != target or not level:
            continue
        used = level_in_use(facts, but=pod.name)
        if level < used:
            return pod, f"it reads feature level {level} only, and level {used} is in use"
        for name, other in levels.items():
            if other and abs(level - other) > LEVELS_APART_MAX:
                return pod, f"its feature level is {level}, and that of {name} is {other}"
    return None


def refuse_version(facts: Facts, target: str) -> Plan | None:
    """What the spec asks for is too far from what members run. Nothing has been touched yet."""
    wanted = _numbers(facts.desired.version)
    if target != facts.desired.revision or wanted is None:
        return None
    for pod in facts.snapshot.pods:
        runs = pod.node.version if pod.node is not None and pod.revision != target else ""
        here = _numbers(runs)
        if here is None or _are_neighbours(here, wanted):
            continue
        return wait(
            "VersionSkew",
            f"{pod.name} runs version {runs}, and {facts.desired.version} is more than one minor "
            "version away: go there one minor version at a time, or, if the image's tag is no "
            "version of RaftKeeper, give the version in spec.version",
            f"{pod.name} runs {runs}",
            target=pod.name,
        )
    return None


def _numbers(version: str) -> tuple[int, int] | None:
    found = VERSION.match(version)
    return (int(found[1]), int(found[2])) if found else None


def _are_neighbours(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """As the rule of spec.version has it: what follows the last minor of a major is not known."""
    if one[0] != other[0]:
        return abs(one[0] - other[0]) <= 1
    return abs(one[1] - other[1]) <= 1
