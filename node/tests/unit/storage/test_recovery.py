"""Hard state, snapshot and log belong together, or the start says what does not."""

import json
from collections.abc import Callable

import pytest
from tests.unit.storage.directory_lives import CLUSTER, ROOT, DirectoryLives, settle

from raftkeeper._engine import crc32c
from raftkeeper.storage import (
    Recovered,
    SnapshotMeta,
    StorageError,
)
from raftkeeper.storage.hard_state import HardStateFile
from raftkeeper.storage.layout import snapshot_name
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    InlineExecutor,
)

Records = list[tuple[int, int, int, bytes]]


class Member(DirectoryLives):
    """A life for each thing that is done."""

    def __init__(self) -> None:
        super().__init__(member_id=1)
        self.recover()

    def recover(self) -> Recovered:
        return self.open().recover()

    def write(self, term: int, records: Records) -> None:
        _, writer = self.live()
        writer.write(1, (term, 1), records)
        settle(writer)
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


def rot(member: Member, index: int, term: int, *, installed: bool = False) -> None:
    """A bit of this snapshot turns over."""
    member.files.content(ROOT / "snapshots" / snapshot_name(index, term, installed=installed))[
        -30
    ] ^= 1


def test_a_whole_log_makes_good_for_a_damaged_snapshot(
    member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it begins with the first entry nothing depends on the snapshot; the next takes its place."""
    member.write(1, entries(1, 9))
    member.snapshot(5, 1)
    rot(member, 5, 1)
    recovered = member.recover()
    assert recovered.snapshot is None
    assert (recovered.first_index, recovered.last_index) == (1, 9)
    assert "nothing is lost" in caplog.text
    member.snapshot(9, 1)
    assert member.recover().snapshot is not None


def test_a_damaged_snapshot_that_the_log_does_not_reach_behind_stops_the_start(
    member: Member,
) -> None:
    """It is said where the log begins, and that no older snapshot is left."""
    member.write(2, entries(1, 3))
    member.snapshot(50, 2, installed=True)
    member.write(2, entries(51, 53, term=2))
    rot(member, 50, 2, installed=True)
    said = "is damaged, there is no older one, and the log begins at entry 51"
    with pytest.raises(StorageError, match=said):
        member.recover()


def test_an_older_snapshot_does_not_stand_in_for_one_that_the_log_was_restarted_behind(
    member: Member,
) -> None:
    """The member has told its leader that it has all of the newer one."""
    member.write(2, entries(1, 3))
    for index in (50, 90):
        member.snapshot(index, 2, installed=True)
        member.write(2, [])
    rot(member, 90, 2, installed=True)
    with pytest.raises(StorageError, match="is damaged, the one before it ends at entry 50"):
        member.recover()
    member.files.remove(ROOT / "snapshots" / snapshot_name(90, 2, installed=True))
    with pytest.raises(StorageError, match="the snapshot of entry 90 or of a later one is missing"):
        member.recover()


def test_a_log_that_was_restarted_does_not_start_without_its_snapshot(member: Member) -> None:
    """As after a restore, when only the snapshot holds anything: it must not pass for an empty node."""
    member.snapshot(7, 1, installed=True)
    member.write(1, [])
    member.files.remove(ROOT / "snapshots" / snapshot_name(7, 1, installed=True))
    with pytest.raises(StorageError, match="the snapshot of entry 7 or of a later one is missing"):
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
