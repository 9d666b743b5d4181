"""Claims about `raftkeeper inspect` on the folder of a real node: all is told, nothing is changed."""

import fcntl
import hashlib
import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.compat.peers.ports import free_port
from tests.integration.inspecting import inspect_folder
from tests.integration.node_process import NodeProcess
from tests.integration.wire import Wire

from raftkeeper.storage import SnapshotMeta, SnapshotStore, StorageOptions
from raftkeeper.storage.files import RealFiles, opened
from raftkeeper.storage.hard_state import HardStateFile, LogEnd
from raftkeeper.storage.layout import SECTOR_BYTES, segment_sequence
from raftkeeper.storage.snapshot_file import read_chunks
from raftkeeper.testing.client_wire import EPHEMERAL

TOKEN = "a token for tests only"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a snapshot, and a log behind it, of a node that was killed."""
    directory = tmp_path_factory.mktemp("inspected")
    token = directory / "token"
    token.write_text(TOKEN)
    settings = {"admin_token_file": token, "admin_port": free_port()}
    with NodeProcess(directory, **settings) as node, Wire(node.port) as client:
        client.handshake(timeout_ms=30_000)
        client.create("/before", b"saved")
        client.create("/before/child", b"")
        request = urllib.request.Request(
            f"http://127.0.0.1:{node.settings['admin_port']}/v1/snapshot",
            method="POST",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        urllib.request.urlopen(request, timeout=10).close()
        client.create("/after", b"logged only", EPHEMERAL)
        node.kill()
    return directory / "data"


@pytest.fixture
def folder(origin: Path, tmp_path: Path) -> Path:
    """A copy of its own for each test."""
    copy = tmp_path / "data"
    shutil.copytree(origin, copy)
    return copy


def report(folder: Path) -> dict[str, Any]:
    """What it tells as JSON."""
    value: dict[str, Any] = json.loads(inspect_folder(folder, "--json").stdout)
    return value


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Content and time of change of every file."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def last_block(folder: Path) -> tuple[Path, int]:
    """The segment that is written, and where its last block begins."""
    used = [one for one in report(folder)["segments"] if one["last_index"]][-1]
    segment = folder / "log" / used["file"]
    return segment, used["used_bytes"] - SECTOR_BYTES


def flip(path: Path, offset: int) -> None:
    """Damages one byte."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


def test_whole_folder_is_told(folder: Path) -> None:
    """Identity, term, vote, log, snapshots, members."""
    found = report(folder)
    assert len(found["identity"]["cluster_id"]) == 32
    assert (found["identity"]["member_id"], found["vote"]) == (1, 1)
    assert found["term"] == found["last_term"] >= 1
    assert found["config"]["voters"] == [1]
    (snapshot,) = found["snapshots"]
    assert snapshot["whole"]
    assert snapshot["index"] < found["last_index"] == found["log"]["last_index"]
    assert found["damage"] == []
    result = inspect_folder(folder)
    assert result.returncode == 0
    assert found["identity"]["cluster_id"] in result.stdout
    assert "good" in result.stdout


def test_log_is_told_request_by_request(folder: Path) -> None:
    """By the code that would apply it; data is not shown."""
    text = inspect_folder(folder, "--log").stdout
    for line in (
        "voters 1",
        "bootstrap cluster",
        "create session, timeout 30000 ms",
        "create /before, 5 bytes",
        "create /after, 11 bytes, ephemeral",
    ):
        assert line in text, text
    assert "logged only" not in text
    last = report(folder)["last_index"]
    rows = inspect_folder(folder, "--log", "--json", "--from", str(last)).stdout.splitlines()
    (row,) = map(json.loads, rows)
    assert (row["index"], row["kind"]) == (last, "batch")
    assert "create /after" in row["requests"][0]


def test_snapshot_is_told_znode_by_znode(folder: Path) -> None:
    """As it would be served: what is only in the log is not in it."""
    result = inspect_folder(folder, "--snapshot", "newest", "--json", "--data")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    by_path = {row["path"]: row for row in rows}
    assert bytes.fromhex(by_path["/before"]["data_hex"]) == b"saved"
    assert (by_path["/before"]["children"], by_path["/before"]["version"]) == (1, 0)
    assert "/zookeeper/config" in by_path
    assert "/after" not in by_path
    assert [row["path"] for row in rows] == sorted(by_path)
    snapshot = report(folder)["snapshots"][0]
    named = inspect_folder(folder, "--snapshot", f"{snapshot['index']}-{snapshot['term']}")
    assert "/before/child  0 bytes, version 0" in named.stdout
    missing = inspect_folder(folder, "--snapshot", "1-1")
    assert missing.returncode == 2
    assert f"{snapshot['index']}-{snapshot['term']}" in missing.stderr


