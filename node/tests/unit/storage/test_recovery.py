"""Hard state, snapshot and log belong together, or the start says what does not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from raftkeeper._engine import crc32c
from raftkeeper.storage import (
    DataDirectory,
    Identity,
    Recovered,
    SnapshotMeta,
    StorageError,
    StorageOptions,
)
from raftkeeper.storage.hard_state import HardStateFile
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

ROOT = Path("/data")
CLUSTER = b"cluster-of-tests"
OPTIONS = StorageOptions(segment_bytes=8192, record_bytes_max=1500, snapshots_kept=2)
Records = list[tuple[int, int, int, bytes]]


class Member:
    """A directory in memory, and short lives in it."""

    def __init__(self) -> None:
        self.files = FaultyFiles()
        data = self.open()
        data.create(Identity(CLUSTER, 1, b"i" * 16))
        data.recover()

    def open(self) -> DataDirectory:
        self.files = self.files.copy()
        return DataDirectory.open(
            ROOT, OPTIONS, files=self.files, random_bytes=lambda count: b"s" * count
        )

    def recover(self) -> Recovered:
        return self.open().recover()

    def write(self, term: int, records: Records) -> None:
        data = self.open()
        data.recover()
        writer = data.start_writer(
            wakeup=CountingWakeup(), disk=FaultyDisk(self.files), executor=InlineExecutor()
        )
        writer.write(1, (term, 1), records)
        while not writer.idle:
            writer.poll()
        writer.close()

    def snapshot(self, index: int, term: int, *, installed: bool = False) -> None:
        job = self.open().snapshots.begin(
            SnapshotMeta(index, term, 0, b"members", CLUSTER, installed=installed)
        )
        job.finish()


@pytest.fixture
def member() -> Member:
    return Member()


def entries(first: int, last: int, term: int = 1) -> Records:
    return [(index, term, 2, b"x") for index in range(first, last + 1)]


def test_a_received_snapshot_replaces_a_log_that_ends_before_it(member: Member) -> None:
    """Also across a crash between the snapshot and the first entry behind it."""
    member.write(2, entries(1, 5))
    member.snapshot(1000, 2, installed=True)
    recovered = member.recover()
    assert (recovered.first_index, recovered.last_index) == (1001, 1000)
    assert recovered.term_starts == ()
    member.write(3, entries(1001, 1003, term=3))
    recovered = member.recover()
    assert (recovered.first_index, recovered.last_index) == (1001, 1003)


def test_a_received_snapshot_may_be_the_first_thing(member: Member) -> None:
    """A new member is filled from a snapshot, with no log at all."""
    member.snapshot(7, 1, installed=True)
    recovered = member.recover()
    assert (recovered.first_index, recovered.last_index) == (8, 7)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda member: member.snapshot(9, 1), "the log up to entry 9 is missing"),
        (
            lambda member: (member.write(1, entries(1, 5)), member.snapshot(9, 1)),
            "does not hold the last entry of the snapshot, 9 of term 1",
        ),
        (
            lambda member: (member.write(1, entries(1, 5)), member.snapshot(4, 2)),
            "does not hold the last entry of the snapshot, 4 of term 2",
        ),
        (
            lambda member: (
                member.write(3, entries(1, 5, term=3)),
                HardStateFile.create(member.files, ROOT / "hard_state"),
            ),
            "term 0 is older than the log's 3",
        ),
    ],
)
def test_parts_that_do_not_fit_stop_the_start(
    member: Member, break_it: Callable[[Member], object], said: str
) -> None:
    """It is said which, and never guessed what was lost."""
    break_it(member)
    with pytest.raises(StorageError, match=said):
        member.recover()


def test_a_directory_of_a_later_format_is_left_alone(member: Member) -> None:
    """An older node after a newer one must not touch what it cannot read."""
    content = member.files.content(ROOT / "identity")
    value = json.loads(bytes(content).splitlines()[0])
    body = json.dumps({**value, "version": 2}).encode()
    content[:] = body + f"\ncrc32c {crc32c(body):08x}\n".encode()
    with pytest.raises(StorageError, match="has format 2, this node knows 1"):
        member.open()


def test_a_segment_of_a_later_format_is_left_alone(member: Member) -> None:
    """The same for the log."""
    content = member.files.content(ROOT / "log" / "00000000000000000001.log")
    content[4] = 2
    content[508:512] = crc32c(bytes(content[:508])).to_bytes(4, "little")
    with pytest.raises(StorageError, match="the log has format 2"):
        member.recover()


def test_entries_of_purged_segments_are_forgotten_term_by_term(member: Member) -> None:
    """What is left begins with the run that reaches into it."""
    member.write(3, [(index, (index + 6) // 5, 2, bytes(1400)) for index in range(1, 13)])
    data = member.open()
    data.recover()
    writer = data.start_writer(
        wakeup=CountingWakeup(), disk=FaultyDisk(member.files), executor=InlineExecutor()
    )
    assert writer.purge(7) == 6
    writer.close()
    member.snapshot(6, 2)
    recovered = member.recover()
    assert recovered.term_starts == ((6, 2), (9, 3))
