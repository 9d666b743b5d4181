"""Claims about clients that misbehave: each harms itself and nobody else."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess, wait_until
from tests.integration.wire import Wire

from raftkeeper.testing.client_wire import GET_DATA, frame, read


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node with small bounds on what is unsent, and a patience of a second."""
    with NodeProcess(
        tmp_path, client_unsent_bytes_max=4 * 1024 * 1024, client_unsent_stall_ms=1000
    ) as node:
        yield node


@pytest.fixture
def witness(node: NodeProcess) -> Iterator[Wire]:
    """A well-behaved client that must not notice anything."""
    with Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        client.create("/witness", b"here")
        yield client
        assert client.get("/witness").data() == b"here"


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">i", 2**31 - 1),
        struct.pack(">i", -1),
        struct.pack(">i", 0),
        frame(b"\xff" * 45),
        bytes(range(255, -1, -1)) * 64,
    ],
    ids=["http", "length of 2 GiB", "negative length", "empty", "no handshake", "noise"],
)
def test_garbage_in_place_of_a_handshake_closes_its_connection(
    node: NodeProcess, said: bytes
) -> None:
    """At once, and nothing is kept of it."""
    with Wire(node.port) as hostile:
        hostile.sock.sendall(said)
        if said == frame(b"\xff" * 45):
            hostile.sock.shutdown(socket.SHUT_WR)
        assert hostile.at_end()


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize("length", [2**31 - 1, -5, 0x100000])
def test_bad_length_after_the_handshake_closes_its_connection(
    node: NodeProcess, length: int
) -> None:
    """A frame longer than allowed is refused before it is read."""
    with Wire(node.port) as hostile:
        hostile.handshake()
        hostile.sock.sendall(struct.pack(">i", length) + b"x" * 100)
        assert hostile.at_end()


def test_half_a_frame_waits_without_harm(node: NodeProcess, witness: Wire) -> None:
    """The rest may come later; others are served meanwhile."""
    with Wire(node.port) as slow:
        slow.handshake()
        request = read(1, GET_DATA, "/witness")
        slow.sock.sendall(request[:7])
        for _ in range(3):
            assert witness.get("/witness").error == 0
        slow.sock.sendall(request[7:])
        assert slow.read_reply().data() == b"here"


def test_client_that_never_reads_is_closed_and_costs_bounded_memory(
    node: NodeProcess, witness: Wire
) -> None:
    """It asks for gigabytes; the node holds megabytes, and closes it at its bound."""
    witness.create("/big", b"x" * 1_000_000)
    before = int(dict(read_monitor(node))["zk_resident_memory_bytes"])
    request = read(1, GET_DATA, "/big")
    with Wire(node.port, timeout_s=2.0) as greedy:
        greedy.handshake()
        try:
            greedy.sock.sendall(request * 5_000)
        except (TimeoutError, ConnectionError):
            pass
        wait_until(lambda: bool(node.events("client.closed")))
        assert witness.get("/witness").error == 0
    assert "takes no answers" in node.events("client.closed")[0]["reason"]
    after = int(dict(read_monitor(node))["zk_resident_memory_bytes"])
    assert after - before < 100 * 1024 * 1024


@pytest.mark.usefixtures("witness")
def test_reading_client_gets_all_it_asked_for_at_once(node: NodeProcess) -> None:
    """Backpressure delays a client that reads; it does not lose its answers."""
    request = read(7, GET_DATA, "/big")
    with Wire(node.port) as client:
        client.handshake()
        client.create("/big", b"x" * 100_000)
        client.sock.sendall(request * 200)
        sizes = {len(client.read_reply().data()) for _ in range(200)}
    assert sizes == {100_000}


def test_connections_above_the_bound_are_refused(tmp_path: Path) -> None:
    """The door is shut for the one too many, and opens when one leaves."""
    with NodeProcess(tmp_path, client_connections_per_address_max=2) as node:
        first, second = Wire(node.port).handshake(), Wire(node.port).handshake()
        with Wire(node.port) as third:
            assert third.at_end()
        assert node.events("client.refused")
        second.sock.close()
        wait_until(lambda: session_of(node.port) != 0)
        first.sock.close()


def session_of(port: int) -> int:
    """A session's id, 0 when there was no way in."""
    try:
        with Wire(port) as client:
            return client.handshake().session
    except (EOFError, ConnectionError):
        return 0


def read_monitor(node: NodeProcess) -> list[tuple[str, str]]:
    """The figures of `mntr`."""
    with socket.create_connection(("127.0.0.1", node.port), 5.0) as sock:
        sock.sendall(b"mntr")
        text = b""
        while piece := sock.recv(65536):
            text += piece
    pairs = [line.partition("\t") for line in text.decode().splitlines()]
    return [(name, value) for name, _, value in pairs]