def test_nothing_is_changed(folder: Path) -> None:
    """Neither contents nor times, also where a start would repair."""
    segment, block = last_block(folder)
    (folder / "log" / "x.tmp").write_bytes(b"left")
    data = bytearray(segment.read_bytes())
    data[block + 100 : block + SECTOR_BYTES] = bytes(SECTOR_BYTES - 100)
    segment.write_bytes(data)
    flip(folder / "hard_state", 10)
    before = fingerprint(folder)
    for options in ((), ("--log",), ("--snapshot", "newest"), ("--json",)):
        assert inspect_folder(folder, *options).returncode == 0
    assert fingerprint(folder) == before


def test_last_block_that_was_durable_is_damage(folder: Path) -> None:
    """A bit of it that turned over is not taken for a torn write, where that can be known."""
    segment, block = last_block(folder)
    path = folder / "hard_state"
    hard_state = HardStateFile.open(RealFiles(), path)
    state = hard_state.state
    data = bytearray(path.read_bytes())
    for offset, slot in hard_state.writes(
        state.term, state.vote, LogEnd(segment_sequence(segment.name) or 0, block + SECTOR_BYTES)
    ):
        data[offset : offset + len(slot)] = slot
    path.write_bytes(data)
    assert inspect_folder(folder).returncode == 0
    flip(segment, block + 40)
    result = inspect_folder(folder)
    assert result.returncode == 1
    assert "was durable up to byte" in result.stderr


def test_torn_tail_is_no_damage_and_is_told(folder: Path) -> None:
    """It was never acknowledged; the next start cuts it off."""
    whole = report(folder)
    segment, block = last_block(folder)
    flip(segment, block + 40)
    found = report(folder)
    assert found["damage"] == []
    assert found["last_index"] < whole["last_index"]
    assert any(segment.name in repair for repair in found["repairs"])


def test_damage_is_told_with_its_place_and_the_way_out(folder: Path) -> None:
    """And all before it is still shown."""
    segment, block = last_block(folder)
    flip(segment, block - SECTOR_BYTES + 40)
    result = inspect_folder(folder)
    assert result.returncode == 1
    assert f"{segment} at byte" in result.stderr
    assert "let it join anew" in result.stderr
    found = report(folder)
    assert found["log"]["last_index"] >= 1
    assert found["snapshots"][0]["whole"]
    assert "create /before" in inspect_folder(folder, "--log").stdout


def test_damaged_snapshot_is_told_and_the_log_is_shown(folder: Path) -> None:
    """With a log that goes back to its beginning that is no loss."""
    (snapshot,) = (folder / "snapshots").glob("*.snap")
    flip(snapshot, snapshot.stat().st_size // 2)
    found = report(folder)
    assert [one["whole"] for one in found["snapshots"]] == [False]
    assert "checksum" in found["snapshots"][0]["damage"]
    assert "create /after" in inspect_folder(folder, "--log").stdout
    missing = inspect_folder(folder, "--snapshot", "newest")
    assert "there are: none" in missing.stderr


def test_damaged_identity_and_hard_state_are_told(folder: Path) -> None:
    """Term and vote are there twice; both must be gone."""
    flip(folder / "hard_state", 10)
    assert report(folder)["term"] >= 1
    flip(folder / "hard_state", 4096 + 10)
    found = report(folder)
    assert found["damage"]
    assert "term and vote are damaged" in found["damage"][0]
    assert found["log"]["last_index"] > 0
    flip(folder / "identity", 10)
    result = inspect_folder(folder)
    assert (result.returncode, "identity" in result.stderr) == (1, True)


def test_verdict_is_that_of_a_start(folder: Path) -> None:
    """Also where every file is whole and they do not go together: good is what a node starts from."""
    whole = shutil.copytree(folder, folder.with_name("no-log"))
    for segment in (whole / "log").iterdir():
        segment.unlink()
    for snapshot in (whole / "snapshots").iterdir():
        snapshot.unlink()
    result = inspect_folder(whole)
    assert (result.returncode, "the log is missing" in result.stderr) == (1, True)
    older = shutil.copytree(folder, folder.with_name("older-term"))
    HardStateFile.create(RealFiles(), older / "hard_state")
    result = inspect_folder(older)
    assert (result.returncode, "is older than the log's" in result.stderr) == (1, True)


def test_snapshot_that_no_engine_takes_is_no_good_verdict(folder: Path) -> None:
    """Its sums agree and the node does not start with it: one of another release, say."""
    (snapshot,) = (folder / "snapshots").glob("*.snap")
    files = RealFiles()
    with opened(files, files.open(snapshot)) as fd:
        meta = next(read_chunks(files, fd, snapshot))
    assert isinstance(meta, SnapshotMeta)
    snapshot.unlink()
    job = SnapshotStore(files, folder / "snapshots", StorageOptions()).begin(meta)
    job.add(b"of a format to come")
    job.finish()
    result = inspect_folder(folder)
    assert result.returncode == 1
    assert "do not make a state" in result.stderr
    assert inspect_folder(folder, "--log").returncode == 0


def test_folder_in_use_and_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    """With a sentence."""
    with (folder / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = inspect_folder(folder)
    assert (result.returncode, "stop it first" in result.stderr) == (2, True)
    assert inspect_folder(tmp_path).returncode == 2
    assert inspect_folder(tmp_path / "nowhere").returncode == 2
