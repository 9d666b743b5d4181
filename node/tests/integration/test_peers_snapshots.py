"""Snapshots between members over real sockets: resumed, paced, bounded, told exactly once."""

import asyncio
import os
import threading
from typing import Any

import pytest
from tests.integration.peer_nodes import Node, on_uvloop, stop, until

from raftkeeper.server.peers import limits
from raftkeeper.storage import StorageError
from raftkeeper.testing.tcp_proxy import TcpProxy


class Disk:
    """Snapshots in memory, with the calls of the store."""

    def __init__(self, content: bytes = b"", index: int = 7) -> None:
        self.content = content
        self.index = index
        self.term = 2
        self.parts: dict[tuple[int, int, int], bytearray] = {}
        self.offsets: list[int] = []
        self.finished: list[bytes] = []
        self.receiving = threading.Event()
        self.may_receive = threading.Event()
        self.may_receive.set()
        self.closed = 0
        self.damaged = False
        self.looked_at = 0
        self.before = b""
        """What stands in for `content` when that is looked at and found damaged."""

    # the store
    def newest(self) -> "Disk | None":
        return self if self.content else None

    def put_damaged_aside(self) -> None:
        self.looked_at += 1
        self.content = self.before or self.content

    def receive(self, index: int, term: int, size: int) -> "Receipt":
        self.receiving.set()
        assert self.may_receive.wait(10)
        part = self.parts.setdefault((index, term, size), bytearray())
        self.offsets.append(len(part))
        return Receipt(self, (index, term, size), part)

    # an open file
    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]

    def close(self) -> None:
        pass


class Receipt:
    """One that comes in."""

    def __init__(self, disk: Disk, key: tuple[int, int, int], part: bytearray) -> None:
        self.disk, self.key, self.part = disk, key, part

    @property
    def offset(self) -> int:
        return len(self.part)

    def add(self, data: bytes) -> None:
        self.part += data

    def finish(self) -> Any:
        if self.disk.damaged:
            from pathlib import Path

            raise StorageError(Path("x.snap"), "a checksum does not agree", "Try again")
        self.disk.finished.append(bytes(self.part))
        return self.key

    def abandon(self) -> None:
        del self.disk.parts[self.key]

    def close(self) -> None:
        self.disk.closed += 1


async def members(
    content: bytes, *, bytes_per_s: int = 0, **addresses: str
) -> tuple[Node, Node, Disk]:
    """One that has a snapshot, one that has none, and the second one's disk."""
    leader = await Node(1, bytes_per_s=bytes_per_s).serve(snapshots=Disk(content))
    disk = Disk()
    follower = await Node(2).serve(snapshots=disk)
    follower.knows(leader, **addresses)
    leader.knows(follower)
    return leader, follower, disk


@on_uvloop
async def test_a_snapshot_arrives_whole() -> None:
    """Byte for byte, told once, and the links go on meanwhile."""
    content = os.urandom(3_000_000)
    leader, follower, disk = await members(content)
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert follower.snapshots == [(7, 2, len(content))]
    assert disk.finished == [content]
    await until(lambda: leader.transport.figures.snapshots_sent == 1)
    await stop(leader, follower)


