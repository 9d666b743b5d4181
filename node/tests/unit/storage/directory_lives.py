"""A member's directory in memory, in one short life after the other: each finds what the last has left."""

from pathlib import Path

from raftkeeper.storage import DataDirectory, Identity, StorageOptions, Writer
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

ROOT = Path("/data")
CLUSTER = b"cluster-of-tests"
OPTIONS = StorageOptions(segment_bytes=8192, record_bytes_max=1500, snapshots_kept=2)


class DirectoryLives:
    """Of one member; its disk loses nothing."""

    def __init__(self, member_id: int) -> None:
        self.files = FaultyFiles()
        self.open().create(Identity(CLUSTER, member_id, b"i" * 16))

    def open(self) -> DataDirectory:
        """A new process's; what an earlier one had open is nobody's."""
        self.files = self.files.copy()
        return DataDirectory.open(
            ROOT, OPTIONS, files=self.files, random_bytes=lambda count: b"s" * count
        )

    def live(self) -> tuple[DataDirectory, Writer]:
        """Recovered, and ready to write."""
        data = self.open()
        data.recover()
        writer = data.start_writer(
            wakeup=CountingWakeup(), disk=FaultyDisk(self.files), executor=InlineExecutor()
        )
        return data, writer


def settle(writer: Writer) -> None:
    """Until everything that was handed over is durable."""
    while not writer.idle:
        writer.poll()
