"""What a member keeps on disk: who it is, term and vote, the log, snapshots. Knows bytes, not Raft.

In the order of a node's life: `DataDirectory.open` (locks), `create` (once), `recover`,
`start_writer`; then `Writer.write` and `poll` on the data path, `snapshots.begin` and `purge` now and
then, `close`. `layout` names the files. A failed write or fsync is final; a full disk is not.
"""

from raftkeeper.storage.data_directory import DataDirectory
from raftkeeper.storage.errors import (
    DAMAGE_WAY_OUT,
    StorageError,
    StorageFailed,
    StorageFull,
)
from raftkeeper.storage.identity import Identity
from raftkeeper.storage.options import StorageOptions
from raftkeeper.storage.received import SnapshotFile, SnapshotReceipt
from raftkeeper.storage.recovery import Recovered
from raftkeeper.storage.replacement import Replacement, give_up_data
from raftkeeper.storage.snapshot_file import SnapshotMeta
from raftkeeper.storage.snapshots import SnapshotJob, SnapshotStore
from raftkeeper.storage.verdicts import Verdict
from raftkeeper.storage.wal import Record
from raftkeeper.storage.writer import Writer

__all__ = [
    "DAMAGE_WAY_OUT",
    "DataDirectory",
    "Identity",
    "Record",
    "Recovered",
    "Replacement",
    "SnapshotFile",
    "SnapshotJob",
    "SnapshotMeta",
    "SnapshotReceipt",
    "SnapshotStore",
    "StorageError",
    "StorageFailed",
    "StorageFull",
    "StorageOptions",
    "Verdict",
    "Writer",
    "give_up_data",
]
