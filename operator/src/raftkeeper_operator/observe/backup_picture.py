"""What is there of backups: the picture that decisions about them are made from. Values only."""

from dataclasses import dataclass

from raftkeeper_operator.api.backup import BackupScheduleSpec, BackupSpec


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Job of a backup, as far as it counts."""

    name: str
    uid: str
    done: bool
    """It has ended, well or not."""
    succeeded: bool = False
    words: str = ""
    """The last words of its container, or else why Kubernetes gave it up."""


@dataclass(frozen=True, slots=True)
class BackupSeen:
    """A RaftKeeperBackup of the cluster."""

    name: str
    uid: str
    created_ms: int
    spec: BackupSpec
    phase: str
    """'' before anything was done."""
    completed_ms: int = 0
    schedule: str = ""
    """Which one made it; '' for one that a person made."""
    job: JobSeen | None = None
    removal: JobSeen | None = None
    """The Job that deletes its file."""

    @property
    def ended(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}


@dataclass(frozen=True, slots=True)
class ScheduleSeen:
    """A RaftKeeperBackupSchedule of the cluster."""

    name: str
    uid: str
    created_ms: int
    spec: BackupScheduleSpec
    last_scheduled_ms: int = 0


@dataclass(frozen=True, slots=True)
class BackupPicture:
    """All of it, of one cluster."""

    now_ms: int
    why_not: str = ""
    """Why no backup can be taken now; '' when one can."""
    backups: tuple[BackupSeen, ...] = ()
    schedules: tuple[ScheduleSeen, ...] = ()

    def of(self, schedule: str) -> tuple[BackupSeen, ...]:
        """Those that a schedule made, newest first."""
        found = (backup for backup in self.backups if backup.schedule == schedule)
        return tuple(sorted(found, key=lambda backup: (backup.created_ms, backup.name))[::-1])
