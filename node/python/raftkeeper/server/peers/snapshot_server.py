"""Sends the newest snapshot on this disk to a member that asks, on a connection of its own.

    asker: request     here: what it is, or a refusal     asker: from which byte on     here: chunks

The file is open while it is sent, so that its retirement does not hurt; disk reads happen in a
thread; all sends together keep to one rate. A snapshot is sent as it lies on disk: whoever gets it
checks every sum.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import codec, limits
from raftkeeper.server.peers.codec import CodecError
from raftkeeper.server.peers.conversation import Conversation, ConversationOver
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.handshake import Cause, Refusal, encode_refusal
from raftkeeper.storage import SnapshotMeta, StorageError

log = get_logger(__name__)


class SnapshotFile(Protocol):
    """An open snapshot."""

    @property
    def index(self) -> int:
        """The last entry in it."""

    @property
    def term(self) -> int:
        """Of that entry."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes, fewer at the end."""

    def close(self) -> None:
        """Lets it go."""


class SnapshotReceipt(Protocol):
    """A snapshot that is coming in."""

    @property
    def offset(self) -> int:
        """Bytes that are here."""

    def add(self, data: bytes) -> None:
        """The next ones."""

    def finish(self) -> SnapshotMeta:
        """Checks all of it and gives it its name, durably."""

    def abandon(self) -> None:
        """Drops it."""

    def close(self) -> None:
        """Keeps what is here for a later try."""


class Snapshots(Protocol):
    """The snapshots on a disk. Its calls are slow."""

    def newest(self) -> SnapshotFile | None:
        """The newest, open; None when there is none."""

    def put_damaged_aside(self) -> None:
        """Reads the newest, and lets another stand in for it if it is damaged."""

    def receive(self, index: int, term: int, size: int) -> SnapshotReceipt:
        """A place for one that is to come, with what an earlier try has left of it."""


class Pacer:
    """Spreads bytes over time. 0 bytes a second is no bound."""

    def __init__(self, bytes_per_s: int, now_us: Callable[[], int]) -> None:
        self._bytes_per_s = bytes_per_s
        self._now_us = now_us
        self._free_us = 0

    def pause_s(self, length: int) -> float:
        """How long to wait before these bytes."""
        if not self._bytes_per_s:
            return 0.0
        now_us = self._now_us()
        begin_us = max(self._free_us, now_us)
        self._free_us = begin_us + length * 1_000_000 // self._bytes_per_s
        return (begin_us - now_us) / 1e6


class SnapshotServer:
    """All sends of a node."""

    def __init__(
        self,
        snapshots: Snapshots,
        *,
        bytes_per_s: int,
        figures: PeerFigures,
        now_us: Callable[[], int],
        on_missing: Callable[[], object] = lambda: None,
    ) -> None:
        self._snapshots = snapshots
        self._on_missing = on_missing
        self._figures = figures
        self._pacer = Pacer(bytes_per_s, now_us)
        self._sends: set[asyncio.Task[None]] = set()
        self._sent: dict[int, tuple[int, int]] = {}
        """Member to (index, term) of the last one that it got whole."""
        self._thread = ThreadPoolExecutor(
            limits.SNAPSHOT_SENDS_MAX, thread_name_prefix="snapshot-send"
        )

    @property
    def is_busy(self) -> bool:
        """Whether one more asker is told to come again."""
        return len(self._sends) >= limits.SNAPSHOT_SENDS_MAX

    def serve(self, conversation: Conversation, member_id: int) -> None:
        """Answers one asker in the background."""
        task = asyncio.get_running_loop().create_task(self._serve(conversation, member_id))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)

    async def stop(self) -> None:
        """Breaks off what is under way; the askers try again elsewhere or later."""
        for task in tuple(self._sends):
            task.cancel()
        if self._sends:
            await asyncio.wait(self._sends, timeout=limits.CLOSE_TIMEOUT_S)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, conversation: Conversation, member_id: int) -> None:
        loop = asyncio.get_running_loop()
        file: SnapshotFile | None = None
        try:
            request = await _answer(conversation)
            covers_index = number(request, "covers_index")
            file = await loop.run_in_executor(self._thread, self._snapshots.newest)
            if file is not None and self._sent.pop(member_id, None) == (file.index, file.term):
                # Whoever asks for the same again could not use what it got.
                self._thread.submit(file.close)
                await loop.run_in_executor(self._thread, self._snapshots.put_damaged_aside)
                file = await loop.run_in_executor(self._thread, self._snapshots.newest)
            if file is None or file.index < covers_index:
                self._on_missing()
                refusal = Refusal(
                    Cause.NONE_NEEDED, f"there is no snapshot here that covers entry {covers_index}"
                )
                conversation.say(encode_refusal(refusal))
                conversation.close()
                return
            await self._send(conversation, member_id, file)
        except (ConversationOver, CodecError, StorageError, OSError) as error:
            log.warning("peer.snapshot_send_failed", member=member_id, reason=str(error))
            conversation.abort()
        except asyncio.CancelledError:
            conversation.abort()
            raise
        except Exception as error:  # the top frame of a task: the node goes on
            log.critical("peer.snapshot_server_broken", exc_info=error)
            conversation.abort()
        finally:
            if file is not None:
                self._thread.submit(file.close)

    async def _send(self, conversation: Conversation, member_id: int, file: SnapshotFile) -> None:
        loop = asyncio.get_running_loop()
        what = {"index": file.index, "term": file.term, "size": file.size}
        conversation.say(codec.pack(what))
        offset = number(await _answer(conversation), "offset")
        log.info("peer.snapshot_send", member=member_id, offset=offset, **what)
        while offset < file.size:
            length = min(limits.SNAPSHOT_CHUNK_BYTES, file.size - offset)
            if pause_s := self._pacer.pause_s(length):
                await asyncio.sleep(pause_s)
            chunk = await loop.run_in_executor(self._thread, file.read, offset, length)
            if len(chunk) != length:
                raise ConversationOver(f"the file ends at byte {offset + len(chunk)}")
            await conversation.send(chunk, limits.SNAPSHOT_ANSWER_TIMEOUT_S)
            offset += length
            self._figures.snapshot_bytes_sent += length
        await _answer(conversation)  # that all is there, so that the close loses nothing
        self._sent[member_id] = (file.index, file.term)
        self._figures.snapshots_sent += 1
        log.info("peer.snapshot_sent", member=member_id, index=file.index)
        conversation.close()


def number(value: dict[object, object], name: str) -> int:
    """A field that counts. Raises CodecError."""
    field = value.get(name)
    if type(field) is not int or not 0 <= field < 1 << 63:
        raise CodecError(f"a snapshot's {name} is missing or out of range")
    return field


async def _answer(conversation: Conversation) -> dict[object, object]:
    body = await conversation.receive(limits.HELLO_BYTES_MAX, limits.SNAPSHOT_ANSWER_TIMEOUT_S)
    return fields(body)


def fields(body: bytes) -> dict[object, object]:
    """The map in a body. Raises CodecError."""
    value = codec.unpack(body)
    if not isinstance(value, dict):
        raise CodecError("not a map")
    return value
