"""What a disk does beside crashing: it fills up for a while, and its bits rot.

A rotten disk counts as a lost one, for it has to be given up when it is read: so it is never the
second of an ensemble. The last block of a log is spared until the hard state says that it was durable:
before that nobody can tell it from a torn one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from raftkeeper._engine import scan_block
from raftkeeper.storage.hard_state import SLOT_OFFSETS, decode_slot
from raftkeeper.storage.layout import HARD_STATE, SECTOR_BYTES, segment_sequence
from raftkeeper.storage.segments import HEADER_BYTES
from raftkeeper.testing.faulty_files import UNBOUNDED_BYTES, FaultyFiles, Survival
from raftkeeper.testing.sim_chance import Chance

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

FULL_MAX_US = 1_200_000
ROOM_BYTES_MAX = 6_000
"""What a disk that fills up has left: less than a segment of the log."""
LAST_PER_MILLE = 700
"""How often rot is in the last block of the log, where that can be."""
_SALT = slice(16, 24)
"""Of a segment's header: without it a block cannot be told from an old one."""


class DiskFaults:
    """Has a stream of chance of its own, so that seeds without these faults live as before."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.chance = world.chance.stream("disk faults")
        self._last_chance = world.chance.stream("rot of last blocks")

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
        last = find_known_last(machine.files)
        if last is not None and self._last_chance.happens(LAST_PER_MILLE):
            # Without power: the next block would come behind it, and tell that it was durable.
            self._rot_one(machine, self._last_chance, last)
            machine.crash(self._last_chance.pick(list(Survival)), "without power")
            return
        self._rot_one(machine, self.chance, self.chance.pick(places))

    def _rot_one(self, machine: "Machine", chance: Chance, place: tuple[Path, int, int]) -> None:
        path, start, end = place
        offset = start + chance.below(end - start)
        machine.trace("rots", f"byte {offset} of {path.name}")
        machine.files.rot(path, offset, chance.below(8))
        machine.rotten = True


def make_room(machine: "Machine") -> None:
    """Somebody has cleaned up."""
    if machine.is_full:
        machine.trace("has room", "again on its disk")
        machine.files.capacity_bytes = UNBOUNDED_BYTES


def list_places(files: FaultyFiles) -> list[tuple[Path, int, int]]:
    """What holds something: (file, first byte, behind the last). Blocks of the log one by one."""
    places = [
        (path, 0, len(data))
        for path in files.paths()
        if segment_sequence(path.name) is None and (data := files.durable_content(path))
    ]
    return places + list_blocks(files)[:-1]


def find_known_last(files: FaultyFiles) -> tuple[Path, int, int] | None:
    """The last block of the log, where the hard state says that it was durable."""
    blocks = list_blocks(files)
    if not blocks:
        return None
    path, _, end = blocks[-1]
    hard_state = files.durable_content(path.parent.parent / HARD_STATE)
    slots = [decode_slot(hard_state[at : at + SECTOR_BYTES]) for at in SLOT_OFFSETS]
    known = max((slot for slot in slots if slot is not None), default=None)
    is_known = known is not None and (segment_sequence(path.name), end) <= known.log_end
    return blocks[-1] if is_known else None


def list_blocks(files: FaultyFiles) -> list[tuple[Path, int, int]]:
    """Of the log, in its order."""
    blocks: list[tuple[Path, int, int]] = []
    for path in files.paths():
        if segment_sequence(path.name) is None:
            continue
        data = files.durable_content(path)
        salt = int.from_bytes(data[_SALT], "little")
        offset = HEADER_BYTES
        while block := scan_block(data, offset, salt):
            blocks.append((path, offset, block[1]))
            offset = block[1]
    return blocks
