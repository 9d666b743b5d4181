"""Volumes outlive the cluster unless the spec says otherwise, whatever an earlier spec has left in Kubernetes.

`whenDeleted: Delete` is carried out by Kubernetes: the StatefulSet has it as its policy, and is made the owner of
each claim. When the spec says Retain both must be gone before the cluster is. Kubernetes itself takes its
ownership back only from claims whose pods are there, so a cluster that sleeps would lose its volumes.
"""

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import KeepVolumes, Plan, UntieVolume, act, wait

RECHECK_MS = 1_000
"""A controller that works has seen a change by then."""


def keep_volumes(facts: Facts) -> Plan | None:
    """Whatever else is to wait: also of a cluster that is paused or sleeps, because it may be deleted as it is."""
    plan = detach_volumes(facts)
    if plan is None or plan.action is None or facts.refusal(plan) is not None:
        return None
    return plan


def detach_volumes(facts: Facts) -> Plan | None:
    """None when nothing of Kubernetes' own deletes a volume that the spec retains."""
    snapshot = facts.snapshot
    if facts.desired.delete_volumes:
        return None
    policies = (
        act(
            KeepVolumes(pool.name, pool.resource_version),
            "KeepingVolumes",
            f"StatefulSet {pool.name} would be deleted with its volumes, and whenDeleted is Retain",
            pool.name,
        )
        for pool in snapshot.pools
        if pool.deletes_volumes
    )
    if plan := facts.first_possible(policies):
        return plan
    # Before that it may still make itself an owner, by the policy that it had.
    if late := [pool.name for pool in snapshot.pools if not pool.observed]:
        return wait(
            "KeepingVolumes",
            f"Kubernetes has not seen yet what was changed of StatefulSet {late[0]}",
            target=late[0],
            recheck_ms=RECHECK_MS,
        )
    # One of a former cluster that has not been adopted yet is tied to our pool all the same.
    pools = {pool.uid for pool in snapshot.pools}
    return facts.first_possible(
        act(
            UntieVolume(volume.name, volume.uid),
            "KeepingVolumes",
            f"volume {volume.name} would go with its StatefulSet, and whenDeleted is Retain",
            volume.name,
        )
        for volume in snapshot.volumes
        if volume.tied_to and (volume.owned or volume.tied_to & pools) and not volume.terminating
    )
