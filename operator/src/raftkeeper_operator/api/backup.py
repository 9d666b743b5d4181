"""RaftKeeperBackup and RaftKeeperBackupSchedule: what a backup is made of, where to, and when."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.conditions import Conditions
from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import DurationMs, ObjectName, Text

MINUTE_MS = 60_000

FolderPath = Annotated[
    str,
    Field(
        max_length=512, pattern=r"^([a-zA-Z0-9_-][-._a-zA-Z0-9]*(/[a-zA-Z0-9_-][-._a-zA-Z0-9]*)*)?$"
    ),
]
"""A path below a volume: relative, and not upwards."""


class VolumePlace(Part):
    """A folder of a volume."""

    claim_name: ObjectName
    """A PersistentVolumeClaim of the namespace."""
    path: FolderPath = ""
    """Folder below the volume's root."""


class S3Place(Part):
    """A bucket that speaks the S3 protocol."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][-.a-z0-9]+[a-z0-9]$", max_length=63)]
    prefix: Annotated[str, Field(max_length=512)] = ""
    """What keys begin with."""
    endpoint: Annotated[str, Field(max_length=512, pattern=r"^https?://[^ ]+$")] | None = None
    """Address of the service; Amazon's when it is left out."""
    region: Annotated[str, Field(max_length=64, pattern=r"^[-a-z0-9]+$")] | None = None
    credentials_secret: ObjectName
    """Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if needed."""


ONE_PLACE = Rule(
    "has(self.volume) != has(self.s3)",
    "give exactly one of volume and s3",
)


class BackupDestination(Part):
    """Where backups go. Each gets a file of its own below."""

    rules: ClassVar[tuple[Rule, ...]] = (ONE_PLACE,)

    volume: VolumePlace | None = None
    s3: S3Place | None = None


class BackupSource(Part):
    """Where a backup lies."""

    rules: ClassVar[tuple[Rule, ...]] = (ONE_PLACE,)

    volume: VolumePlace | None = None
    s3: S3Place | None = None
    file: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^/][^ ]*$")]
    """The backup's file at that place, as the status of its RaftKeeperBackup names it."""


class BackupSpec(Part):
    """One backup of a cluster. It cannot be changed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self == oldSelf", "a backup is made once: create another RaftKeeperBackup instead"),
    )

    cluster: ObjectName
    """The RaftKeeperCluster of this namespace."""
    destination: BackupDestination
    timeout_ms: Annotated[DurationMs, Field(alias="timeout")] = 60 * MINUTE_MS
    """How long it may take before it counts as failed."""


class BackupStatus(Part):
    """How a backup went."""

    observed_generation: int | None = None
    phase: Literal["Pending", "Running", "Succeeded", "Failed"] | None = None
    job_name: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    location: str | None = None
    """Where the backup lies, as `raftkeeper restore` takes it."""
    file: str | None = None
    """Its file below the destination, as bootstrap.restore.source.file takes it."""
    index: int | None = None
    """Log index up to which it holds everything."""
    term: int | None = None
    zxid: str | None = None
    znodes: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    """Of the whole file."""
    message: Text | None = None
    """What went wrong, and what to do."""
    conditions: Conditions = ()


class BackupRetention(Part):
    """Which backups of a schedule are kept. One that breaks either bound is deleted."""

    keep_last: Annotated[int, Field(ge=1, le=1_000)] = 7
    """So many that succeeded."""
    max_age_ms: Annotated[DurationMs | None, Field(alias="maxAge")] = None
    """None older than this; the newest that succeeded is always kept."""


CronExpression = Annotated[
    str, Field(max_length=128, pattern=r"^(@(hourly|daily|weekly|monthly)|\S+ \S+ \S+ \S+ \S+)$")
]


class BackupScheduleSpec(Part):
    """Backups of a cluster by the clock."""

    cluster: ObjectName
    """The RaftKeeperCluster of this namespace."""
    schedule: CronExpression
    """When, in the five fields of cron and in UTC: `0 3 * * *`; or @hourly, @daily, @weekly,
    @monthly."""
    suspend: bool = False
    """Make none for now."""
    destination: BackupDestination
    retention: BackupRetention = BackupRetention()
    timeout_ms: Annotated[DurationMs, Field(alias="timeout")] = 60 * MINUTE_MS
    """How long each may take."""


class BackupScheduleStatus(Part):
    """What a schedule did and will do."""

    observed_generation: int | None = None
    last_scheduled_at: str | None = None
    next_scheduled_at: str | None = None
    last_successful_at: str | None = None
    last_backup: str | None = None
    """Name of the newest RaftKeeperBackup of this schedule."""
    conditions: Conditions = ()


class RaftKeeperBackup(Part):
    """One backup of a RaftKeeperCluster."""

    spec: BackupSpec
    status: BackupStatus | None = None


class RaftKeeperBackupSchedule(Part):
    """Backups of a RaftKeeperCluster by the clock, and how many of them are kept."""

    spec: BackupScheduleSpec
    status: BackupScheduleStatus | None = None
