"""A survivor's data become an ensemble of one: all of its log, nothing handed out twice, or nothing at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkeeper._engine import Engine
from raftkeeper.raft import EntryKind, Member, Membership
from raftkeeper.server.forced_recovery import (
    TERMS_SKIPPED,
    Outcome,
    RecoveryRefused,
    Survivor,
    is_due,
    recover_alone,
)
from raftkeeper.storage import DataDirectory, Identity, StorageOptions, Verdict
from raftkeeper.testing.faulty_files import (
    CountingWakeup,
    FaultyDisk,
    FaultyFiles,
    InlineExecutor,
)

ROOT = Path("/data")
OPTIONS = StorageOptions(segment_bytes=65536, record_bytes_max=8192)
OLD = Identity(b"o" * 16, 2, b"2" * 16)
FIRST = Membership.of([1, 2, 3], details=[Member(2, OLD.incarnation, "old:2888", "zone-b", 7)])
LATER = Membership.of(
    [1, 2, 3], [4], details=[*FIRST.members, Member(4, b"4" * 16, "d:1")], level=2
)
SURVIVOR = Survivor(1, "new:2888")


def make_engine() -> Engine:
    return Engine(
        origin=int.from_bytes(os.urandom(8)),
        min_session_timeout_ms=1_000,
        max_session_timeout_ms=10_000,
        frame_bytes_max=4096,
        batch_bytes_max=4096,
        connection_outstanding_max=10,
        outstanding_max=10,
        member=2,
    )


def entries() -> list[tuple[int, int, int, bytes]]:
    """Founded in term 1, led in term 2, and a membership that was never committed."""
    begins = make_engine().bootstrap_entry(
        cluster_id=OLD.cluster_id, secret=b"s" * 32, first_session=1 << 56, now_ms=1
    )
    return [
        (1, 1, EntryKind.CONFIG, FIRST.encode()),
        (2, 1, EntryKind.BATCH, begins),
        (3, 2, EntryKind.NOOP, b""),
        (4, 2, EntryKind.CONFIG, LATER.encode()),
    ]


@pytest.fixture
def files() -> FaultyFiles:
    """The disk of a member that was stopped, with a vote in a term that it has no entry of."""
    files = FaultyFiles()
    write(files, OLD, entries())
    return files


def write(
    files: FaultyFiles, identity: Identity, records: list[tuple[int, int, int, bytes]]
) -> None:
    directory = DataDirectory.open(ROOT, OPTIONS, files=files)
    directory.create(identity)
    directory.recover()
    writer = directory.start_writer(
        wakeup=CountingWakeup(), disk=FaultyDisk(files), executor=InlineExecutor()
    )
    writer.write(1, (5, 3), records)
    assert writer.poll() == 1
    writer.close()
    directory.close()


@pytest.fixture
def directory(files: FaultyFiles) -> Iterator[DataDirectory]:
    directory = DataDirectory.open(ROOT, OPTIONS, files=files)
    yield directory
    directory.close()


def recover(directory: DataDirectory, survivor: Survivor = SURVIVOR) -> Outcome:
    return recover_alone(directory, make_engine(), survivor)


def test_whole_log_is_kept_whether_or_not_it_was_committed(directory: DataDirectory) -> None:
    """The lost members may have acknowledged it."""
    outcome = recover(directory)
    assert (outcome.index, outcome.term) == (4, 2)
    found = directory.recover()
    assert found.snapshot is not None
    assert (found.snapshot.index, found.first_index) == (4, 5)
    engine = make_engine()
    engine.restore_begin()
    for piece in directory.snapshots.read(found.snapshot):
        engine.restore_piece(piece)
    engine.restore_end()
    assert engine.bootstrapped
    assert (engine.applied_index, engine.last_zxid) == (4, 1 << 32)


def test_survivor_with_a_wrong_state_is_refused_until_a_person_says_otherwise(
    directory: DataDirectory,
) -> None:
    """What the others would have healed would be the only state there is."""
    directory.mark_diverged(Verdict("it differs from that of members 1 and 3", (1, 3)))
    with pytest.raises(RecoveryRefused, match=r"known to be wrong: it differs.*/data/diverged"):
        recover(directory)
    directory.mark_healed()
    assert recover(directory).index == 4


def test_member_id_is_above_all_that_the_log_knows(directory: DataDirectory) -> None:
    """Also those of a membership that nobody committed; zone and priority are as before."""
    outcome = recover(directory)
    assert (outcome.from_member_id, outcome.member_id) == (2, 5)
    found = directory.recover()
    assert found.snapshot is not None
    membership = Membership.decode(found.snapshot.membership)
    (member,) = membership.members
    assert membership.is_sole_voter(5)
    assert membership.next_id == 6
    assert membership.level == 2, "what is written already must be read by whoever joins"
    assert (member.address, member.zone, member.priority) == ("new:2888", "zone-b", 7)
    assert directory.identity is not None
    assert member.incarnation == directory.identity.incarnation != OLD.incarnation
    assert outcome.others == ("1", "3"), "learners cannot have acknowledged anything"


def test_ensemble_is_another_one_in_a_term_above_all(directory: DataDirectory) -> None:
    """The term of the vote counts too, not only those of entries."""
    outcome = recover(directory)
    found = directory.recover()
    assert directory.identity is not None
    assert directory.identity.cluster_id.hex() == outcome.cluster_id != OLD.cluster_id.hex()
    assert directory.identity.recovery_epoch == 1
    assert (found.term, found.vote) == (5 + TERMS_SKIPPED, 0)


def test_recovered_data_are_recovered_again_in_a_later_epoch(directory: DataDirectory) -> None:
    """Each time zxids and terms go on above."""
    first = recover(directory)
    second = recover(directory, Survivor(3, "again:2888", "zone-x"))
    assert second.member_id == first.member_id + 1
    assert second.zxid_after == 2 << 32
    assert second.index == first.index
    assert second.old_data == ROOT / "given-up-3"
    assert second.from_cluster_id == first.cluster_id


def test_what_has_passed_the_epoch_is_left_alone() -> None:
    """And an epoch of the past is no order."""
    assert is_due(OLD, 1)
    passed = Identity(OLD.cluster_id, 2, OLD.incarnation, recovery_epoch=2)
    assert not is_due(passed, 2)
    with pytest.raises(RecoveryRefused, match="epoch 1 is none to come"):
        is_due(passed, 1)
    for nobody in (None, Identity.waiting(b"w" * 16)):
        with pytest.raises(RecoveryRefused, match="nothing to recover"):
            is_due(nobody, 1)


def test_damaged_log_is_refused_and_stays_as_it_is(files: FaultyFiles) -> None:
    """It is never guessed what was in it."""
    (path,) = (path for path in files.paths() if path.name.endswith("1.log"))
    files.rot(path, 512 + 40, 2)
    directory = DataDirectory.open(ROOT, OPTIONS, files=files)
    with pytest.raises(RecoveryRefused, match="Nothing was changed"):
        recover(directory)
    directory.close()
    files = files.copy()
    directory = DataDirectory.open(ROOT, OPTIONS, files=files)
    assert directory.identity == OLD
    directory.close()


def test_log_that_founds_nothing_has_no_successor() -> None:
    """A member that was taken in and stopped before it had anything."""
    files = FaultyFiles()
    write(files, OLD, entries()[:1])
    directory = DataDirectory.open(ROOT, OPTIONS, files=files)
    with pytest.raises(RecoveryRefused, match="no cluster in this state"):
        recover(directory)
    assert directory.identity == OLD
    directory.close()
