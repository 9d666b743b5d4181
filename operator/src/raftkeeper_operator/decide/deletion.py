"""The end of a cluster. Kubernetes deletes what is owned; the operator only looks after retired volumes.

Nothing here needs the nodes: a cluster must be deletable when none of them runs.
"""

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import DeleteVolume, Plan, Release, act


def delete_cluster(facts: Facts) -> Plan | None:
    """Retired volumes go by the policy; those in use are deleted by their StatefulSet, or stay."""
    snapshot = facts.snapshot
    if not snapshot.deleting:
        return None
    if facts.desired.delete_volumes:
        for volume in snapshot.volumes:
            if volume.retired_ms and volume.owned and not volume.terminating:
                return act(
                    DeleteVolume(volume.name, volume.uid),
                    "Deleting",
                    f"volume {volume.name} was retired, and the cluster is deleted with its volumes",
                    volume.name,
                )
    return act(Release(), "Deleting", "nothing is left to do; Kubernetes deletes what is owned")
