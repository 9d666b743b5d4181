"""What a disk does beside crashing: it fills up for a while, and its bits rot.

A rotten disk counts as a lost one, for it has to be given up when it is read: so it is never the
second of an ensemble. The last block of a log is spared: nobody can tell it from a torn one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from raftkeeper._engine import scan_block
from raftkeeper.storage.layout import segment_sequence
from raftkeeper.storage.segments import HEADER_BYTES
from raftkeeper.testing.faulty_files import UNBOUNDED_BYTES, FaultyFiles

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

FULL_MAX_US = 1_200_000
ROOM_BYTES_MAX = 6_000
"""What a disk that fills up has left: less than a segment of the log."""
_SALT = slice(16, 24)
"""Of a segment's header: without it a block cannot be told from an old one."""


class DiskFaults:
    """Has a stream of chance of its own, so that seeds without these faults live as before."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.chance = world.chance.stream("disk faults")

    def fill(self) -> None:
        """No room for a new file, for a while."""
        running = self._world.running()
        if not running:
            return
        machine = self.chance.pick(running)
        room = self.chance.below(ROOM_BYTES_MAX)
        machine.trace("fills", f"the disk has room for {room} bytes")
        machine.files.capacity_bytes = machine.files.used_bytes + room
        self._world.loop.after(self.chance.below(FULL_MAX_US), make_room, machine)

    def rot(self) -> None:
        """A bit turns over; nobody notices before it is read."""
        running = [machine for machine in self._world.running() if not machine.rotten]
        if not running:
            return
        machine = self.chance.pick(running)
        if not self._world.operator.may_wipe(machine):
            return
        places = list_places(machine.files)
        if not places:
            return
        path, start, end = self.chance.pick(places)
        offset = start + self.chance.below(end - start)
        machine.trace("rots", f"byte {offset} of {path.name}")
        machine.files.rot(path, offset, self.chance.below(8))
        machine.rotten = True


def make_room(machine: "Machine") -> None:
    """Somebody has cleaned up."""
    if machine.is_full:
        machine.trace("has room", "again on its disk")
        machine.files.capacity_bytes = UNBOUNDED_BYTES


def list_places(files: FaultyFiles) -> list[tuple[Path, int, int]]:
    """What holds something: (file, first byte, behind the last). Blocks of the log one by one."""
    places: list[tuple[Path, int, int]] = []
    blocks: list[tuple[Path, int, int]] = []
    for path in files.paths():
        data = files.durable_content(path)
        if segment_sequence(path.name) is None:
            if data:
                places.append((path, 0, len(data)))
            continue
        salt = int.from_bytes(data[_SALT], "little")
        offset = HEADER_BYTES
        while block := scan_block(data, offset, salt):
            blocks.append((path, offset, block[1]))
            offset = block[1]
    return places + blocks[:-1]
