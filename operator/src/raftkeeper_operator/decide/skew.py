"""Members of releases that do not understand each other must never meet, nor one meet a log it cannot read.

A release reads its own *feature level* of log and snapshots, and those before it. Members one level apart
work together. Once every member reads a higher one, the leader puts that in use, for ever: it is written then.
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

    Each node tells what the membership in its log says. The status remembers it while none can be asked.
    """
    snapshot = facts.snapshot
    nodes = {pod.name: pod.node for pod in snapshot.pods if pod.node is not None}
    told = [node.ensemble_feature_level for name, node in nodes.items() if name != but]
    return max(snapshot.remembered.feature_level, *told, 0)


def why_misfit(facts: Facts, pod: Pod) -> str:
    """Why this pod's release must not work beside the others; '' when it may, or has not told its level.

    The measure is the leader, whom a majority hears. Without one it is what is known to be in use: of pods
    that differ nobody could say which of them is the odd one.
    """
    level = pod.node.feature_level if pod.node is not None else 0
    if not level:
        return ""
    used, leader = level_in_use(facts, but=pod.name), _leading_pod(facts)
    if level < used:
        return f"it reads feature level {level} only, and level {used} is in use"
    measure = leader.node.feature_level if leader is not None and leader.node else used
    if measure and abs(level - measure) > LEVELS_APART_MAX:
        others = f"that of {leader.name}" if leader is not None else "the level in use"
        return f"its feature level is {level}, and {others} is {measure}"
    return ""


def skewed_pod(facts: Facts, target: str) -> tuple[Pod, str] | None:
    """A pod of this revision that must not work beside the others, and why."""
    for pod in facts.snapshot.pods:
        if pod.revision == target and not pod.terminating and (why := why_misfit(facts, pod)):
            return pod, why
    return None


def _leading_pod(facts: Facts) -> Pod | None:
    ensemble = facts.snapshot.ensemble
    leader = ensemble.member(ensemble.leader_id) if ensemble is not None else None
    return facts.pod_of(leader) if leader is not None else None


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
