"""State machine safety: every member applies the same entry at an index and is then the same."""

import zlib
from typing import TYPE_CHECKING

from raftkeeper.raft import Entry
from raftkeeper.storage import SnapshotMeta
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class SameState(Checker):
    """Also the states that come by snapshot."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[int, int, int]] = {}
        self._digests: dict[int, int] = {}

    def applied(self, machine: "Machine", entry: Entry, digest: int) -> None:
        if entry.term < 0:  # compacted by now: only the outcome can be compared
            self._compare(machine, entry.index, digest)
            return
        content = (entry.term, entry.kind, zlib.crc32(entry.payload))
        known = self._entries.setdefault(entry.index, content)
        if known != content:
            self.broken(
                f"{machine.name} applies entry {entry.index} with (term, kind, checksum) {content},"
                f" elsewhere it was {known}"
            )
        self._compare(machine, entry.index, digest)

    def restored(self, machine: "Machine", meta: SnapshotMeta, digest: int) -> None:
        self._compare(machine, meta.index, digest)

    def _compare(self, machine: "Machine", index: int, digest: int) -> None:
        known = self._digests.setdefault(index, digest)
        if known != digest:
            self.broken(
                f"{machine.name} has digest {digest:x} at entry {index}, elsewhere it was {known:x}"
            )
