"""Claims about backups of real nodes: consistent, whole, and the beginning of another ensemble."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from tests.compat.peers.ports import free_port
from tests.integration.admin_ensemble import TOKEN, AdminEnsemble
from tests.integration.ensemble_process import wait_until
from tests.integration.node_process import NodeProcess
from tests.unit.tools.fake_s3 import BUCKET, FakeS3

from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.tools.admin_client import Access, AdminClient

ANSWER_DEADLINE_S = 50.0


def run(*arguments: object, code: int = 0, **variables: str) -> tuple[dict[str, Any], str]:
    """A `raftkeeper` command; its last line of JSON, and what it said on standard error."""
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if "RAFTKEEPER" not in name},
        "RAFTKEEPER_ADMIN_TOKEN": TOKEN,
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "raftkeeper", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=ANSWER_DEADLINE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {}, done.stderr


@pytest.fixture
def client_of() -> Iterator[Any]:
    """Makes clients, and ends them."""
    clients: list[KazooClient] = []

    def make(hosts: str) -> KazooClient:
        client = KazooClient(hosts, timeout=10)
        clients.append(client)
        client.start(timeout=20)
        return client

    yield make
    for client in clients:
        client.stop()
        client.close()


@contextmanager
def pairs_written(client: KazooClient) -> Iterator[None]:
    """Meanwhile, both znodes of each pair in one transaction."""
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            both = client.transaction()
            both.create(f"/pairs/a-{number:06d}")
            both.create(f"/pairs/b-{number:06d}")
            both.commit()

    writer = threading.Thread(target=load)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_backup_under_load_becomes_another_ensemble_that_grows(
    tmp_path: Path, client_of: Any
) -> None:
    """Every write before it is in it, none is half in it; members of the new one get its state."""
    backups, target = tmp_path / "backups", tmp_path / "restored"
    with AdminEnsemble(tmp_path) as ensemble:
        client = client_of(ensemble.hosts())
        client.create("/pairs")
        for number in range(200):
            client.create(f"/before-{number:03d}", os.urandom(100))
        with pairs_written(client):
            endpoints = ",".join(map(ensemble.endpoint, ensemble.nodes))
            made, _ = run("backup", "--to", backups.as_uri(), "--endpoints", endpoints)
        assert made["member_id"] != ensemble.leader()
        assert made["sha256"]
        assert made["znodes"] > 200
        assert made["location"] == f"{backups.as_uri()}/{made['name']}.snap"

    peer_port = free_port()
    restored, _ = run(
        *("restore", made["location"], "--data-dir", target / "data"),
        *("--address", f"127.0.0.1:{peer_port}"),
    )
    assert restored["restored"]
    assert restored["znodes"] == made["znodes"]
    assert restored["cluster_id"] != made["cluster_id"]
    token_file, admin_port = tmp_path / "token", free_port()
    common = {"admin_token_file": token_file}
    first = NodeProcess(
        target, peer_enabled="true", peer_port=peer_port, admin_port=admin_port, **common
    )
    second_port = free_port()
    (tmp_path / "second").mkdir()
    second = NodeProcess(tmp_path / "second", ensemble_join="true", peer_port=second_port, **common)
    with first:
        assert first.events("ensemble.feature_level")[0]["in_use"] == FEATURE_LEVEL, "as it was"
        client = client_of(f"127.0.0.1:{first.port}")
        names = client.get_children("/")
        assert sum(name.startswith("before-") for name in names) == 200
        pairs = client.get_children("/pairs")
        assert {n[2:] for n in pairs if n[0] == "a"} == {n[2:] for n in pairs if n[0] == "b"}
        client.create("/after", b"new")
        admin = AdminClient(Access((f"127.0.0.1:{admin_port}",), TOKEN))
        second.launch()
        try:
            wait_until(lambda: bool(second.events("node.waiting")), "the second node waits")
            address = {"address": f"127.0.0.1:{second_port}"}
            added = admin.change("POST", "/v1/members", address, None)
            assert added["member_id"] == 4, "ids of the old ensemble are not given out again"
            wait_until(lambda: second.ready()[0] == 200, "the second node serves")
            reader = client_of(f"127.0.0.1:{second.port}")
            reader.sync("/after")
            assert reader.get("/after")[0] == b"new"
            assert sorted(reader.get_children("/pairs")) == sorted(pairs)
        finally:
            second.kill()
        first.kill()
        first.start()
        again = client_of(f"127.0.0.1:{first.port}")
        assert again.get("/after")[0] == b"new"


@pytest.fixture
def single(tmp_path: Path) -> Iterator[tuple[NodeProcess, str]]:
    """A node that is alone, with some znodes; and its admin endpoint."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "node").mkdir()
    port = free_port()
    settings = {"admin_port": port, "admin_token_file": tmp_path / "token"}
    with NodeProcess(tmp_path / "node", **settings) as node:
        client = KazooClient(f"127.0.0.1:{node.port}", timeout=10)
        client.start(timeout=20)
        client.create("/kept", b"value")
        client.stop()
        client.close()
        yield node, f"127.0.0.1:{port}"


