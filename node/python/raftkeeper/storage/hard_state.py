"""Term and vote on disk, in two equal slots that are written one after the other.

    slot = magic "RKHS", version u32, sequence u64, term u64, vote u64,
           log segment u64, log end u64, zeros, crc32c u32                   (a sector)

Beside them stands how far the log was durable when the slot was written: the segment and the byte
behind its last block. So a start can tell a block that a crash has torn from one that was durable and
has rotted. Releases before knew nothing of it and wrote zeros there, which promise nothing.

Both slots are durable before term and vote count. So a write torn by a crash leaves the other slot
as it was, a sector that rots leaves its twin, and neither can bring back an older vote: with one
file and one slot, or with slots in turn, rot and a torn write would look the same.
"""

import logging
import struct
from pathlib import Path
from typing import NamedTuple

from raftkeeper._engine import crc32c
from raftkeeper.storage.errors import DAMAGE_WAY_OUT, StorageError
from raftkeeper.storage.files import Files, replace_file
from raftkeeper.storage.layout import FORMAT_VERSION, SECTOR_BYTES

_log = logging.getLogger("raftkeeper.storage")

_SLOT = struct.Struct("<4sIQQQQQ")
_MAGIC = b"RKHS"
SLOT_OFFSETS = (0, 4096)
"""In different pages and sectors: no single write touches both."""


class LogEnd(NamedTuple):
    """A place in the log: everything before it was durable once."""

    segment: int
    """Its sequence; 0 where nothing is known."""
    offset: int


UNKNOWN_END = LogEnd(0, 0)


class SlotState(NamedTuple):
    """What one slot says."""

    sequence: int
    term: int
    vote: int
    log_segment: int = 0
    log_offset: int = 0

    @property
    def log_end(self) -> LogEnd:
        return LogEnd(self.log_segment, self.log_offset)


def encode_slot(state: SlotState) -> bytes:
    body = _SLOT.pack(_MAGIC, FORMAT_VERSION, *state).ljust(SECTOR_BYTES - 4, b"\0")
    return body + crc32c(body).to_bytes(4, "little")


def decode_slot(data: bytes) -> SlotState | None:
    if len(data) != SECTOR_BYTES or crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        return None
    magic, version, *state = _SLOT.unpack_from(data)
    return SlotState(*state) if (magic, version) == (_MAGIC, FORMAT_VERSION) else None


class HardStateFile:
    """The open file. `writes` says what to write; the disk thread does it, in order."""

    def __init__(self, fd: int, state: SlotState) -> None:
        self.fd = fd
        self.state = state

    @classmethod
    def create(cls, files: Files, path: Path, term: int = 0) -> None:
        slot = encode_slot(SlotState(1, term, 0))
        replace_file(files, path, slot.ljust(SLOT_OFFSETS[1], b"\0") + slot)

    @classmethod
    def open(cls, files: Files, path: Path) -> "HardStateFile":
        """Reads both slots and makes them equal again where a crash or rot has parted them."""
        fd = files.open(path)
        slots = [decode_slot(files.read(fd, SECTOR_BYTES, offset)) for offset in SLOT_OFFSETS]
        state = max((slot for slot in slots if slot is not None), default=None)
        if state is None:
            files.close(fd)
            raise StorageError(path, "both copies of term and vote are damaged", DAMAGE_WAY_OUT)
        for offset, slot in zip(SLOT_OFFSETS, slots, strict=True):
            if slot != state:
                _log.warning("%s: repairing the copy of term and vote at byte %d", path, offset)
                files.write(fd, encode_slot(state), offset)
                files.sync(fd)
        return cls(fd, state)

    def writes(
        self, term: int, vote: int, log_end: LogEnd | None = None
    ) -> list[tuple[int, bytes]]:
        """(offset, bytes) to be written and synced one after the other. `log_end` must be durable by
        then; None for the one of before, which still is.
        """
        end = log_end or self.state.log_end
        self.state = SlotState(self.state.sequence + 1, term, vote, *end)
        data = encode_slot(self.state)
        return [(offset, data) for offset in SLOT_OFFSETS]
