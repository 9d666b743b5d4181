"""Claims about a member whose files are damaged: it stays, says what is wrong, and harms nobody."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import wait_until
from tests.integration.inspecting import inspect_folder
from tests.integration.node_process import NodeProcess

from raftkeeper._engine import scan_block
from raftkeeper.storage.files import RealFiles
from raftkeeper.storage.hard_state import UNKNOWN_END, HardStateFile, decode_slot
from raftkeeper.storage.layout import SECTOR_BYTES, segment_sequence
from raftkeeper.storage.segments import HEADER_BYTES


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[AdminEnsemble]:
    """All three serve, and hold something."""
    with AdminEnsemble(tmp_path) as running:
        client = KazooClient(running.hosts(), timeout=10)
        client.start(timeout=20)
        for number in range(50):
            client.create(f"/n-{number}", b"x" * 1000)
        client.stop()
        client.close()
        yield running


def damage_log(data: Path) -> None:
    """One byte in the middle of what is written."""
    segment = next(path for path in sorted((data / "log").iterdir()) if path.suffix == ".log")
    content = bytearray(segment.read_bytes())
    content[10_000] ^= 0xFF
    segment.write_bytes(content)


def damage_identity(data: Path) -> None:
    """Its checksum does not agree any more."""
    identity = data / "identity"
    identity.write_bytes(identity.read_bytes().replace(b'"member_id": ', b'"member_id": 1'))


def lose_hard_state(data: Path) -> None:
    """Term and vote: whoever lost them might vote twice."""
    (data / "hard_state").unlink()


def lose_log(data: Path) -> None:
    """The log has a volume of its own, and that is a new one."""
    shutil.rmtree(data / "log")


def lose_all_but_the_log(data: Path) -> None:
    """The other of the two volumes is a new one."""
    for name in ("identity", "hard_state"):
        (data / name).unlink()
    shutil.rmtree(data / "snapshots")


def find_last_block(data: Path) -> tuple[Path, int, int]:
    """File, first byte, and behind the last."""
    found = []
    for segment in sorted((data / "log").glob("*.log")):
        content = segment.read_bytes()
        salt, offset = int.from_bytes(content[16:24], "little"), HEADER_BYTES
        while block := scan_block(content, offset, salt):
            found.append((segment, offset, block[1]))
            offset = block[1]
    return found[-1]


def damage_last_block(data: Path) -> None:
    """Nothing lies behind it, and the hard state knows that it was durable."""
    segment, start, _ = find_last_block(data)
    content = bytearray(segment.read_bytes())
    content[start + 40] ^= 0xFF
    segment.write_bytes(content)


@pytest.mark.parametrize(
    "hurt",
    [
        damage_log,
        damage_last_block,
        damage_identity,
        lose_hard_state,
        lose_log,
        lose_all_but_the_log,
    ],
)
def test_damaged_member_stays_and_says_so_while_the_others_go_on(
    ensemble: AdminEnsemble, hurt: object
) -> None:
    """Alive, not ready, the reason in its status; it neither votes nor answers clients."""
    number = next(n for n in ensemble.nodes if n != ensemble.leader())
    node = ensemble.nodes[number]
    wait_until(lambda: knows_its_end(node.directory / "data"), "its log is quiet")
    node.kill()
    assert callable(hurt)
    hurt(node.directory / "data")
    node.launch()
    wait_until(lambda: bool(node.events("node.damaged")), "it finds the damage")
    status = ensemble.status(number)
    assert (status["role"], status["ready"]) == ("damaged", False)
    assert status["damage"] == status["reason"]
    assert "start it with an empty directory" in status["damage"]
    assert '"live": true' in node.page("/health/live")
    code, body = node.ready()
    assert (code, body["reason"]) == (503, status["damage"])
    client = KazooClient(ensemble.hosts(*(n for n in ensemble.nodes if n != number)), timeout=10)
    client.start(timeout=20)
    client.create("/after")
    client.stop()
    client.close()
    assert node.terminate() == 1
    assert not node.events("node.failed")


def knows_its_end(data: Path) -> bool:
    """Whether the hard state says that the last block is durable."""
    slot = decode_slot((data / "hard_state").read_bytes()[:SECTOR_BYTES])
    segment, _, end = find_last_block(data)
    return slot is not None and slot.log_end == (segment_sequence(segment.name), end)


def test_member_that_lost_what_it_acknowledged_says_so_from_the_next_start_on(
    ensemble: AdminEnsemble,
) -> None:
    """Where only the leader can tell: the last block looks torn. It dies once, without a traceback."""
    number = next(n for n in ensemble.nodes if n != ensemble.leader())
    node = ensemble.nodes[number]
    node.kill()
    data = node.directory / "data"
    damage_last_block(data)
    hard_state = HardStateFile.open(RealFiles(), data / "hard_state")
    term, vote = hard_state.state.term, hard_state.state.vote
    slots = bytearray((data / "hard_state").read_bytes())
    for offset, slot in hard_state.writes(term, vote, UNKNOWN_END):
        slots[offset : offset + len(slot)] = slot
    (data / "hard_state").write_bytes(slots)
    node.launch()
    assert node.wait() == 1
    (failed,) = node.events("node.failed")
    assert failed["level"] == "error"
    assert "had acknowledged entry" in failed["reason"]
    assert "let it join anew" in failed["reason"]
    node.launch()
    wait_until(lambda: bool(node.events("node.damaged")), "it stays and says so")
    status = ensemble.status(number)
    assert status["role"] == "damaged"
    assert "had acknowledged entry" in status["damage"]
    node.kill()
    inspected = inspect_folder(data)
    assert inspected.returncode == 1
    assert "had acknowledged entry" in inspected.stderr


def test_node_that_is_alone_ends_with_the_reason(tmp_path: Path) -> None:
    """Nobody else serves meanwhile: who started it should see it at once."""
    with NodeProcess(tmp_path) as node:
        client = KazooClient(f"127.0.0.1:{node.port}", timeout=10)
        client.start(timeout=20)
        for number in range(50):
            client.create(f"/n-{number}", b"x" * 1000)
        client.stop()
        client.close()
    damage_log(tmp_path / "data")
    node.launch()
    assert node.wait() == 1
    assert len(node.events("node.failed")) == 1


def test_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A read-only file system under the data folder, or another's."""
    node = NodeProcess(tmp_path, storage_data_dir="/proc/raftkeeper")
    node.launch()
    assert node.wait() == 1
    (failed,) = node.events("node.failed")
    assert "/proc/raftkeeper" in failed["reason"]
