"""The snapshots on disk as the driver needs them: what is slow is done in a worker's thread.

Reading one piece by piece stays on the loop, which the restorer slices; it changes nothing on disk.
"""

import asyncio
from collections.abc import Callable, Iterator

from raftkeeper.storage import SnapshotMeta, SnapshotStore


class SnapshotsInThread:
    """`ensemble.ports.Snapshots` over the directory of snapshots."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store

    def read(self, meta: SnapshotMeta) -> Iterator[bytes]:
        """The engine's pieces of one, in order."""
        return self._store.read(meta)

    def keep_only(
        self, meta: SnapshotMeta, on_done: Callable[[BaseException | None], None]
    ) -> None:
        """Removes all others in the background."""

        def tell(done: asyncio.Future[None]) -> None:
            if not done.cancelled():
                on_done(done.exception())

        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._store.keep_only, meta).add_done_callback(tell)
