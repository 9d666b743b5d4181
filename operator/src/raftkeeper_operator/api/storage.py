"""Where members keep their data, and what becomes of a volume that no member uses any more."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import DurationMs, ObjectName, Quantity

HOUR_MS = 3_600_000


class DataVolume(Part):
    """One volume for each member: its log and its snapshots."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "quantity(self.size).compareTo(quantity('256Mi')) >= 0",
            "must be at least 256Mi: two segments of the log and three snapshots have to fit",
            ".size",
        ),
        Rule(
            "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
            "volumes can only grow: Kubernetes cannot shrink one. "
            "To get smaller volumes, back up and restore into a new cluster",
            ".size",
        ),
        Rule(
            "has(self.storageClassName) == has(oldSelf.storageClassName) && "
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
            "cannot be changed: volumes do not move between storage classes. "
            "To change it, back up and restore into a new cluster",
            ".storageClassName",
        ),
    )

    size: Quantity = "10Gi"
    """Size of each member's volume. It may grow later, if the storage class can expand volumes."""
    storage_class_name: ObjectName | None = None
    """Storage class of the volumes; the cluster's default class when it is left out. Its binding
    mode should be WaitForFirstConsumer, or volumes may lie in another zone than their pods."""


class VolumeRetention(Part):
    """What becomes of volumes."""

    when_scaled: Literal["Quarantine", "Retain", "Delete"] = "Quarantine"
    """A volume whose member was removed is kept for a while (Quarantine), for ever (Retain), or
    deleted at once (Delete). No volume is touched while its member is in the ensemble."""
    quarantine_for_ms: Annotated[DurationMs, Field(alias="quarantineFor")] = 168 * HOUR_MS
    """How long volumes are kept with Quarantine."""
    when_deleted: Literal["Retain", "Delete"] = "Retain"
    """What becomes of all volumes when the RaftKeeperCluster is deleted. Retained volumes are
    taken up again by a cluster of the same name."""


class StorageSpec(Part):
    """Volumes of the members."""

    data: DataVolume = DataVolume()
    retention: VolumeRetention = VolumeRetention()
