"""Sleep and wake: no pods, all volumes. A change of the membership is never part of it.

Waking is also what brings pods back that somebody took away by scaling a StatefulSet by hand.
"""

from collections.abc import Iterator

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Plan, SetPoolReplicas, act, wait


def hibernate(facts: Facts) -> Plan | None:
    """Every pool to nothing, all of them at once: with the first the majority is on its way out."""
    if not facts.desired.hibernate:
        return None
    plan = facts.first_possible(
        act(
            SetPoolReplicas(pool.name, 0, pool.resource_version),
            "Hibernating",
            f"the {pool.replicas} pods of {pool.name} stop; their volumes stay",
            pool.name,
        )
        for pool in facts.snapshot.pools
        if pool.replicas and not pool.deleting
    )
    if plan is not None:
        return plan
    if facts.snapshot.pods:
        going = ", ".join(pod.name for pod in facts.snapshot.pods)
        return wait("Hibernating", f"waiting until these pods have stopped: {going}")
    return wait("Hibernated", "the cluster sleeps; set hibernate to false to wake it")


def wake(facts: Facts) -> Plan | None:
    """A pool has fewer pods than members live in it: they come back, all at once."""
    return facts.first_possible(_sleepers(facts))


def _sleepers(facts: Facts) -> Iterator[Plan]:
    for pool in facts.snapshot.pools:
        homes = [seat.ordinal for seat in facts.homes if seat.pool == pool.name]
        count = max(homes, default=-1) + 1
        if pool.replicas < count and not pool.deleting:
            yield act(
                SetPoolReplicas(pool.name, count, pool.resource_version),
                "Waking",
                f"{pool.name} has {pool.replicas} pods, and members live up to {pool.name}-{count - 1}",
                pool.name,
            )
