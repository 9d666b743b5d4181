"""Claims about three real nodes as one: founding, forwarding, failover, restart, wiped disks."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.retry import KazooRetry
from tests.integration.ensemble_process import EnsembleProcess, wait_until

from raftkeeper.server import limits

Connect = Callable[[str], KazooClient]


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[EnsembleProcess]:
    """All three serve."""
    with EnsembleProcess(tmp_path) as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients, and ends them."""
    clients: list[KazooClient] = []

    def make(hosts: str) -> KazooClient:
        patient = KazooRetry(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1)
        client = KazooClient(hosts, timeout=10, connection_retry=patient.copy())
        client.start(timeout=20)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.stop()
        client.close()


def test_every_node_takes_writes_and_sees_those_of_the_others(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """A follower forwards and answers itself; after a sync it is up to date."""
    clients = {number: connect(ensemble.hosts(number)) for number in ensemble.nodes}
    for number, client in clients.items():
        client.create(f"/from-{number}", b"%d" % number)
    for client in clients.values():
        client.sync("/")
        assert {name for name in client.get_children("/") if name.startswith("from-")} == {
            "from-1",
            "from-2",
            "from-3",
        }
    assert sorted(ensemble.mode(number) for number in ensemble.nodes) == [
        "follower",
        "follower",
        "leader",
    ]


def test_order_of_one_session_holds_over_a_follower(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """Writes and reads in a pipeline come back as if they were alone in the world."""
    leader = ensemble.leader()
    client = connect(ensemble.hosts(next(n for n in ensemble.nodes if n != leader)))
    client.create("/order", b"")
    asked = []
    for value in range(300):
        asked.append((client.set_async("/order", b"%d" % value), None))
        asked.append((client.get_async("/order"), b"%d" % value))
    for answer, expected in asked:
        result = answer.get(timeout=20)
        assert expected is None or result[0] == expected


def test_writes_go_on_when_the_leader_is_killed(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """Nothing acknowledged is lost, the session and its ephemeral live on, watches fire once."""
    leader = ensemble.leader()
    others = [number for number in ensemble.nodes if number != leader]
    client = connect(ensemble.hosts(*others))
    session = client.client_id[0]
    client.create("/lives", ephemeral=True)
    client.create("/log")
    acknowledged = [client.create("/log/e-", sequence=True) for _ in range(50)]
    ensemble.nodes[leader].kill()
    acknowledged += [client.create("/log/e-", sequence=True) for _ in range(50)]
    assert client.client_id[0] == session
    names = sorted(client.get_children("/log"))
    assert names == sorted(path.rpartition("/")[2] for path in acknowledged)
    assert len(set(acknowledged)) == 100
    assert client.exists("/lives").ephemeralOwner == session
    assert ensemble.leader() in others


def test_session_of_a_killed_node_moves_to_another(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """The client reconnects elsewhere with the same session, and its ephemeral is still there."""
    leader = ensemble.leader()
    client = connect(ensemble.hosts(leader, *(n for n in ensemble.nodes if n != leader)))
    session = client.client_id[0]
    client.create("/mine", ephemeral=True)
    at = next(n for n, node in ensemble.nodes.items() if node.port == _port_of(client))
    ensemble.nodes[at].kill()
    retry = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2, deadline=20)
    retry(client.set, "/mine", b"still")
    assert client.client_id[0] == session
    assert client.exists("/mine").ephemeralOwner == session


def test_restarted_member_catches_up(ensemble: EnsembleProcess, connect: Connect) -> None:
    """What was written without it is there when it serves again, without a sync."""
    leader = ensemble.leader()
    away = next(number for number in ensemble.nodes if number != leader)
    writer = connect(ensemble.hosts(leader))
    ensemble.nodes[away].kill()
    for number in range(100):
        writer.create(f"/n{number:03d}")
    ensemble.nodes[away].start()
    reader = connect(ensemble.hosts(away))
    assert len([name for name in reader.get_children("/") if name.startswith("n")]) == 100


def test_all_killed_at_once_remember_everything(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """A power cut in the whole house."""
    client = connect(ensemble.hosts())
    for number in range(20):
        client.create(f"/n{number:02d}", b"kept")
    client.stop()
    for node in ensemble.nodes.values():
        node.kill()
    for node in ensemble.nodes.values():
        node.launch()
    again = connect(ensemble.hosts())
    assert [again.get(f"/n{number:02d}")[0] for number in range(20)] == [b"kept"] * 20


def test_terminated_leader_hands_over_without_a_failed_write(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """SIGTERM moves leadership first, so a client of another node sees no error."""
    leader = ensemble.leader()
    client = connect(ensemble.hosts(*(n for n in ensemble.nodes if n != leader)))
    client.create("/count")
    asked = [client.set_async("/count", b"%d" % value) for value in range(200)]
    ensemble.nodes[leader].running.terminate()
    asked += [client.set_async("/count", b"%d" % value) for value in range(200, 400)]
    assert [answer.get(timeout=20).version for answer in asked] == list(range(1, 401))
    assert ensemble.nodes[leader].wait() == 0


def test_all_told_to_stop_at_once_wait_for_nobody(
    ensemble: EnsembleProcess, connect: Connect
) -> None:
    """None waits out its deadline for a quorum that is going as well."""
    client = connect(ensemble.hosts())
    client.create("/busy")
    for _ in range(500):
        client.set_async("/busy", b"")
    for node in ensemble.nodes.values():
        node.running.terminate()
    assert [node.wait() for node in ensemble.nodes.values()] == [0, 0, 0]
    for node in ensemble.nodes.values():
        assert node.events("node.handover_timeout") == []
        (stopping,), (stopped,) = node.events("node.stopping"), node.events("node.stopped")
        assert _seconds(stopped) - _seconds(stopping) < limits.HANDOVER_TIMEOUT_S


def test_wiped_member_neither_votes_nor_founds(ensemble: EnsembleProcess, connect: Connect) -> None:
    """Its empty disk is another incarnation: it waits, even where it was the founder."""
    client = connect(ensemble.hosts(2, 3))
    client.create("/before")
    wiped = ensemble.nodes[1]
    wiped.kill()
    shutil.rmtree(wiped.directory / "data")
    wiped.launch()
    wait_until(
        lambda: "ensemble.exists" in wiped.log_path.read_text(), "the founder finds the ensemble"
    )
    client.create("/after")
    assert wiped.ready()[0] == 503
    ensemble.nodes[2].kill()  # two of three disks are gone: there must be no quorum now
    wait_until(lambda: ensemble.mode(3) not in {"leader", ""}, "member 3 has no quorum")
    log = wiped.log_path.read_text()
    assert "ensemble.joined" not in log
    assert log.count("ensemble.founded") == 1


def _seconds(line: dict[str, Any]) -> float:
    """When it was logged."""
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _port_of(client: KazooClient) -> int:
    port: int = client._connection._socket.getpeername()[1]
    return port
