"""Log matching (Raft, figure 3): the same index and term is the same entry behind the same entry."""

import zlib
from typing import TYPE_CHECKING

from raftkeeper.raft import Ready
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class LogMatching(Checker):
    """By induction: each entry that enters any log has the one content and the one predecessor."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[int, int, int]] = {}

    def ready(self, machine: "Machine", ready: Ready) -> None:
        if not ready.entries:
            return
        node = machine.node
        assert node is not None
        before = node.core.term_at(ready.entries[0].index - 1)
        for entry in ready.entries:
            if before is not None:
                content = (before, entry.kind, zlib.crc32(entry.payload))
                known = self._known.setdefault((entry.index, entry.term), content)
                if known != content:
                    self.broken(
                        f"{machine.name} has entry {entry.index} of term {entry.term} with (term"
                        f" before, kind, checksum) {content}, another member had {known}"
                    )
            before = entry.term
