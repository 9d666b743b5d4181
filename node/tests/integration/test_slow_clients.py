"""Claims about clients that read slowly, or ask for more than they read: they live, and cost little."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess
from tests.integration.test_client_tls import TlsNode
from tests.integration.test_hostile_clients import read_monitor
from tests.integration.wire import Wire

from raftkeeper.testing.client_wire import (
    EPHEMERAL,
    GET_DATA,
    PING,
    SET_DATA,
    XID_PING,
    read,
    request,
    set_body,
)

MIB = 1024 * 1024
PING_EVERY_S = 0.5


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """With a certificate, and sessions that may be short."""
    with TlsNode(tmp_path, session_min_timeout_ms=2000) as node:
        yield node


@pytest.fixture
def witness(node: NodeProcess) -> Iterator[Wire]:
    """A client that does nothing special, and has made a znode of a megabyte."""
    with Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        client.create("/big", b"x" * 1_000_000)
        yield client


def resident_bytes(node: NodeProcess) -> int:
    """What the node has of the memory."""
    return int(dict(read_monitor(node))["zk_resident_memory_bytes"])


def take(sock: socket.socket, rate: float, seconds: float) -> int:
    """Takes about so many bytes a second, pings, and reads nothing of what it takes; how much it was."""
    begin, pinged, taken = time.monotonic(), 0.0, 0
    while (passed := time.monotonic() - begin) < seconds:
        if passed - pinged > PING_EVERY_S:
            pinged = passed
            sock.sendall(request(XID_PING, PING))
        if (due := int(passed * rate) - taken) > 0:
            taken += len(sock.recv(min(due, 65536)))
        else:
            time.sleep(0.01)
    return taken


@pytest.mark.parametrize(("rate", "secure"), [(4e6, False), (5e4, False), (5e4, True)])
def test_session_of_a_client_that_takes_its_answers_slowly_lives(
    node: TlsNode, witness: Wire, rate: float, secure: bool
) -> None:
    """It pings in time, but what it says lies behind answers that it has not taken yet."""
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(Wire(node.tls_port if secure else node.port))
        if secure:
            slow.sock = node.context().wrap_socket(slow.sock, server_hostname="localhost")
            stack.enter_context(slow.sock)
        slow.handshake(timeout_ms=2000)
        assert slow.create("/alive", flags=EPHEMERAL).error == 0
        slow.sock.sendall(read(7, GET_DATA, "/big") * 200)
        assert take(slow.sock, rate, seconds=4.0) > 0
        assert witness.exists("/alive").error == 0


def test_reads_behind_a_write_cost_bounded_memory(node: NodeProcess, witness: Wire) -> None:
    """They are answered as they are taken, all of them, and others are served meanwhile."""
    before = resident_bytes(node)
    count, data = 300, b"y" * 1_000_000
    greedy = [Wire(node.port).handshake() for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for client in greedy:
            stack.enter_context(client)
            write = request(1, SET_DATA, set_body("/big", data))
            client.sock.sendall(write + read(2, GET_DATA, "/big") * count)
        for client in greedy:
            assert client.read_reply().xid == 1
            assert witness.get("/witness").xid > 0
        assert resident_bytes(node) - before < 50 * MIB
        for client in greedy:
            assert {client.read_reply().data() for _ in range(count)} == {data}
