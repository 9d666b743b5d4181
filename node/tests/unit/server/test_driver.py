"""Claims about the order of log, engine and answers, with an fsync that ends when the test says."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.server.fakes import FakeClock, FakeEngine, FakeTransport, FakeWriter

from raftkeeper.raft import HardState, Membership, RaftConfig, RaftCore, Restored
from raftkeeper.server.client_protocol import ClientProtocol, Clients
from raftkeeper.server.driver import Driver
from raftkeeper.storage import StorageFailed


class Bench:
    """A driver among fakes, with a real Raft core of one voter."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.writer = FakeWriter()
        self.clock = FakeClock()
        self.fatal: list[BaseException] = []
        self.notify_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.core = RaftCore(RaftConfig(member_id=1, nonce=0), Restored(hard_state=HardState(0, 0)))
        self.core.bootstrap(Membership.of(voters=[1]))
        self.driver = Driver(
            engine=self.engine,  # type: ignore[arg-type]
            core=self.core,
            writer=self.writer,  # type: ignore[arg-type]
            clock=self.clock,
            loop=asyncio.get_running_loop(),
            record_bytes_max=1000,
            first_entry=lambda: b"bootstrap",
            on_fatal=self.fatal.append,
        )
        self.clients = Clients(
            self.engine,
            now_us=self.clock.now_us,
            wake=self.driver.wake,
            unsent_bytes_max=1000,
            unsent_stall_ms=500,
            on_lost=lambda _client, _reason: None,
        )
        self.driver.clients = self.clients

    async def fsync(self) -> None:
        """The disk finishes what it has, and the loop is told."""
        self.writer.finish()
        os.eventfd_write(self.notify_fd, 1)
        await self.turn()
        if self.writer.error is None:
            os.eventfd_read(self.notify_fd)

    async def turn(self) -> None:
        """A few turns of the loop."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def serve(self) -> None:
        """From an empty log to serving: hard state and no-op, then the first entry."""
        asyncio.get_running_loop().add_reader(self.notify_fd, self.driver.on_durable)
        self.driver.start()
        for _ in range(4):
            if self.driver.serving.is_set():
                return
            await self.fsync()
        raise AssertionError("does not serve")

    def client(self) -> tuple[ClientProtocol, FakeTransport]:
        """A connected client."""
        transport = FakeTransport()
        return ClientProtocol(self.clients, transport, "a", "a:1"), transport


@pytest.fixture
async def bench() -> AsyncIterator[Any]:
    """A fresh one, stopped at the end."""
    bench = Bench()
    yield bench
    asyncio.get_running_loop().remove_reader(bench.notify_fd)
    bench.driver.stop()
    os.close(bench.notify_fd)


async def test_nothing_serves_before_the_first_entry_is_durable(bench: Bench) -> None:
    """A vote, a no-op and the cluster's secret are on disk before a client is let in."""
    asyncio.get_running_loop().add_reader(bench.notify_fd, bench.driver.on_durable)
    bench.driver.start()
    await bench.turn()
    assert not bench.driver.serving.is_set()
    for _ in range(3):
        await bench.fsync()
    assert bench.driver.serving.is_set()
    assert bench.engine.applied[-1][1] == b"bootstrap"


async def test_write_is_answered_only_when_durable(bench: Bench) -> None:
    """The promise behind every acknowledged write."""
    await bench.serve()
    client, transport = bench.client()
    client.data_received(b"W1")
    await bench.turn()
    assert not bench.writer.idle
    assert transport.sent == b""
    await bench.fsync()
    assert transport.sent == b"w1"


async def test_writes_of_one_turn_share_an_entry(bench: Bench) -> None:
    """Group commit: one fsync for all sockets that were readable."""
    await bench.serve()
    before = len(bench.engine.applied)
    for name in (b"W1", b"W2", b"W3"):
        bench.client()[0].data_received(name)
    await bench.turn()
    await bench.fsync()
    assert [payload.count(b"=") for _, payload in bench.engine.applied[before:]] == [3]


