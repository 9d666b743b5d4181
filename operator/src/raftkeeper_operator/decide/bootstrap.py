"""From nothing to an ensemble, once. What was founded, or may have been, is never founded again.

The founding ConfigMap is created before any pod. It is open only if there was no volume of this name
before, or every one of them has been seen to be empty; it is closed for ever once a leader is known.
"""

from collections.abc import Iterator
from typing import Final

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import (
    AdoptVolume,
    CloseFounding,
    CreateFounding,
    CreatePool,
    DeletePod,
    OpenFounding,
    Plan,
    act,
    wait,
)
from raftkeeper_operator.observe.ensemble import Ensemble
from raftkeeper_operator.observe.snapshot import RecoveryOrder

MONITORING: Final = frozenset({"ServiceMonitor", "PrometheusRule"})
"""Kinds of objects that look on: no pod needs them."""
NOBODY: Final = "nobody:1"
"""An address that no pod has."""


def found(facts: Facts) -> Plan | None:
    """The founding ConfigMap: made, opened, closed."""
    founding = facts.snapshot.founding
    if founding is None:
        return _create_founding(facts)
    ensemble = facts.snapshot.ensemble
    if ensemble is None:
        return None
    if founding.open or not founding.cluster_id:
        return act(
            CloseFounding(ensemble.cluster_id, founding.resource_version, _fence(facts, ensemble)),
            "Founded",
            f"ensemble {ensemble.cluster_id} exists; from now on empty disks wait to be added",
        )
    return None


def _fence(facts: Facts, ensemble: Ensemble) -> str:
    """The recovery that this ensemble has been through. Where the order was lost with a former cluster of
    this name, the members still know its epoch; nobody's address recovers, so that older data are set aside.
    """
    if facts.order is not None:
        return facts.order.text
    epoch = ensemble.recovery_epoch
    return RecoveryOrder(epoch, NOBODY).text if epoch else ""


def _create_founding(facts: Facts) -> Plan:
    volumes = [volume.name for volume in facts.snapshot.volumes]
    members = [pod.name for pod in facts.snapshot.pods if pod.node and pod.node.member_id]
    if facts.cluster_id:
        why = f"ensemble {facts.cluster_id} was founded before"
    elif volumes or members:
        why = f"there is something to adopt: {', '.join(sorted(volumes + members))}"
    else:
        founders = _founders(facts)
        names = ", ".join(address for _, address in founders)
        return act(CreateFounding(founders), "Founding", f"these pods found the ensemble: {names}")
    recovery = facts.order.text if facts.order else ""
    return act(
        CreateFounding((), recovery), "Adopting", f"no pod may found an ensemble, because {why}"
    )


def _founders(facts: Facts) -> tuple[tuple[int, str], ...]:
    """A restored ensemble begins with the one pod that holds the backup."""
    seats = facts.wanted[:1] if facts.desired.restore else facts.wanted
    return tuple((place, facts.address(seat)) for place, seat in enumerate(seats, 1))


def create_pools(facts: Facts) -> Plan | None:
    """StatefulSets that are missing: at the beginning, for a new zone, with larger volumes, or because
    somebody deleted one from over its pods.
    """
    if plan := facts.first_possible(_missing_pools(facts)):
        return plan
    deleting = [pool.name for pool in facts.snapshot.pools if pool.deleting]
    if deleting:
        return wait("PoolDeleting", f"StatefulSets {', '.join(deleting)} are being deleted")
    return None


def _missing_pools(facts: Facts) -> Iterator[Plan]:
    snapshot = facts.snapshot
    inhabited = {pod.pool for pod in snapshot.pods} | {seat.pool for seat in facts.homes}
    for name in [*facts.sizes, *sorted(inhabited - facts.sizes.keys())]:
        if snapshot.pool(name) is not None:
            continue
        if name not in {pod.pool for pod in snapshot.pods} and _is_unprepared(facts):
            continue
        seats = [*facts.homes, *(Seat(pod.pool, pod.ordinal) for pod in snapshot.pods)]
        replicas = max((seat.ordinal + 1 for seat in seats if seat.pool == name), default=0)
        yield act(
            CreatePool(
                name,
                facts.zone_of_pool(name),
                replicas,
                _first_revision(facts),
                facts.desired.storage_bytes,
                facts.desired.log_bytes,
            ),
            "CreatingPool",
            f"StatefulSet {name} is missing; it begins with {replicas} pods",
            name,
        )


def _is_unprepared(facts: Facts) -> bool:
    """Something that first pods need is still to be made, or not as the spec has it: Services, Secrets,
    configuration, certificates, and the NetworkPolicy, for what is to be shut off must not be open first.
    """
    snapshot = facts.snapshot
    needed = [one for one in snapshot.resources if not one.unwanted and one.kind not in MONITORING]
    return bool(needed) or any(not certificate.covers_all for certificate in snapshot.certificates)


def _first_revision(facts: Facts) -> str:
    """A pool that joins others begins with their template: a rollout is a rollout's business."""
    revisions = {pool.revision for pool in facts.snapshot.pools}
    return revisions.pop() if len(revisions) == 1 else facts.desired.revision


def adopt(facts: Facts) -> Plan | None:
    """Volumes of a former cluster of this name become this one's.

    Either their pods turn out to be members, and are the ensemble; or all disks are empty, and then, and
    only then, may an ensemble be founded on them.
    """
    snapshot = facts.snapshot
    founding = snapshot.founding
    plan = facts.first_possible(
        act(
            AdoptVolume(volume.name, volume.uid),
            "Adopting",
            f"volume {volume.name} was retained by a former cluster of this name",
            volume.name,
        )
        for volume in snapshot.volumes
        if not volume.owned and not volume.terminating
    )
    if plan is not None:
        return plan
    if founding is None or facts.cluster_id or snapshot.ensemble is not None:
        return None
    if founding.open:
        return _restart_uninformed(facts, founding.opened_ms)
    return _open_if_all_is_empty(facts, founding.resource_version)


def _open_if_all_is_empty(facts: Facts, resource_version: str) -> Plan | None:
    snapshot = facts.snapshot
    waiting = {pod.name for pod in snapshot.pods if pod.node and pod.node.state == "waiting"}
    seats = {Seat(volume.pool, volume.ordinal).pod for volume in snapshot.volumes}
    seats |= {seat.pod for seat in facts.homes} | {pod.name for pod in snapshot.pods}
    if any(pod.node and pod.node.member_id for pod in snapshot.pods):
        return None
    if unseen := sorted(seats - waiting):
        return wait(
            "Adopting",
            "volumes of a former cluster are there; not yet seen what is on the disks of "
            + ", ".join(unseen),
            *(f"{name} must say who it is" for name in unseen),
        )
    founders = _founders(facts)
    return act(
        OpenFounding(founders, resource_version),
        "Founding",
        "every disk there is has been seen and is empty; these pods found the ensemble: "
        + ", ".join(address for _, address in founders),
    )


def _restart_uninformed(facts: Facts, opened_ms: int) -> Plan | None:
    """A container reads the founding when it starts; those that wait since before must start again.

    Kubernetes gives times in whole seconds, so one that started in the same second starts again, too.
    """
    for pod in facts.snapshot.pods:
        if pod.created_ms <= opened_ms and not pod.terminating:
            return act(
                DeletePod(pod.name, pod.uid),
                "Founding",
                f"{pod.name} has an empty disk and started before the founding was opened",
                pod.name,
            )
    return None
