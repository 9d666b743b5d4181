"""Crashes at every step, failures at every step, rot, a full disk: nothing promised is ever lost."""

import errno
import logging
import random
from contextlib import suppress

import pytest
from tests.faults import installed_story
from tests.faults.storage_story import (
    OPTIONS,
    Ledger,
    Life,
    check_recovered,
    open_directory,
)

from raftkeeper.storage import StorageError, StorageFailed, StorageFull
from raftkeeper.testing.faulty_files import Crashed, FaultyFiles, Survival

PROPOSALS = 30
"""Enough for several segments, three snapshots, retirement and a purge."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def steps_of_a_life() -> int:
    files = FaultyFiles()
    Life(files, Ledger()).run(PROPOSALS)
    return files.steps


def test_a_life_without_faults_purges_the_log_and_retires_snapshots() -> None:
    """The story that the crashes interrupt has everything in it."""
    files = FaultyFiles()
    seen: list[str] = []
    files.on_step = seen.append
    Life(files, Ledger()).run(PROPOSALS)
    names = [path.name for path in files.paths()]
    assert "00000000000000000001.log" not in names
    assert any(step.startswith("remove 0") and step.endswith(".snap") for step in seen)
    assert any(step.startswith("remove 0") and step.endswith(".log") for step in seen)


@pytest.mark.parametrize("survival", Survival)
def test_a_crash_at_any_step_loses_nothing_promised(survival: Survival) -> None:
    """Two crashes, the first at every step, the second soon after; the third life runs through."""
    for step in range(1, steps_of_a_life() + 1):
        chance = random.Random(step)
        ledger = Ledger()
        files = FaultyFiles()
        files.crash_at = step
        with pytest.raises(Crashed):
            Life(files, ledger, seed=1).run(PROPOSALS)
        files = files.after_crash(survival, chance)
        files.crash_at = chance.randrange(1, 25)
        with pytest.raises(Crashed):
            Life(files, ledger, seed=step).run(PROPOSALS)
        files = files.after_crash(chance.choice(list(Survival)), chance)
        Life(files, ledger, seed=3).run(3)


def test_a_life_with_installed_snapshots_has_them_in_it() -> None:
    """Both replace the log, the first one also entries that nobody else has."""
    files, ledger = FaultyFiles(), Ledger()
    seen: list[str] = []
    files.on_step = seen.append
    life = installed_story.live(files, ledger)
    assert sum(step.endswith(".installed.snap.tmp") for step in seen if "rename" in step) == 2
    assert life.core.commit_index == installed_story.LAST
    assert life.state == installed_story.state_at(installed_story.LAST)
    assert len(ledger.issued[installed_story.CUT_OFF[0]]) == 1
    assert not life.recovered.last_index


@pytest.mark.parametrize("survival", Survival)
def test_a_crash_at_any_step_of_taking_snapshots_in_loses_nothing(survival: Survival) -> None:
    """Among them: the snapshot is durable, and the term that it is of is not yet."""
    files = FaultyFiles()
    installed_story.live(files, Ledger())
    for step in range(1, files.steps + 1):
        chance = random.Random(step)
        ledger = Ledger()
        files = FaultyFiles()
        files.crash_at = step
        with pytest.raises(Crashed):
            installed_story.live(files, ledger, seed=1)
        files = files.after_crash(survival, chance)
        files.crash_at = chance.randrange(1, 25)
        with suppress(Crashed):
            installed_story.live(files, ledger, seed=step)
        files = files.after_crash(chance.choice(list(Survival)), chance)
        life = installed_story.live(files, ledger, seed=3)
        assert life.state == installed_story.state_at(installed_story.LAST)


def test_a_process_killed_before_its_fsync_does_not_count_on_it_later() -> None:
    """What a start finds it makes durable, before it promises anything on top."""
    for step in range(1, 120):
        ledger = Ledger()
        files = FaultyFiles()
        files.crash_at = step
        with pytest.raises(Crashed):
            Life(files, ledger).run(PROPOSALS)
        files = files.after_crash(Survival.KILLED, random.Random(0))
        life = Life(files, ledger)
        last_index = life.core.last_index
        files = files.after_crash(Survival.LOST, random.Random(0))
        assert Life(files, ledger).recovered.last_index >= last_index


def test_both_copies_of_the_vote_are_durable_after_a_start() -> None:
    """Also when the process was killed before the fsync of the second."""
    files = FaultyFiles()
    ledger = Ledger()
    life = Life(files, ledger)
    offsets = life.writer._hard_state.writes(9, 1)
    fd = life.writer._hard_state.fd
    files.write(fd, offsets[0][1], offsets[0][0])
    files.sync(fd)
    files.write(fd, offsets[1][1], offsets[1][0])
    files = files.after_crash(Survival.KILLED, random.Random(0))
    assert open_directory(files).recover().term == 9
    files = files.after_crash(Survival.LOST, random.Random(0))
    path = next(path for path in files.paths() if path.name == "hard_state")
    files.content(path)[offsets[0][0]] ^= 1
    assert open_directory(files).recover().term == 9


def test_a_failed_sync_or_write_of_the_log_ends_the_node() -> None:
    """An error at any step stops the node or leaves it whole; what was promised survives it."""
    stopped: list[StorageError] = []
    for step in range(1, steps_of_a_life() + 1):
        ledger = Ledger()
        files = FaultyFiles()
        files.fail_at = {step: errno.EIO}
        try:
            Life(files, ledger).run(PROPOSALS)
        except StorageError as error:
            stopped.append(error)
        files = files.after_crash(Survival.LOST, random.Random(step))
        Life(files, ledger).run(3)
    assert len(stopped) > 100
    assert not any(isinstance(error, StorageFull) for error in stopped)


def test_after_a_failure_the_writer_never_works_again() -> None:
    """No second fsync makes a failed one good."""
    ledger = Ledger()
    files = FaultyFiles()
    life = Life(files, ledger)
    files.fail_at = {files.steps + 2: errno.EIO}
    with pytest.raises(StorageFailed, match="Input/output error"):
        life.propose()
    steps = files.steps
    life.writer.write(999, None, [(life.core.last_index + 1, life.core.term, 2, b"x")])
    with pytest.raises(StorageFailed):
        life.writer.poll()
    with pytest.raises(StorageFailed):
        life.writer.tick()
    assert files.steps == steps


def test_a_full_disk_is_said_before_anything_is_lost_and_heals() -> None:
    """Accepted records fit, the rest can be refused, and space that returns is used."""
    ledger = Ledger()
    files = FaultyFiles()
    life = Life(files, ledger)
    files.capacity_bytes = files.used_bytes
    accepted = 0
    while life.propose():
        accepted += 1
    assert accepted > 3
    assert "no space" in life.writer.full
    with pytest.raises(StorageFull):
        life.snapshot()
    life.writer.tick()
    assert life.writer.full
    files.capacity_bytes += 10 * OPTIONS.segment_bytes
    life.writer.tick()
    life.writer.poll()
    assert not life.writer.full
    assert life.propose()
    files = files.after_crash(Survival.LOST, random.Random(0))
    Life(files, ledger)


def a_used_directory() -> tuple[FaultyFiles, Ledger]:
    """Files after a life that ended in order, and the ledger."""
    files, ledger = FaultyFiles(), Ledger()
    Life(files, ledger).run(PROPOSALS)
    return files, ledger


def test_a_flipped_bit_anywhere_is_noticed_or_harmless() -> None:
    """Damage stops the start, in the last block too, and nothing promised is ever lost silently."""
    files, ledger = a_used_directory()
    chance = random.Random(7)
    refused: list[StorageError] = []
    flips = [
        (path, offset)
        for path in files.paths()
        for offset in range(len(files.content(path)))
        if len(files.content(path)) < 1000 or chance.random() < 0.06
    ]
    for path, offset in flips:
        rotten = files.copy()
        rotten.content(path)[offset] ^= 1 << chance.randrange(8)
        try:
            data = open_directory(rotten)
            recovered = data.recover()
        except StorageError as error:
            refused.append(error)
            continue
        check_recovered(data, recovered, ledger)
    assert len(flips) > 1500
    assert len(refused) > 300
    assert all(str(error.path) in str(error) for error in refused)


def test_a_missing_file_is_noticed() -> None:
    """Without a word can go: the spare segment, and what the newest or the older snapshot covers."""
    files, ledger = a_used_directory()
    silent = []
    for path in files.paths():
        rotten = files.copy()
        rotten.remove(path)
        rotten.sync_directory(path.parent)
        try:
            data = open_directory(rotten)
            check_recovered(data, data.recover(), ledger)
        except StorageError:
            continue
        silent.append(path)
    logs = [path for path in files.paths() if path.suffix == ".log"]
    snapshots = [path for path in files.paths() if path.suffix == ".snap"]
    assert silent == [logs[0], logs[-1], *snapshots]
