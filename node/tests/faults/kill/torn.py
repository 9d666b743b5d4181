"""Adds to a killed node's log what a power cut leaves of a block that was being written.

Such a block was never promised to anybody, so the next start must cut it off and lose nothing. This
is the only file of the checker that knows anything of the node's data directory.
"""

from __future__ import annotations

import random
from pathlib import Path

from raftkeeper._engine import scan_block

HEADER_BYTES = 512
SALT = slice(16, 24)
"""Of a segment: in its header, behind magic, version and sequence."""

BLOCK_MAGIC = b"RKB1"
TORN_BYTES_MAX = 5_000


def tear_tail(data_directory: Path, rng: random.Random) -> bool:
    """Writes the beginning of a block and then nonsense behind the last block; whether it could."""
    for path in sorted((data_directory / "log").glob("*.log"), reverse=True):
        content = path.read_bytes()
        salt = int.from_bytes(content[SALT], "little")
        offset = HEADER_BYTES
        while block := scan_block(content, offset, salt):
            offset = block[1]
        if offset == HEADER_BYTES:  # a spare: nothing but its header
            continue
        torn = BLOCK_MAGIC + rng.randbytes(rng.randrange(TORN_BYTES_MAX))
        if offset + len(torn) > len(content):
            return False
        with path.open("r+b") as log:
            log.seek(offset)
            log.write(torn)
        return True
    return False
