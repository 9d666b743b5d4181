"""Sleep and wake: no pods, all volumes. A change of the membership is never part of it.

Waking is also what brings pods back that somebody took away by scaling a StatefulSet by hand.
"""

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import Plan, SetPoolReplicas, act, wait


def hibernate(facts: Facts) -> Plan | None:
    """Every pool to nothing, all of them at once: with the first the majority is on its way out."""
    if not facts.desired.hibernate:
        return None
    for pool in facts.snapshot.pools:
        if pool.replicas and not pool.deleting:
            return act(
                SetPoolReplicas(pool.name, 0, pool.resource_version),
                "Hibernating",
                f"the {pool.replicas} pods of {pool.name} stop; their volumes stay",
                pool.name,
            )
    if facts.snapshot.pods:
        going = ", ".join(pod.name for pod in facts.snapshot.pods)
        return wait("Hibernating", f"waiting until these pods have stopped: {going}")
    return wait("Hibernated", "the cluster sleeps; set hibernate to false to wake it")


def wake(facts: Facts) -> Plan | None:
    """A pool has fewer pods than members live in it: they come back, all at once."""
    needed = _needed_replicas(facts)
    for pool in facts.snapshot.pools:
        count = needed.get(pool.name, 0)
        if pool.replicas < count and not pool.deleting:
            return act(
                SetPoolReplicas(pool.name, count, pool.resource_version),
                "Waking",
                f"{pool.name} has {pool.replicas} pods and members up to {pool.name}-{count - 1}",
                pool.name,
            )
    return None


def _needed_replicas(facts: Facts) -> dict[str, int]:
    """How many pods each pool must have for its members to live.

    With a leader its word counts. Without one it is what the status remembers; and in a pool without any
    pods it is its volumes, for a status can be lost, and sleeping members have nobody else to name them.
    """
    snapshot = facts.snapshot
    members = snapshot.remembered.members
    if snapshot.ensemble is not None:
        members = snapshot.ensemble.members
    seats = [Seat.of(member.pod) for member in members]
    if snapshot.ensemble is None:
        asleep = {pool.name for pool in snapshot.pools if pool.replicas == 0}
        seats += [
            Seat(volume.pool, volume.ordinal)
            for volume in snapshot.volumes
            if volume.pool in asleep and not volume.retired_ms and not volume.terminating
        ]
    needed: dict[str, int] = {}
    for seat in seats:
        needed[seat.pool] = max(needed.get(seat.pool, 0), seat.ordinal + 1)
    return needed