async def test_write_of_the_next_turn_still_joins(bench: Bench) -> None:
    """A batch leaves when a turn brought nothing more for it."""
    await bench.serve()
    before = len(bench.engine.applied)
    bench.client()[0].data_received(b"W1")
    await asyncio.sleep(0)
    bench.client()[0].data_received(b"W2")
    await bench.turn()
    await bench.fsync()
    assert [payload.count(b"=") for _, payload in bench.engine.applied[before:]] == [2]


async def test_batch_does_not_wait_for_ever_for_more(bench: Bench) -> None:
    """Writes in every turn do not keep the first of them from the disk."""
    await bench.serve()
    for _ in range(8):
        bench.client()[0].data_received(b"W1")
        await asyncio.sleep(0)
    assert not bench.writer.idle


async def test_next_batch_fills_while_one_block_is_under_way(bench: Bench) -> None:
    """And leaves when that block is durable, as one."""
    await bench.serve()
    client, transport = bench.client()
    client.data_received(b"W1")
    await bench.turn()
    under_way = len(bench.writer.written)
    client.data_received(b"W2")
    client.data_received(b"W3")
    await bench.turn()
    assert len(bench.writer.written) == under_way
    await bench.fsync()
    assert len(bench.writer.written) == under_way + 1
    await bench.fsync()
    assert transport.sent == b"w1w2w3"


async def test_failed_disk_stops_the_driver_for_good(bench: Bench) -> None:
    """After a failed fsync nothing is answered any more, whatever is reported later."""
    await bench.serve()
    client, transport = bench.client()
    client.data_received(b"W1")
    await bench.turn()
    bench.writer.error = StorageFailed(Path("log"), "it broke", "stop")
    await bench.fsync()
    assert [str(error) for error in bench.fatal] == ["log: it broke. stop"]
    bench.writer.error = None
    await bench.fsync()
    assert transport.sent == b""


async def test_full_disk_refuses_writes_until_there_is_room(bench: Bench) -> None:
    """No stop, no restart: it heals by itself."""
    await bench.serve()
    bench.writer.full = "no space on the disk of the log"
    bench.writer.space = 0
    bench.client()[0].data_received(b"W1")
    await bench.turn()
    assert bench.engine.refusing == "no space on the disk of the log"
    assert bench.writer.idle
    bench.writer.full = ""
    bench.writer.space = 1 << 20
    bench.driver.wake()
    bench.engine.gathered.append((1, b"W2"))
    await bench.turn()
    await bench.fsync()
    assert bench.engine.refusing == ""


async def test_answers_leave_before_an_ordered_close(bench: Bench) -> None:
    """A client reads the reply to its close before the end of the stream."""
    await bench.serve()
    client, transport = bench.client()
    bench.engine.replies.append((client.conn, b"bye"))
    bench.engine.actions.append((client.conn, 1, ""))
    bench.driver.wake()
    await bench.turn()
    assert (transport.sent, transport.closing, transport.aborted) == (b"bye", True, False)


async def test_engine_decides_who_is_read(bench: Bench) -> None:
    """Stop and go on reach the socket."""
    await bench.serve()
    client, transport = bench.client()
    for action, reading in ((3, False), (4, True)):
        bench.engine.actions.append((client.conn, action, ""))
        bench.driver.wake()
        await bench.turn()
        assert transport.reading is reading


async def test_input_kept_back_goes_on_in_the_next_turn(bench: Bench) -> None:
    """What an obeyed action brings about is looked at without waiting for a tick."""
    await bench.serve()
    client, _ = bench.client()
    feed = bench.engine.feed

    def keep_back_again(conn: int, data: bytes, now_us: int) -> bytes:
        if len(bench.engine.fed) < 3:
            bench.engine.actions.append((conn, 3, ""))
        return feed(conn, data, now_us)

    bench.engine.feed = keep_back_again  # type: ignore[method-assign]
    client._feed = keep_back_again
    client.data_received(b"read")
    await bench.turn()
    assert len(bench.engine.fed) == 4


async def test_quiet_means_nothing_gathered_and_nothing_under_way(bench: Bench) -> None:
    """What a stopping node waits for."""
    await bench.serve()
    bench.client()[0].data_received(b"W1")
    assert not bench.driver.is_quiet
    await bench.turn()
    assert not bench.driver.is_quiet
    await bench.fsync()
    assert bench.driver.is_quiet
