"""Fetches the newest snapshot of another member, over as many connections as it takes.

What has come stays on disk and is not sent again while it is the same snapshot. It gets its name
only when every checksum agrees and it is durable (storage sees to that). One fetch at a time; its
end is told exactly once, and that of a failure after a pause that grows with their number in a row.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import codec, limits
from raftkeeper.server.peers.codec import CodecError
from raftkeeper.server.peers.conversation import Conversation, ConversationOver
from raftkeeper.server.peers.dialing import DialFailed
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.handshake import Cause
from raftkeeper.server.peers.snapshot_server import (
    SnapshotReceipt,
    Snapshots,
    fields,
    number,
)
from raftkeeper.storage import SnapshotMeta, StorageError

log = get_logger(__name__)

T = TypeVar("T")
Connect = Callable[[int, int], Awaitable[Conversation]]
"""A greeted connection for a snapshot: to which member, which attempt it is."""


class FetchRefused(Exception):
    """The other member cannot be reached, or sends nothing; another try soon brings nothing."""


class SnapshotNotYet(Exception):
    """The other member is busy with others, or takes one first. That passes by itself."""


def decide_pause_s(failures: int) -> float:
    """Before the last of so many failures in a row is told. The first is told at once: the next offer
    may come from another member.
    """
    if failures <= 1:
        return 0.0
    doubled = limits.SNAPSHOT_RETRY_S * 2.0 ** min(failures - 2, 16)
    return min(doubled, limits.SNAPSHOT_PAUSE_MAX_S)


class SnapshotFetcher:
    """At most one fetch of a node."""

    def __init__(
        self,
        snapshots: Snapshots,
        connect: Connect,
        on_done: Callable[[SnapshotMeta | None], None],
        figures: PeerFigures,
    ) -> None:
        self._snapshots = snapshots
        self._connect = connect
        self._on_done = on_done
        self._figures = figures
        self._failures = 0
        """In a row."""
        self._said = ("", 0)
        """Why the last one failed, and of which member; not repeated while it is the same."""
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshot-fetch")

    def start(self, sender: int, covers_index: int) -> None:
        """Begins one; one that is under way is dropped without a word."""
        self.cancel()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(sender, covers_index, self._task))

    def cancel(self) -> None:
        """Nothing is told any more. What has come stays for a later fetch."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """For good."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=limits.CLOSE_TIMEOUT_S)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, sender: int, covers_index: int, before: "asyncio.Task[None] | None"
    ) -> None:
        if before is not None and not before.done():
            # Its thread may still be writing the very file that is to be continued.
            await asyncio.wait({before})
        if not self._failures:
            log.info("peer.snapshot_fetch", member=sender, covers_index=covers_index)
        meta: SnapshotMeta | None = None
        try:
            meta = await self._fetch(sender, covers_index)
            self._figures.snapshots_fetched += 1
            log.info("peer.snapshot_fetched", member=sender, index=meta.index)
        except SnapshotNotYet as error:
            if self._is_news(str(error), sender):
                log.info("peer.snapshot_not_yet", member=sender, reason=str(error))
        except (FetchRefused, StorageError, OSError) as error:
            if self._is_news(str(error), sender):
                log.error("peer.snapshot_given_up", member=sender, reason=str(error))
        except Exception as error:  # the top frame of a task: the core must hear of its end
            log.critical("peer.snapshot_fetch_broken", exc_info=error)
        if meta is None:
            self._figures.snapshots_given_up += 1
            self._failures += 1
            await asyncio.sleep(decide_pause_s(self._failures))
        else:
            self._failures, self._said = 0, ("", 0)
        self._on_done(meta)

    def _is_news(self, reason: str, sender: int) -> bool:
        before, self._said = self._said, (reason, sender)
        return before != self._said

    async def _fetch(self, sender: int, covers_index: int) -> SnapshotMeta:
        tries = attempt = 0
        reason = ""
        while tries < limits.SNAPSHOT_TRIES:
            if attempt:
                await asyncio.sleep(limits.SNAPSHOT_RETRY_S)
            tries += 1
            attempt += 1
            bytes_before = self._figures.snapshot_bytes_fetched
            conversation: Conversation | None = None
            try:
                conversation = await self._connect(sender, attempt)
                return await self._receive(conversation, covers_index)
            except (DialFailed, ConversationOver, CodecError) as error:
                reason = str(error)
                say = log.debug if self._failures else log.info
                say("peer.snapshot_interrupted", member=sender, reason=reason)
            finally:
                if conversation is not None:
                    conversation.abort()
            if self._figures.snapshot_bytes_fetched > bytes_before:
                tries = 0
        raise FetchRefused(f"{limits.SNAPSHOT_TRIES} connections brought nothing new: {reason}")

    async def _receive(self, conversation: Conversation, covers_index: int) -> SnapshotMeta:
        conversation.say(codec.pack({"covers_index": covers_index}))
        offer = await _turn(conversation, limits.HELLO_BYTES_MAX)
        what = fields(offer)
        if "refused" in what:
            if what["refused"] == Cause.NONE_NEEDED.value:
                raise SnapshotNotYet(str(what.get("reason")))
            raise ConversationOver(str(what.get("reason")))
        index, term, size = number(what, "index"), number(what, "term"), number(what, "size")
        if index < covers_index:
            raise CodecError(f"a snapshot of entry {index} does not cover {covers_index}")
        receiving = self._thread.submit(self._snapshots.receive, index, term, size)
        try:
            receipt = await asyncio.wrap_future(receiving)
        except asyncio.CancelledError:
            # In the same thread, hence when it has been opened, if it is.
            self._thread.submit(_close, receiving)
            raise
        finished = False
        try:
            await self._copy(conversation, receipt, size)
            finished = True  # from here on a failure is one of the content
            conversation.say(codec.pack({"received": size}))
            return await self._in_thread(receipt.finish)
        except StorageError:
            # Of whatever is wrong, nothing may be continued with.
            await self._in_thread(receipt.abandon)
            raise
        finally:
            if not finished:
                # In the same thread, hence behind a write that is under way when this is cancelled.
                self._thread.submit(receipt.close)

    async def _copy(self, conversation: Conversation, receipt: SnapshotReceipt, size: int) -> None:
        offset = receipt.offset
        conversation.say(codec.pack({"offset": offset}))
        while offset < size:
            chunk = await _turn(conversation, limits.SNAPSHOT_CHUNK_BYTES)
            if not chunk or offset + len(chunk) > size:
                raise CodecError("more comes than the snapshot is long")
            await self._in_thread(receipt.add, chunk)
            offset += len(chunk)
            self._figures.snapshot_bytes_fetched += len(chunk)

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)


def _close(receiving: "Future[SnapshotReceipt]") -> None:
    if not receiving.cancelled() and receiving.exception() is None:
        receiving.result().close()


async def _turn(conversation: Conversation, bytes_max: int) -> bytes:
    return await conversation.receive(bytes_max, limits.SNAPSHOT_ANSWER_TIMEOUT_S)
