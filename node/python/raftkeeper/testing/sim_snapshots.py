"""Taking in another member's snapshot, in one step and without a network: what both levels do alike."""

from raftkeeper.storage import SnapshotMeta, SnapshotStore, StorageError, StorageFailed


def receive_snapshot(
    store: SnapshotStore, index: int, term: int, data: bytes
) -> SnapshotMeta | None:
    """None when it is damaged, or there is no room for it."""
    try:
        receipt = store.receive(index, term, len(data))
        try:
            receipt.add(data[receipt.offset :])
            return receipt.finish()
        except StorageError:
            receipt.abandon()
            raise
    except StorageFailed:
        raise
    except StorageError:
        return None
