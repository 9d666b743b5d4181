"""Term and vote in two slots: no crash and no rot brings back an older vote."""

import struct
from pathlib import Path

import pytest

from raftkeeper._engine import crc32c
from raftkeeper.storage.errors import StorageError
from raftkeeper.storage.hard_state import (
    SLOT_OFFSETS,
    UNKNOWN_END,
    HardStateFile,
    LogEnd,
    SlotState,
    decode_slot,
    encode_slot,
)
from raftkeeper.testing.faulty_files import FaultyFiles

PATH = Path("/data/hard_state")


@pytest.fixture
def files() -> FaultyFiles:
    files = FaultyFiles()
    files.make_directory(PATH.parent)
    HardStateFile.create(files, PATH)
    return files


def write(files: FaultyFiles, term: int, vote: int, *, slots: int = 2) -> None:
    """Writes the first so many of the slots."""
    hard_state = HardStateFile.open(files, PATH)
    for offset, data in hard_state.writes(term, vote)[:slots]:
        files.write(hard_state.fd, data, offset)
        files.sync(hard_state.fd)


def read(files: FaultyFiles) -> tuple[int, int]:
    state = HardStateFile.open(files, PATH).state
    return state.term, state.vote


def test_what_was_written_is_read(files: FaultyFiles) -> None:
    """From the beginning, and after each write."""
    assert read(files) == (0, 0)
    write(files, 3, 1)
    write(files, 4, 2)
    assert read(files) == (4, 2)


@pytest.mark.parametrize("rotten", SLOT_OFFSETS)
def test_rot_in_one_slot_forgets_no_vote(files: FaultyFiles, rotten: int) -> None:
    """The other says the same, and the rotten one is repaired."""
    write(files, 3, 1)
    files.content(PATH)[rotten + 30] ^= 1
    assert read(files) == (3, 1)
    slots = [bytes(files.content(PATH)[at : at + 512]) for at in SLOT_OFFSETS]
    assert slots[0] == slots[1]


@pytest.mark.parametrize("torn", [0, 1])
def test_a_write_cut_off_leaves_the_old_vote_or_the_new(files: FaultyFiles, torn: int) -> None:
    """One slot new and one old, or one torn and one old; afterwards both are equal."""
    write(files, 3, 1)
    write(files, 4, 2, slots=1)
    if torn:
        files.content(PATH)[10] ^= 1
    expected = (3, 1) if torn else (4, 2)
    assert read(files) == expected
    files.content(PATH)[SLOT_OFFSETS[0]] ^= 1
    assert read(files) == expected


def test_rot_in_both_slots_stops_the_start(files: FaultyFiles) -> None:
    """Nobody guesses a vote."""
    for offset in SLOT_OFFSETS:
        files.content(PATH)[offset] ^= 1
    with pytest.raises(StorageError, match="both copies"):
        HardStateFile.open(files, PATH)


def test_every_flipped_bit_of_a_slot_is_noticed() -> None:
    """Zeros included."""
    slot = encode_slot(SlotState(9, 8, 7))
    assert decode_slot(slot) == SlotState(9, 8, 7)
    for bit in range(len(slot) * 8):
        damaged = bytearray(slot)
        damaged[bit // 8] ^= 1 << (bit % 8)
        assert decode_slot(bytes(damaged)) is None


def test_end_of_the_log_stays_until_a_later_one_is_known(files: FaultyFiles) -> None:
    """It was durable once, whatever term comes."""
    hard_state = HardStateFile.open(files, PATH)
    assert hard_state.state.log_end == UNKNOWN_END
    hard_state.writes(3, 1, LogEnd(2, 4096))
    assert decode_slot(hard_state.writes(4, 1)[0][1]) == SlotState(3, 4, 1, 2, 4096)


def test_releases_before_and_after_read_each_others_slots(files: FaultyFiles) -> None:
    """The end of the log stands where others write zeros and look at nothing."""
    before = struct.Struct("<4sIQQQ")
    written = encode_slot(SlotState(5, 4, 3, 2, 4096))
    assert before.unpack_from(written) == (b"RKHS", 1, 5, 4, 3)
    assert crc32c(written[:-4]) == int.from_bytes(written[-4:], "little")
    body = before.pack(b"RKHS", 1, 6, 4, 3).ljust(508, b"\0")
    older = decode_slot(body + crc32c(body).to_bytes(4, "little"))
    assert older == SlotState(6, 4, 3)
    assert older.log_end == UNKNOWN_END
