"""Claims about `raftkeeper client`, against a real node."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess, wait_until

from raftkeeper.tools.status import fetch_status

TIMEOUT_S = 30


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One for all of them; each cleans up what it made."""
    with NodeProcess(tmp_path_factory.mktemp("node")) as node:
        yield node


def command(node: NodeProcess, *words: str) -> list[str]:
    address = f"127.0.0.1:{node.port}"
    return [sys.executable, "-m", "raftkeeper", "client", "--server", address, *words]


def client(node: NodeProcess, *words: str, given: bytes = b"") -> str:
    """What it printed; it must end with 0."""
    done = subprocess.run(
        command(node, *words), capture_output=True, input=given, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def refused(node: NodeProcess, *words: str) -> str:
    """What it said when it ended with 1."""
    done = subprocess.run(
        command(node, *words), capture_output=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 1
    return done.stderr.decode()


def test_a_znode_is_created_read_changed_listed_and_deleted(node: NodeProcess) -> None:
    """What a person does in the first minute."""
    assert client(node, "create", "-p", "/shop/stock", "12") == "/shop/stock\n"
    assert client(node, "get", "/shop/stock") == "12"
    assert client(node, "set", "/shop/stock", "-", given=b"\x00\xff") == "version 1\n"
    made = client(node, "create", "--sequential", "/shop/order-", "")
    assert made == "/shop/order-0000000001\n"
    assert client(node, "ls", "/shop") == "order-0000000001\nstock\n"
    assert client(node, "ls", "-r", "/shop") == "/shop/order-0000000001\n/shop/stock\n"
    facts = json.loads(client(node, "stat", "--json", "/shop/stock"))
    assert (facts["data"], facts["version"], facts["owner"]) == (2, 1, "none")
    assert facts["acl"] == ["world:anyone all"]
    client(node, "delete", "-r", "/shop")
    assert client(node, "ls", "/") == "zookeeper\n"


def test_a_refusal_is_one_line(node: NodeProcess) -> None:
    """The server's reason, and exit code 1."""
    assert refused(node, "get", "/nobody") == "raftkeeper: no node\n"
    client(node, "create", "/guarded", "x")
    assert refused(node, "set", "--version", "7", "/guarded", "y") == "raftkeeper: bad version\n"
    client(node, "delete", "/guarded")


def test_a_server_that_is_not_there_is_one_line() -> None:
    """And it does not wait for ever."""
    words = ["client", "--server", "127.0.0.1:1", "--timeout", "1", "ls"]
    done = subprocess.run(
        [sys.executable, "-m", "raftkeeper", *words],
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode() == "raftkeeper: cannot reach 127.0.0.1:1 within 1 s\n"


def test_an_ephemeral_lives_as_long_as_its_command(node: NodeProcess) -> None:
    """It is there once its path is printed, and gone when the command has ended."""
    words = command(node, "create", "--ephemeral", "/lease", "me")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "/lease\n"
        assert client(node, "get", "/lease") == "me"
        holder.send_signal(signal.SIGTERM)
        assert holder.wait(TIMEOUT_S) == 0
    assert refused(node, "get", "/lease") == "raftkeeper: no node\n"


def test_watch_prints_each_event(node: NodeProcess, tmp_path: Path) -> None:
    """Also the second one, though a watch fires once."""
    log = tmp_path / "events"

    def watches(count: int) -> bool:
        return fetch_status(f"127.0.0.1:{node.port}", TIMEOUT_S)["watch_count"] == str(count)

    def events() -> list[list[str]]:
        return [line.split()[1:] for line in log.read_text().splitlines()]

    with (
        log.open("wb") as out,
        subprocess.Popen(command(node, "watch", "/seen"), stdout=out) as watcher,
    ):
        wait_until(lambda: watches(1))
        client(node, "create", "/seen", "1")
        wait_until(lambda: events() == [["CREATED", "/seen"]] and watches(2))
        client(node, "delete", "/seen")
        wait_until(lambda: ["DELETED", "/seen"] in events())
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(TIMEOUT_S) == 0
