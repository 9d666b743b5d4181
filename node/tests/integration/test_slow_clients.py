"""Claims about clients that read slowly, or ask for more than they read: they live, and cost little."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess
from tests.integration.test_client_tls import TlsNode
from tests.integration.test_hostile_clients import read_monitor
from tests.integration.wire import Wire

from raftkeeper.testing.client_wire import (
    GET_DATA,
    SET_DATA,
    read,
    request,
    set_body,
)

MIB = 1024 * 1024


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
