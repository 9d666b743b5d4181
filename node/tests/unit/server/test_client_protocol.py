"""Claims about one client's socket: what is fed, what is written, and who waits for whom."""

import socket
from typing import Any

import pytest
from tests.unit.server.fakes import FakeClock, FakeEngine, FakeTransport

from raftkeeper.server.client_protocol import ClientProtocol, Clients


class Desk:
    """A client socket and everything around it."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.clock = FakeClock()
        self.woken = 0
        self.lost: list[str] = []
        self.clients = Clients(
            self.engine,
            now_us=self.clock.now_us,
            wake=self.wake,
            unsent_bytes_max=1000,
            unsent_stall_ms=500,
            on_lost=lambda _client, reason: self.lost.append(reason),
        )
        self.transport = FakeTransport()
        self.client = ClientProtocol(self.clients, self.transport, "10.0.0.1", "10.0.0.1:5000")

    def wake(self) -> None:
        self.woken += 1

    def write(self, data: bytes) -> None:
        """What the driver does with an answer."""
        self.clients.writes[self.client.conn](data)


@pytest.fixture
async def desk() -> Any:
    """A fresh one."""
    return Desk()


async def test_answers_of_reads_are_written_at_once(desk: Desk) -> None:
    """One feed, one write, and the driver is left alone."""
    desk.client.data_received(b"read")
    assert (desk.transport.sent, desk.woken) == (b"read", 0)


async def test_gathered_writes_wake_the_driver(desk: Desk) -> None:
    """The batch is sealed at the end of the turn, by the driver."""
    desk.client.data_received(b"Write")
    assert (desk.transport.sent, desk.woken) == (b"", 1)


async def test_client_that_reads_slowly_is_not_read(desk: Desk) -> None:
    """Its requests wait in its own socket buffer."""
    desk.transport.stuck = True
    desk.client.pause_writing()
    assert not desk.transport.reading
    desk.client.resume_writing()
    assert desk.transport.reading


async def test_two_reasons_to_wait_are_kept_apart(desk: Desk) -> None:
    """Reading goes on when both are over, whichever ends first."""
    desk.client.hold()
    desk.client.pause_writing()
    desk.client.release()
    assert not desk.transport.reading
    desk.client.resume_writing()
    assert desk.transport.reading


async def test_nobody_is_read_again_while_the_node_stops(desk: Desk) -> None:
    """Whatever the engine finds room for."""
    desk.clients.pause_all()
    desk.client.release()
    assert not desk.transport.reading


async def test_input_kept_back_by_the_engine_is_taken_up_when_answers_left(desk: Desk) -> None:
    """An empty feed tells the engine that there is room again."""
    desk.client.pause_writing()
    desk.client.hold()
    assert desk.engine.fed == []
    desk.client.resume_writing()
    assert desk.engine.fed == [(desk.client.conn, b"")]


async def test_input_kept_back_is_taken_up_at_once_when_nothing_is_unsent(desk: Desk) -> None:
    """A client that takes its answers causes no event of the transport to wait for."""
    desk.client.hold()
    assert desk.engine.fed == [(desk.client.conn, b"")]
    assert not desk.transport.reading


async def test_client_that_never_reads_is_closed_at_the_bound(desk: Desk) -> None:
    """Events and answers do not pile up for ever."""
    desk.transport.stuck = True
    desk.client.pause_writing()
    desk.write(b"x" * 900)
    assert not desk.transport.aborted
    desk.write(b"x" * 200)
    assert desk.transport.aborted
    desk.client.connection_lost(None)
    assert desk.lost == ["takes no answers: client.unsent_bytes_max"]


async def test_client_that_takes_nothing_for_too_long_is_closed(desk: Desk) -> None:
    """Progress, however little, keeps it."""
    desk.transport.stuck = True
    desk.transport.unsent = 300
    desk.client.pause_writing()
    for unsent in (200, 100):
        desk.clock.us += 400_000
        desk.transport.unsent = unsent
        desk.clients.sweep()
    assert not desk.transport.aborted
    desk.clock.us += 600_000
    desk.clients.sweep()
    assert desk.transport.aborted


async def test_what_is_added_meanwhile_hides_no_progress(desk: Desk) -> None:
    """A client that takes less than watches tell it still takes something."""
    desk.transport.stuck = True
    desk.transport.unsent = 300
    desk.client.pause_writing()
    for _ in range(3):
        desk.clock.us += 400_000
        desk.transport.unsent -= 10
        desk.write(b"x" * 50)
        desk.clients.sweep()
    assert not desk.transport.aborted
    assert desk.engine.touched == [desk.client.conn] * 3


async def test_taking_answers_is_a_sign_of_life(desk: Desk) -> None:
    """Its pings are not read meanwhile, so the engine is told; and not when nothing was taken."""
    desk.transport.stuck = True
    desk.transport.unsent = 300
    desk.client.pause_writing()
    desk.clients.sweep()
    assert desk.engine.touched == []
    desk.transport.unsent = 200
    desk.clients.sweep()
    assert desk.engine.touched == [desk.client.conn]
    desk.clients.sweep()
    assert desk.engine.touched == [desk.client.conn]
    desk.client.resume_writing()
    assert desk.engine.touched == [desk.client.conn] * 2


async def test_client_that_says_something_is_there_though_it_is_not_read(desk: Desk) -> None:
    """Its ping lies in the socket, and answers leave in large pieces only."""
    desk.transport.stuck = True
    ours, theirs = socket.socketpair()
    desk.transport.get_extra_info("socket").real = ours
    with ours, theirs:
        desk.client.pause_writing()
        desk.clients.sweep()
        assert desk.engine.touched == []
        theirs.sendall(b"ping")
        desk.clients.sweep()
        desk.clients.sweep()
        assert desk.engine.touched == [desk.client.conn]


async def test_what_lies_in_the_kernel_is_unsent_too(desk: Desk) -> None:
    """A client that takes it makes progress, whether or not the kernel has asked for more."""
    desk.transport.stuck = True
    ours, theirs = socket.socketpair()
    desk.transport.get_extra_info("socket").real = ours
    with ours, theirs:
        ours.sendall(b"x" * 1000)
        desk.client.pause_writing()
        desk.clock.us += 400_000
        assert theirs.recv(1000) == b"x" * 1000
        desk.clients.sweep()
        desk.clock.us += 400_000
        desk.clients.sweep()
        assert desk.engine.touched == [desk.client.conn]
        assert not desk.transport.aborted
        desk.clock.us += 400_000
        desk.clients.sweep()
        assert desk.transport.aborted


async def test_close_waits_for_what_is_written_but_not_for_ever(desk: Desk) -> None:
    """A closing socket whose peer reads nothing is aborted by the sweep."""
    desk.transport.stuck = True
    desk.write(b"bye")
    desk.client.close("done")
    assert desk.transport.closing
    assert not desk.transport.aborted
    desk.clock.us += 600_000
    desk.clients.sweep()
    assert desk.transport.aborted


async def test_lost_socket_is_told_to_the_engine_once(desk: Desk) -> None:
    """Whatever the order of close and loss."""
    desk.client.abort("garbage")
    desk.client.connection_lost(None)
    desk.client.connection_lost(None)
    assert desk.engine.gone == [desk.client.conn]
    assert desk.lost == ["garbage"]
    assert not desk.clients.writes


async def test_wait_none_ends_when_the_last_client_is_gone(desk: Desk) -> None:
    """The drain of a stopping node waits for this."""
    desk.client.connection_lost(None)
    await desk.clients.wait_none()
