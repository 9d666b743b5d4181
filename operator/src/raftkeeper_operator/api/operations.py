"""How the operator may act on a cluster: upgrades, disruptions, bootstrap from a backup, recovery."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.backup import BackupSource
from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import DurationMs, DurationMsOrNever, ObjectName

MINUTE_MS = 60_000


class UpgradeSpec(Part):
    """How a new version, image or setting reaches the members."""

    strategy: Literal["Auto", "OnDelete", "Paused"] = "Auto"
    """Auto: one pod at a time, followers first, the leader last after it has handed over.
    OnDelete: whoever deletes a pod gets the new one. Paused: nothing changes for now."""
    min_healthy_seconds: Annotated[int, Field(ge=0, le=3_600)] = 15
    """How long a restarted member must be ready and caught up before the next one."""
    progress_deadline_ms: Annotated[DurationMs, Field(alias="progressDeadline")] = 10 * MINUTE_MS
    """How long one member may take before the rollout counts as stalled."""
    on_failure: Literal["Rollback", "Pause"] = "Rollback"
    """What a stalled rollout does: go back to the last revision that was whole, or wait."""


class DisruptionSpec(Part):
    """What may be taken down, by whom."""

    pod_disruption_budget: bool = True
    """Let drains of nodes take one member at a time, and none while one is missing."""
    allow_single_node_drain: bool = True
    """Whether a drain may take the only member of a cluster of one, which stops the service."""
    replace_after_ms: Annotated[DurationMsOrNever, Field(alias="replaceAfter")] = 30 * MINUTE_MS
    """How long a member's disk may be damaged, or bound to a node whose Node object is gone, before it is given
    up and the member replaced. A node that exists is waited for, whether it is cordoned, full or not ready.
    Never: a person decides."""


class RestoreSpec(Part):
    """A backup to begin with."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.backupName) != has(self.source)",
            "give either backupName or source: one names a RaftKeeperBackup of this namespace, "
            "the other a place where a backup lies",
        ),
    )

    backup_name: ObjectName | None = None
    """A RaftKeeperBackup of this namespace that succeeded."""
    source: BackupSource | None = None
    """Where a backup lies, when there is no RaftKeeperBackup for it."""


class BootstrapSpec(Part):
    """How the ensemble is founded. Looked at once, when it is."""

    restore: RestoreSpec | None = None
    """Begin with the znodes of a backup, as a new ensemble."""


class ForceQuorumSpec(Part):
    """The way out when a majority of volumes is lost for good. It may lose acknowledged writes.

    The survivor's data become a new ensemble, and all other members join it with empty disks; old data are set
    aside on their volumes. Refused while a majority can still come back, or anybody leads. See
    docs/runbook/majority-lost.md.
    """

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.epoch >= oldSelf.epoch", "counts up: each recovery has its own", ".epoch"),
        Rule(
            "self.epoch == 0 || self.acknowledgeDataLoss",
            "forcing a quorum may lose acknowledged writes: read docs/runbook/majority-lost.md, "
            "then set acknowledgeDataLoss to true",
            ".acknowledgeDataLoss",
        ),
    )

    epoch: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Raise it by one to ask for one recovery, once the majority is lost: an epoch that is set while somebody
    leads is used up by that. 0: never asked."""
    survivor: Annotated[str, Field(max_length=63, pattern=r"^(Auto|[a-z0-9][-a-z0-9]*)$")] = "Auto"
    """The pod whose data counts. Auto: the one with the newest log."""
    acknowledge_data_loss: bool = False
    """Says that you know that writes which only the lost members had are gone."""


class RecoverySpec(Part):
    """What is never done without being asked for."""

    force_quorum: ForceQuorumSpec = ForceQuorumSpec()