@on_uvloop
async def test_a_cut_transfer_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come is not sent again."""
    monkeypatch.setattr(limits, "SNAPSHOT_RETRY_S", 0.02)
    content = os.urandom(4_000_000)
    leader, follower, disk = await members(content)
    async with TcpProxy(("127.0.0.1", leader.port)) as proxy:
        proxy.back.bytes_per_s = 20_000_000
        follower.knows(leader, m1=proxy.address)
        follower.transport.fetch_snapshot(1, 7)
        figures = follower.transport.figures
        await until(lambda: figures.snapshot_bytes_fetched > 500_000)
        proxy.cut()
        await until(lambda: follower.snapshots)
    assert disk.finished == [content]
    assert disk.offsets[0] == 0
    assert disk.offsets[-1] >= 500_000
    assert figures.snapshot_bytes_fetched == len(content)
    await stop(leader, follower)


@on_uvloop
async def test_a_send_keeps_to_its_rate() -> None:
    """So that appends and clients have the rest of the network."""
    leader, follower, _ = await members(bytes(1_000_000), bytes_per_s=2_000_000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert loop.time() - began > 0.3
    await stop(leader, follower)


@on_uvloop
@pytest.mark.parametrize("content", [b"", b"x" * 100])
async def test_a_snapshot_that_covers_too_little_is_given_up_at_once(content: bytes) -> None:
    """None there, or only an older one: the core hears it without a row of tries."""
    leader, follower, disk = await members(content)
    follower.transport.fetch_snapshot(1, 8)
    await until(lambda: follower.snapshots)
    assert follower.snapshots == [None]
    assert disk.offsets == []
    await stop(leader, follower)


@on_uvloop
async def test_a_damaged_snapshot_is_dropped_and_given_up() -> None:
    """Nothing of it is continued with; the next offer begins anew."""
    leader, follower, disk = await members(b"x" * 1000)
    disk.damaged = True
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert follower.snapshots == [None]
    assert disk.parts == {}
    disk.damaged = False
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: len(follower.snapshots) == 2)
    assert disk.finished == [b"x" * 1000]
    await stop(leader, follower)


@on_uvloop
async def test_who_asks_for_the_same_again_has_the_sender_look_at_it() -> None:
    """It was damaged on its way, or lies damaged on the sender's disk: then another stands in."""
    leader, follower, disk = await members(b"rotten")
    sender = leader.snapshot_store
    sender.before = b"older, and whole"
    disk.damaged = True
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert (follower.snapshots, sender.looked_at) == ([None], 0)
    disk.damaged = False
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: len(follower.snapshots) == 2)
    assert sender.looked_at == 1
    assert disk.finished == [b"older, and whole"]
    await stop(leader, follower)


@on_uvloop
async def test_an_unreachable_sender_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded number of tries, told once."""
    monkeypatch.setattr(limits, "SNAPSHOT_RETRY_S", 0.01)
    follower = await Node(2).serve(snapshots=Disk())
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert follower.snapshots == [None]
    assert follower.transport.figures.snapshots_given_up == 1
    await stop(follower)


@on_uvloop
async def test_nothing_is_told_of_a_cancelled_fetch() -> None:
    """And the next one is told of alone."""
    leader, follower, disk = await members(bytes(2_000_000), bytes_per_s=1_000_000)
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: disk.offsets)
    follower.transport.cancel_fetch()
    follower.transport.fetch_snapshot(1, 8)
    await until(lambda: follower.snapshots)
    assert follower.snapshots == [None]
    await stop(leader, follower)


@on_uvloop
async def test_a_fetch_that_is_cancelled_while_its_file_is_opened_closes_it() -> None:
    """Its thread opens it all the same, and nobody else knows of it."""
    leader, follower, disk = await members(b"x" * 1000)
    disk.may_receive.clear()
    follower.transport.fetch_snapshot(1, 7)
    await until(disk.receiving.is_set)
    follower.transport.cancel_fetch()
    await asyncio.sleep(0)
    disk.may_receive.set()
    await until(lambda: disk.closed == 1)
    await stop(leader, follower)


@on_uvloop
async def test_a_member_whose_state_is_wrong_sends_no_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asks is told to come again, and gets one when the state is right."""
    monkeypatch.setattr(limits, "SNAPSHOT_RETRY_S", 0.01)
    wrong = ["its state differs"]
    leader, disk = (
        await Node(1).serve(snapshots=Disk(b"x" * 1000), why_none=lambda: wrong[0]),
        Disk(),
    )
    follower = await Node(2).serve(snapshots=disk)
    follower.knows(leader)
    leader.knows(follower)
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: follower.snapshots)
    assert (follower.snapshots, disk.finished) == ([None], [])
    assert leader.transport.figures.refusals["busy"]
    wrong[0] = ""
    follower.transport.fetch_snapshot(1, 7)
    await until(lambda: len(follower.snapshots) == 2)
    assert disk.finished == [b"x" * 1000]
    await stop(leader, follower)
