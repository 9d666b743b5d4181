"""The end of a cluster. Kubernetes deletes what is owned; the operator sees to it that volumes go, or stay.

Nothing here needs the nodes: a cluster must be deletable when none of them runs.
"""

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import DeleteVolume, Plan, Release, act
from raftkeeper_operator.decide.retention import detach_volumes


def delete_cluster(facts: Facts) -> Plan | None:
    """By the policy as it is now: with Delete those go that no StatefulSet takes along, with Retain none
    is taken along.
    """
    snapshot = facts.snapshot
    if not snapshot.deleting:
        return None
    if facts.desired.delete_volumes:
        plan = facts.first_possible(
            act(
                DeleteVolume(volume.name, volume.uid),
                "Deleting",
                f"volume {volume.name} would stay, and the cluster is deleted with its volumes",
                volume.name,
            )
            for volume in snapshot.volumes
            if (volume.retired_ms or not volume.tied_to) and volume.owned and not volume.terminating
        )
    else:
        plan = detach_volumes(facts)
    if plan is not None:
        return plan
    return act(Release(), "Deleting", "nothing is left to do; Kubernetes deletes what is owned")