def test_backups_in_a_bucket_are_taken_listed_restored_and_pruned(
    single: tuple[NodeProcess, str], tmp_path: Path
) -> None:
    """The same commands, another place."""
    _, endpoint = single
    place = f"s3://{BUCKET}/main"
    store = FakeS3()
    try:
        names = ["b-1", "b-2", "b-3"]
        for name in names:
            run(
                *("backup", "--to", place, "--endpoints", endpoint, "--name", name),
                **store.environment,
            )
        listed, _ = run("backups", "list", place, **store.environment)
        assert listed["name"] == "b-3"
        result = tmp_path / "result"
        restored, _ = run(
            *("restore", place, "--data-dir", tmp_path / "new", "--result", result),
            **store.environment,
        )
        assert json.loads(result.read_text()) == restored
        assert restored["name"] == "b-3"
        pruned, _ = run("backups", "prune", place, "--keep", 1, **store.environment)
        assert pruned["deleted"] == ["b-1", "b-2"]
        assert sorted(store.objects) == ["main/b-3.snap", "main/b-3.snap.json"]
        run("backups", "delete", f"{place}/b-3.snap", **store.environment)
        assert store.objects == {}
    finally:
        store.close()


def test_init_container_restores_once_and_on_the_founder_only(
    single: tuple[NodeProcess, str], tmp_path: Path
) -> None:
    """All pods run the same command, at every start."""
    _, endpoint = single
    backups, data = tmp_path / "backups", tmp_path / "data"
    run("backup", "--to", backups, "--endpoints", endpoint)
    founding = {
        "RAFTKEEPER__ENSEMBLE__MEMBERS": "1=pod-0:2888",
        "RAFTKEEPER__ENSEMBLE__BOOTSTRAP": "true",
        "RAFTKEEPER__PEER__ADDRESS": "pod-0:2888",
        "RAFTKEEPER__STORAGE__DATA_DIR": str(data),
    }
    command = ("restore", backups, "--founder-only")
    other, _ = run(*command, **{**founding, "RAFTKEEPER__PEER__ADDRESS": "pod-1:2888"})
    assert (other["restored"], data.exists()) == (False, False)
    closed = {"RAFTKEEPER__ENSEMBLE__MEMBERS": "", "RAFTKEEPER__ENSEMBLE__BOOTSTRAP": "false"}
    later, _ = run(*command, **{**founding, **closed})
    assert not later["restored"]
    first, _ = run(*command, **founding)
    assert first["restored"]
    again, _ = run(*command, **founding)
    assert (again["restored"], "holds data already" in again["reason"]) == (False, True)
    shutil.rmtree(data)
    data.mkdir()
    _, said = run("restore", backups / "none.snap", "--data-dir", data, code=1)
    assert "No such file" in said
    assert list(data.iterdir()) == []


def test_altered_backup_is_not_restored(single: tuple[NodeProcess, str], tmp_path: Path) -> None:
    """Its digest is in the record; without a record its own checksums tell."""
    _, endpoint = single
    backups = tmp_path / "backups"
    made, _ = run("backup", "--to", backups, "--endpoints", endpoint)
    file = backups / f"{made['name']}.snap"
    whole = bytearray(file.read_bytes())
    whole[-30] ^= 1
    file.write_bytes(whole)
    target = tmp_path / "target"
    _, said = run("restore", file, "--data-dir", target, code=1)
    assert "SHA-256 differs" in said
    (backups / f"{made['name']}.snap.json").unlink()
    _, said = run("restore", file, "--data-dir", target, code=1)
    assert "no backup that could be restored" in said
    assert list(target.iterdir()) == []


def test_backup_of_nobody_says_why(tmp_path: Path) -> None:
    """And leaves nothing."""
    backups, result = tmp_path / "backups", tmp_path / "result"
    _, said = run(
        *("backup", "--to", backups, "--endpoints", f"127.0.0.1:{free_port()}"),
        *("--timeout", 0.5, "--result", result),
        code=1,
    )
    assert "Connection refused" in said
    assert "Connection refused" in json.loads(result.read_text())["error"]
    assert not backups.exists()
