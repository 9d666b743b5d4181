"""Claims about a real node from start to end: what survives, and how it stops."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess, wait_until
from tests.integration.wire import Wire

from raftkeeper.testing.client_wire import EPHEMERAL, PING


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node that serves."""
    with NodeProcess(tmp_path) as node:
        yield node


def test_session_is_given_with_a_timeout_in_bounds(node: NodeProcess) -> None:
    """Wishes are clamped to 4 s and 40 s."""
    for wish, given in ((1, 4_000), (10_000, 10_000), (100_000, 40_000)):
        with Wire(node.port) as client:
            client.handshake(timeout_ms=wish)
            assert (client.timeout_ms, client.session != 0) == (given, True)


def test_created_znode_can_be_read_and_written(node: NodeProcess) -> None:
    """The shortest useful conversation."""
    with Wire(node.port) as client:
        client.handshake()
        assert client.create("/a", b"one").data() == b"/a"
        assert client.get("/a").data() == b"one"
        assert client.set("/a", b"two").error == 0
        assert client.get("/a").data() == b"two"
        assert client.get("/b").error == -101


def test_restart_keeps_data_and_sessions(node: NodeProcess) -> None:
    """An orderly stop exits 0; the same session goes on afterwards, its ephemeral still there."""
    with Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        client.create("/kept", b"data")
        client.create("/mine", b"", EPHEMERAL)
    assert node.terminate() == 0
    node.start()
    with Wire(node.port) as again:
        again.handshake(30_000, client.session, client.password)
        assert again.session == client.session
        assert again.get("/kept").data() == b"data"
        assert again.exists("/mine").error == 0


def test_session_is_not_given_to_a_wrong_password(node: NodeProcess) -> None:
    """Guessing an id is not enough."""
    with Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        with Wire(node.port) as thief:
            thief.handshake(30_000, client.session, b"x" * 16)
            assert (thief.session, thief.timeout_ms) == (0, 0)
            assert thief.at_end()


class WriteLoad:
    """A thread that creates znodes one by one, and remembers what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.acknowledged: list[str] = []
        self._port = port
        self._thread = threading.Thread(target=self._write_on)
        self._thread.start()
        wait_until(lambda: len(self.acknowledged) > 300)

    def missing_after_restart(self, node: NodeProcess) -> list[str]:
        """What was acknowledged and is not there."""
        self._thread.join(10)
        node.start()
        with Wire(node.port) as client:
            client.handshake()
            return [path for path in self.acknowledged if client.exists(path).error]

    def _write_on(self) -> None:
        try:
            with Wire(self._port) as client:
                client.handshake()
                for number in range(1_000_000):
                    assert client.create(f"/n{number}").error == 0
                    self.acknowledged.append(f"/n{number}")
        except (EOFError, ConnectionError):
            return


def test_sigkill_loses_no_acknowledged_write(node: NodeProcess) -> None:
    """Killed under a write load; everything that was answered is there afterwards."""
    load = WriteLoad(node.port)
    node.kill()
    assert load.missing_after_restart(node) == []


def test_sigterm_under_load_ends_in_order(node: NodeProcess) -> None:
    """Exit code 0, clients closed, and everything that was answered is there afterwards."""
    load = WriteLoad(node.port)
    with Wire(node.port) as idle:
        idle.handshake()
        assert node.terminate() == 0
        assert idle.at_end()
    assert node.events("node.stopped")
    assert node.events("node.drain_timeout") == []
    assert load.missing_after_restart(node) == []


def test_expired_session_takes_its_ephemerals(tmp_path: Path) -> None:
    """Silence for longer than the timeout ends a session, and only that one."""
    with (
        NodeProcess(tmp_path, session_min_timeout_ms=500) as node,
        Wire(node.port) as silent,
        Wire(node.port) as lively,
    ):
        silent.handshake(timeout_ms=500)
        lively.handshake(timeout_ms=4_000)
        silent.create("/silent", b"", EPHEMERAL)
        lively.create("/lively", b"", EPHEMERAL)
        wait_until(lambda: lively.exists("/silent").error == -101)
        assert lively.exists("/lively").error == 0
        assert silent.at_end()


def test_snapshot_and_log_together_hold_everything(tmp_path: Path) -> None:
    """Snapshots are taken under load, and a killed node comes back from the newest and the log."""
    with NodeProcess(tmp_path, snapshot_every_entries=100) as node:
        with Wire(node.port) as client:
            client.handshake(timeout_ms=30_000)
            for number in range(250):
                client.create(f"/n{number}", b"x" * 100)
            wait_until(lambda: bool(node.events("snapshot.taken")))
            for number in range(250, 300):
                client.create(f"/n{number}", b"x" * 100)
        node.kill()
        node.start()
        assert node.events("snapshot.restore")
        with Wire(node.port) as client:
            client.handshake()
            assert [n for n in range(300) if client.get(f"/n{n}").data() != b"x" * 100] == []
            assert client.call(PING, b"").error == 0


def test_snapshot_on_exit_is_taken_when_asked(tmp_path: Path) -> None:
    """The next start begins from it."""
    with NodeProcess(tmp_path, snapshot_on_exit="true") as node:
        with Wire(node.port) as client:
            client.handshake()
            client.create("/a", b"data")
        assert node.terminate() == 0
        assert node.events("snapshot.taken")
        node.start()
        with Wire(node.port) as client:
            client.handshake()
            assert client.get("/a").data() == b"data"
