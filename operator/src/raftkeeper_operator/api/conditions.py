"""Conditions of the resources: what kinds there are, and every reason each can have.

A reason is a stable token: alerts, scripts and runbook pages (docs/runbook) go by it. Whoever sets a
condition takes the reason from here; which one holds is decided in `report`.
"""

import re
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part


class ConditionType(StrEnum):
    """What a condition is about. All but RecoveryRequired are good when True."""

    READY = "Ready"
    PROGRESSING = "Progressing"
    FULLY_REPLICATED = "FullyReplicated"
    SIZE_ALIGNED = "SizeAligned"
    UPGRADED = "Upgraded"
    DISRUPTION_ALLOWED = "DisruptionAllowed"
    ZONE_FAULT_TOLERANT = "ZoneFaultTolerant"
    STORAGE_HEALTHY = "StorageHealthy"
    CERTIFICATES_VALID = "CertificatesValid"
    SPEC_ACCEPTED = "SpecAccepted"
    BACKUP_HEALTHY = "BackupHealthy"
    RECOVERY_REQUIRED = "RecoveryRequired"
    COMPLETE = "Complete"
    """Of a RaftKeeperBackup."""
    SCHEDULED = "Scheduled"
    """Of a RaftKeeperBackupSchedule."""


class Reason(StrEnum):
    """Why a condition is what it is. The sentence says what it means."""

    # Ready
    QUORUM_AVAILABLE = "QuorumAvailable"
    """A leader serves, and a majority of the voters follows it."""
    BOOTSTRAPPING = "Bootstrapping"
    """The ensemble is being founded."""
    NO_LEADER = "NoLeader"
    """Nobody leads at the moment; enough members are there to elect one."""
    QUORUM_LOST = "QuorumLost"
    """Too few voters are there to elect a leader."""
    HIBERNATED = "Hibernated"
    """The cluster sleeps because spec.hibernate is set."""
    FOREIGN_ENSEMBLE = "ForeignEnsemble"
    """The pods form another ensemble than the one that this cluster founded."""
    # Progressing
    SETTLED = "Settled"
    """Nothing is left to do."""
    WORKING = "Working"
    """The operator is carrying out status.plan."""
    BLOCKED = "Blocked"
    """The next step waits for what status.plan.blockedBy names."""
    PAUSED = "Paused"
    """spec.paused is set: nothing is changed."""
    # FullyReplicated
    ALL_CAUGHT_UP = "AllCaughtUp"
    """Every voter has what is committed."""
    MEMBER_DOWN = "MemberDown"
    """A voter does not answer."""
    MEMBER_LAGGING = "MemberLagging"
    """A voter lacks committed entries."""
    # SizeAligned
    SIZE_REACHED = "SizeReached"
    """As many voters as spec.replicas, where they should be."""
    SCALING_UP = "ScalingUp"
    """A member is being added."""
    SCALING_DOWN = "ScalingDown"
    """A member is being removed."""
    LEARNER_STALLED = "LearnerStalled"
    """A new member does not catch up."""
    # Upgraded
    UP_TO_DATE = "UpToDate"
    """Every pod runs what the spec asks for."""
    ROLLING_OUT = "RollingOut"
    """Pods are being restarted one by one."""
    POD_HELD_UP = "PodHeldUp"
    """No node takes a pod, or its node cannot start it; the rollout waits for that."""
    VERSION_SKEW = "VersionSkew"
    """What the spec asks for is too far from what members run, or cannot read what they wrote."""
    UPGRADE_STALLED = "UpgradeStalled"
    """A pod did not come up with what the spec asks for; the rollout has stopped."""
    ROLLED_BACK = "RolledBack"
    """What the spec asks for did not come up, and the former revision runs again."""
    # DisruptionAllowed
    ONE_MAY_GO = "OneMayGo"
    """One member may be taken down without harm."""
    CHANGE_IN_PROGRESS = "ChangeInProgress"
    """The membership is being changed."""
    NO_SPARE_MEMBER = "NoSpareMember"
    """The ensemble has too few voters to lose one."""
    # ZoneFaultTolerant
    ANY_ZONE_MAY_FAIL = "AnyZoneMayFail"
    """No single zone holds so many voters that losing it loses the quorum."""
    TOO_FEW_ZONES = "TooFewZones"
    """The voters are in fewer than three zones."""
    SKEWED = "Skewed"
    """One zone holds too many of the voters."""
    # StorageHealthy
    VOLUMES_HEALTHY = "VolumesHealthy"
    """Every member has its volume, with room on it."""
    DISK_LOST = "DiskLost"
    """A member's volume is gone, empty or damaged."""
    RESIZING = "Resizing"
    """Volumes are growing."""
    RESIZE_FAILED = "ResizeFailed"
    """A volume cannot grow."""
    NEARLY_FULL = "NearlyFull"
    """A volume has little room left."""
    WRITES_REFUSED = "WritesRefused"
    """A member refuses writes because its volume is full."""
    STATE_DIVERGED = "StateDiverged"
    """A member's state differed from the others'; it does not serve until it has taken a snapshot."""
    # CertificatesValid
    CERTIFICATES_CURRENT = "CertificatesCurrent"
    """All certificates are good for a while."""
    RENEWAL_DUE = "RenewalDue"
    """A certificate is past two thirds of its life and is being renewed."""
    CERTIFICATE_EXPIRED = "CertificateExpired"
    """A certificate is no longer good."""
    CERTIFICATE_MISSING = "CertificateMissing"
    """A Secret that the spec names is not there or lacks a key."""
    # SpecAccepted
    SPEC_FOLLOWED = "SpecFollowed"
    """Everything in the spec is in use."""
    FIELDS_IGNORED = "FieldsIgnored"
    """The spec has fields that do nothing as it stands; the message says which and why."""
    SPEC_INVALID = "SpecInvalid"
    """The spec cannot be used as it is."""
    FOREIGN_OBJECT = "ForeignObject"
    """An object of a name that the cluster needs belongs to somebody else."""
    # BackupHealthy
    BACKUP_RECENT = "BackupRecent"
    """The newest backup of a schedule succeeded."""
    NO_BACKUP = "NoBackup"
    """There is no backup of this cluster."""
    BACKUP_FAILED = "BackupFailed"
    """A backup failed."""
    # RecoveryRequired
    NO_RECOVERY_NEEDED = "NoRecoveryNeeded"
    """A majority is there, or can come back by itself."""
    MAJORITY_LOST = "MajorityLost"
    """A majority of the voters' volumes is gone for good; a person must decide."""
    # Complete (a backup)
    BACKUP_RUNNING = "BackupRunning"
    """The backup's job runs."""
    BACKUP_STORED = "BackupStored"
    """The backup lies at its destination and was read back whole."""
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    """There is no RaftKeeperCluster of the given name in this namespace."""
    # Scheduled (a schedule)
    ON_SCHEDULE = "OnSchedule"
    """Backups are made when they are due."""
    SUSPENDED = "Suspended"
    """spec.suspend is set."""
    SCHEDULE_INVALID = "ScheduleInvalid"
    """The schedule cannot be read."""


