"""Where members keep their data, and what becomes of a volume that no member uses any more."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import DurationMs, ObjectName, Quantity

HOUR_MS = 3_600_000


ONLY_GROWS = Rule(
    "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
    "volumes can only grow: Kubernetes cannot shrink one. "
    "To get smaller volumes, back up and restore into a new cluster",
    ".size",
)
KEEPS_ITS_CLASS = Rule(
    "has(self.storageClassName) == has(oldSelf.storageClassName) && "
    "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
    "cannot be changed: volumes do not move between storage classes. "
    "To change it, back up and restore into a new cluster",
    ".storageClassName",
)


class DataVolume(Part):
    """One volume for each member: its log and its snapshots, or its snapshots alone."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "quantity(self.size).compareTo(quantity('256Mi')) >= 0",
            "must be at least 256Mi: two segments of the log and three snapshots have to fit",
            ".size",
        ),
        ONLY_GROWS,
        KEEPS_ITS_CLASS,
    )

    size: Quantity = "10Gi"
    """Size of each member's volume. It may grow later, if the storage class can expand volumes."""
    storage_class_name: ObjectName | None = None
    """Storage class of the volumes; the cluster's default class when it is left out. Its binding
    mode should be WaitForFirstConsumer, or volumes may lie in another zone than their pods."""


class LogVolume(Part):
    """A second volume for each member, for its log alone: writes wait for nothing but this disk."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "quantity(self.size).compareTo(quantity('256Mi')) >= 0",
            "must be at least 256Mi: the log keeps several segments, and what no snapshot holds yet",
            ".size",
        ),
        ONLY_GROWS,
        KEEPS_ITS_CLASS,
    )

    size: Quantity = "4Gi"
    """Size of each member's log volume: some times `raft.snapshotEveryLogBytes`. It may grow later."""
    storage_class_name: ObjectName | None = None
    """Storage class of the log volumes; the cluster's default class when it is left out. A fast one,
    in the same zones as that of the data."""


class VolumeRetention(Part):
    """What becomes of volumes."""

    when_scaled: Literal["Quarantine", "Retain", "Delete"] = "Quarantine"
    """What becomes of a volume whose member was removed. Quarantine: it is kept for quarantineFor, or until
    the cluster grows again and a new member needs its name. Retain: it is kept until a person deletes it;
    a new member that needs its name waits for that. Delete: it is deleted at once. No volume is touched while
    its member is in the ensemble."""
    quarantine_for_ms: Annotated[DurationMs, Field(alias="quarantineFor")] = 168 * HOUR_MS
    """How long volumes are kept with Quarantine, at most."""
    when_deleted: Literal["Retain", "Delete"] = "Retain"
    """What becomes of all volumes when the RaftKeeperCluster is deleted: as it is at that moment, also of a
    cluster that sleeps or is paused. Retained volumes are taken up again by a cluster of the same name."""


class StorageSpec(Part):
    """Volumes of the members."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.log) == has(oldSelf.log)",
            "cannot be added or taken away later: a log does not move between volumes. "
            "To change it, back up and restore into a new cluster",
            ".log",
        ),
    )

    data: DataVolume = DataVolume()
    log: LogVolume | None = None
    """A volume of its own for the log. Left out: the log lies on the data volume. A member that has
    lost one of its two volumes has lost its disk."""
    retention: VolumeRetention = VolumeRetention()
