"""Claim: a member whose state is not that of the others notices, stops serving, and heals itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from tests.integration.ensemble_process import EnsembleProcess, wait_until
from tests.integration.inspecting import inspect_folder

from raftkeeper._engine import Engine
from raftkeeper.raft import EntryKind, Membership
from raftkeeper.storage import DataDirectory, SnapshotMeta, StorageOptions, Verdict


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[EnsembleProcess]:
    """All three serve."""
    with EnsembleProcess(tmp_path) as running:
        yield running


def forget_a_write(data_path: Path) -> None:
    """Gives a stopped node a snapshot of a state in which one entry of its log has no effect."""
    data = DataDirectory.open(data_path, StorageOptions(record_bytes_max=4 << 20))
    recovered = data.recover()
    assert data.identity is not None
    engine = Engine(
        origin=1,
        min_session_timeout_ms=4000,
        max_session_timeout_ms=40000,
        frame_bytes_max=1 << 20,
        batch_bytes_max=1 << 20,
        connection_outstanding_max=10,
        outstanding_max=10,
    )

    class Notify:
        def notify(self) -> None: ...
        def drain(self) -> None: ...

    writer = data.start_writer(wakeup=Notify(), disk=NoDisk())
    records = list(writer.read(1, recovered.last_index))
    batches = [index for index, _, kind, _ in records if kind == EntryKind.BATCH]
    for index, _, kind, payload in records:
        skip = kind != EntryKind.BATCH or index == batches[-1]
        engine.apply(index, b"" if skip else payload, 0)
    index, zxid = engine.snapshot_begin()
    configs = [payload for _, _, kind, payload in records if kind == EntryKind.CONFIG]
    job = data.snapshots.begin(
        SnapshotMeta(
            index=index,
            term=records[-1][1],
            zxid=zxid,
            membership=Membership.decode(configs[-1]).encode(),
            cluster_id=data.identity.cluster_id,
        )
    )
    while piece := engine.snapshot_next(1 << 20):
        job.add(piece)
    job.finish()
    writer.close()
    data.close()


class NoDisk:
    """The writer is there to read. How far the log was durable, which it says at its end, stays unsaid."""

    def write_sync(self, fd: int, offset: int, data: bytes) -> int:
        return 0

    def done(self) -> tuple[int, str, int]:
        return (0, "", 0)

    def fsync_us(self) -> list[int]:
        return []

    def close(self) -> None: ...


def test_member_whose_state_differs_says_so_and_heals(ensemble: EnsembleProcess) -> None:
    """As soon as it has caught up, without a write; afterwards it serves the right state again."""
    leader = ensemble.leader()
    wrong = next(number for number in ensemble.nodes if number != leader)
    writer = KazooClient(ensemble.hosts(leader), timeout=10)
    writer.start()
    writer.create("/a", b"right")
    writer.create("/forgotten", b"right")
    node = ensemble.nodes[wrong]
    wait_until(lambda: ensemble_has(ensemble, wrong, "/forgotten"), "the write is everywhere")
    node.kill()
    forget_a_write(node.directory / "data")
    node.launch()
    wait_until(lambda: bool(node.events("digest.wrong")), "it notices")
    wait_until(lambda: bool(node.events("digest.healed")), "it heals")
    wait_until(lambda: node.ready()[0] == 200, "it serves again")
    assert ensemble_has(ensemble, wrong, "/forgotten")
    assert not (node.directory / "data" / "diverged").exists()
    writer.stop()
    writer.close()


def test_member_that_knew_its_state_to_be_wrong_knows_it_after_a_start(
    ensemble: EnsembleProcess,
) -> None:
    """It serves nobody before it has the state of one that was right, and then forgets it for good."""
    leader = ensemble.leader()
    wrong = next(number for number in ensemble.nodes if number != leader)
    node = ensemble.nodes[wrong]
    node.kill()
    directory = node.directory / "data"
    data = DataDirectory.open(directory, StorageOptions(record_bytes_max=4 << 20))
    right = tuple(number for number in ensemble.nodes if number != wrong)
    data.mark_diverged(Verdict("the state of this member differs", right))
    data.close()
    inspected = inspect_folder(directory)
    inspected.check_returncode()
    assert "the state of this member differs" in inspected.stdout
    assert "good" not in inspected.stdout
    node.launch()
    wait_until(lambda: bool(node.events("digest.healed")), "it heals")
    (known,) = node.events("digest.wrong")
    assert known["effect"] == "known from before the start"
    wait_until(node.serves, "it serves again")
    assert not (directory / "diverged").exists()


def ensemble_has(ensemble: EnsembleProcess, number: int, path: str) -> bool:
    """Whether a node's own state has this znode."""
    client = KazooClient(ensemble.hosts(number), timeout=10)
    client.start()
    try:
        return client.exists(path) is not None
    finally:
        client.stop()
        client.close()