def runbook_page(reason: str) -> str:
    """The file of docs/runbook that says what a reason means and what to do."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", reason).lower() + ".md"


C, R = ConditionType, Reason

REASONS: Final[dict[ConditionType, tuple[Reason, ...]]] = {
    C.READY: (
        R.QUORUM_AVAILABLE,
        R.BOOTSTRAPPING,
        R.NO_LEADER,
        R.QUORUM_LOST,
        R.HIBERNATED,
        R.FOREIGN_ENSEMBLE,
    ),
    C.PROGRESSING: (R.SETTLED, R.WORKING, R.BLOCKED, R.PAUSED),
    C.FULLY_REPLICATED: (R.ALL_CAUGHT_UP, R.MEMBER_DOWN, R.MEMBER_LAGGING),
    C.SIZE_ALIGNED: (R.SIZE_REACHED, R.SCALING_UP, R.SCALING_DOWN, R.LEARNER_STALLED),
    C.UPGRADED: (
        R.UP_TO_DATE,
        R.ROLLING_OUT,
        R.POD_HELD_UP,
        R.VERSION_SKEW,
        R.UPGRADE_STALLED,
        R.ROLLED_BACK,
    ),
    C.DISRUPTION_ALLOWED: (
        R.ONE_MAY_GO,
        R.MEMBER_DOWN,
        R.MEMBER_LAGGING,
        R.CHANGE_IN_PROGRESS,
        R.NO_SPARE_MEMBER,
    ),
    C.ZONE_FAULT_TOLERANT: (R.ANY_ZONE_MAY_FAIL, R.TOO_FEW_ZONES, R.SKEWED),
    C.STORAGE_HEALTHY: (
        R.VOLUMES_HEALTHY,
        R.DISK_LOST,
        R.RESIZING,
        R.RESIZE_FAILED,
        R.NEARLY_FULL,
        R.WRITES_REFUSED,
        R.STATE_DIVERGED,
    ),
    C.CERTIFICATES_VALID: (
        R.CERTIFICATES_CURRENT,
        R.RENEWAL_DUE,
        R.CERTIFICATE_EXPIRED,
        R.CERTIFICATE_MISSING,
    ),
    C.SPEC_ACCEPTED: (R.SPEC_FOLLOWED, R.FIELDS_IGNORED, R.SPEC_INVALID, R.FOREIGN_OBJECT),
    C.BACKUP_HEALTHY: (R.BACKUP_RECENT, R.NO_BACKUP, R.BACKUP_FAILED),
    C.RECOVERY_REQUIRED: (R.NO_RECOVERY_NEEDED, R.MAJORITY_LOST),
    C.COMPLETE: (R.BACKUP_RUNNING, R.BACKUP_STORED, R.BACKUP_FAILED, R.CLUSTER_NOT_FOUND),
    C.SCHEDULED: (R.ON_SCHEDULE, R.SUSPENDED, R.SCHEDULE_INVALID, R.CLUSTER_NOT_FOUND),
}
"""Which reasons each condition can have; the first is the good one where there is one."""


class Condition(Part):
    """A condition as Kubernetes knows them."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32768)] = ""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    observed_generation: Annotated[int, Field(ge=0)] | None = None


Conditions = Annotated[
    tuple[Condition, ...],
    Field(
        max_length=32,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    ),
]
