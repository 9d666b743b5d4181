"""Claims about the first four bytes of a socket."""

import socket
from typing import Any

import pytest
from tests.unit.server.fakes import FakeClock, FakeEngine, FakeTransport

from raftkeeper.server.client_protocol import ClientProtocol, Clients
from raftkeeper.server.door import Door
from raftkeeper.server.first_bytes import Acceptor, FirstBytes


class Commands:
    """Knows `ruok` only."""

    def answer(self, word: bytes) -> str | None:
        return "imok" if word == b"ruok" else None


class Entrance:
    """An acceptor and a socket that came to it."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.clock = FakeClock()
        self.refused: list[str] = []
        self.acceptor = Acceptor(
            clients=Clients(
                self.engine,
                now_us=self.clock.now_us,
                wake=lambda: None,
                unsent_bytes_max=1000,
                unsent_stall_ms=500,
                on_lost=lambda _client, _reason: None,
            ),
            door=Door(connections_max=1, per_address_max=0),
            is_open=lambda: True,
            commands=Commands(),
            on_refused=lambda _address, reason: self.refused.append(reason),
        )

    def come(self, address: str = "10.0.0.1") -> tuple[Any, FakeTransport]:
        """A new socket."""
        opening = self.acceptor()
        transport = FakeTransport((address, 5000))
        opening.connection_made(transport)
        return opening, transport


@pytest.fixture
async def entrance() -> Any:
    """A fresh one."""
    return Entrance()


async def test_command_is_answered_and_the_socket_closed(entrance: Entrance) -> None:
    """The engine never hears of it."""
    opening, transport = entrance.come()
    opening.data_received(b"ruok")
    assert (transport.sent, transport.closing) == (b"imok", True)
    assert entrance.engine.fed == []


async def test_command_in_single_bytes_is_a_command(entrance: Entrance) -> None:
    """TCP cuts where it likes."""
    opening, transport = entrance.come()
    for byte in b"ruok":
        opening.data_received(bytes([byte]))
    assert transport.sent == b"imok"


async def test_anything_else_is_the_client_protocol_from_its_first_byte(
    entrance: Entrance,
) -> None:
    """Bytes that came early are not lost."""
    opening, transport = entrance.come()
    opening.data_received(b"\0\0")
    opening.data_received(b"\0\x2cREST")
    assert isinstance(transport.protocol, ClientProtocol)
    assert entrance.engine.fed == [(transport.protocol.conn, b"\0\0\0\x2cREST")]
    assert not entrance.acceptor.silent


async def test_silent_socket_is_closed_at_its_deadline(entrance: Entrance) -> None:
    """File descriptors are not for looking at."""
    _, transport = entrance.come()
    entrance.clock.us += 9_000_000
    entrance.acceptor.sweep()
    assert not transport.aborted
    entrance.clock.us += 2_000_000
    entrance.acceptor.sweep()
    assert transport.aborted


async def test_socket_above_the_bound_is_closed_without_a_word(entrance: Entrance) -> None:
    """And it gives back nothing that it did not take."""
    first, _ = entrance.come()
    second, transport = entrance.come()
    assert transport.aborted
    assert "client.connections_max" in entrance.refused[0]
    second.connection_lost(None)
    assert entrance.acceptor.door.open == 1
    first.connection_lost(None)
    assert entrance.acceptor.door.open == 0


async def test_small_packets_are_sent_at_once(entrance: Entrance) -> None:
    """Nagle's algorithm would hold an answer back for a round trip."""
    opening, transport = entrance.come()
    assert isinstance(opening, FirstBytes)
    sock = transport.get_extra_info("socket")
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in sock.options


async def test_client_of_version_4_is_known_by_its_own_address(entrance: Entrance) -> None:
    """Also on a socket for all addresses, where it comes as one of version 6."""
    opening, transport = entrance.come("::ffff:10.0.0.9")
    opening.data_received(b"\0\0\0\x2c")
    assert (transport.protocol.address, transport.protocol.peer) == ("10.0.0.9", "10.0.0.9:5000")
