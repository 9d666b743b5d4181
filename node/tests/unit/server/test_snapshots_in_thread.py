"""The driver's snapshots: nothing that waits for the disk is done on the loop."""

import asyncio
import threading
from typing import Any

from raftkeeper.server.snapshots_in_thread import SnapshotsInThread
from raftkeeper.storage import SnapshotMeta

META = SnapshotMeta(50, 1, 5, b"{}", b"c" * 16)


class Store:
    """A directory of snapshots that tells which thread has worked on it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.threads: list[int] = []

    def keep_only(self, meta: SnapshotMeta) -> None:
        self.threads.append(threading.get_ident())
        if self.error is not None:
            raise self.error


async def _keep_only(store: Any) -> BaseException | None:
    told: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    SnapshotsInThread(store).keep_only(META, told.set_result)
    async with asyncio.timeout(10):
        return await told


async def test_others_are_removed_in_a_worker_thread() -> None:
    """There may be many, and the directory is synced."""
    store = Store()
    assert await _keep_only(store) is None
    assert store.threads != [threading.get_ident()]
    assert len(store.threads) == 1


async def test_what_went_wrong_is_told() -> None:
    """The node cannot go on with a wrong snapshot beside a right one."""
    error = OSError("no")
    assert await _keep_only(Store(error)) is error
