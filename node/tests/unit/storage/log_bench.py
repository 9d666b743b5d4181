"""A log on a faulty disk, to be written and scanned by hand."""

import random
from pathlib import Path

from raftkeeper.storage.hard_state import UNKNOWN_END, LogEnd
from raftkeeper.storage.log_scan import LogImage, LogScan
from raftkeeper.storage.segments import SegmentMaker
from raftkeeper.storage.wal import Record, Wal
from raftkeeper.testing.faulty_files import FaultyFiles

LOG = Path("/log")
CLUSTER = b"cluster-of-tests"


class LogBench:
    """Writes blocks straight to the disk and scans what is there."""

    def __init__(self) -> None:
        self.files = FaultyFiles()
        self.files.make_directory(LOG)
        salts = random.Random(1)
        self.maker = SegmentMaker(
            self.files, LOG, segment_bytes=4096, cluster_id=CLUSTER, random_bytes=salts.randbytes
        )
        self.maker.make(1)
        self.wal = self.open()

    def scan(self, *, cluster_id: bytes = CLUSTER, durable_end: LogEnd = UNKNOWN_END) -> LogImage:
        return LogScan(
            self.files, LOG, cluster_id=cluster_id, collect_kind=3, durable_end=durable_end
        ).run()

    def open(self) -> Wal:
        image = self.scan()
        self.wal = Wal(
            self.files,
            segments=image.segments,
            spares=image.spares,
            index=image.index,
            last_crc=image.last_crc,
        )
        return self.wal

    def append(self, *records: Record) -> tuple[int, int]:
        """One block; (segment's sequence, offset) of it."""
        if self.wal.needs_spare:
            self.wal.add_spare(self.maker.make(self.wal.next_sequence))
        block = self.wal.frame(records)
        self.files.write(block.fd, block.data, block.offset)
        self.files.sync(block.fd)
        return self.wal._segments[-1].sequence, block.offset

    def content(self, sequence: int) -> bytearray:
        return self.files.content(LOG / f"{sequence:020d}.log")
