"""Member ids are given out once: a disk that was lost never comes back under its old id."""

from typing import TYPE_CHECKING

from raftkeeper.raft import EntryKind, Membership, RaftCore, Ready
from raftkeeper.storage import Recovered
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


class MemberIds(Checker):
    """One incarnation for each id, in the log and among those who run."""

    def __init__(self) -> None:
        self._incarnations: dict[int, bytes] = {}

    def started(self, machine: "Machine", core: RaftCore, recovered: Recovered) -> None:
        self._note(machine.member, machine.incarnation, machine.name)

    def ready(self, machine: "Machine", ready: Ready) -> None:
        # A CONFIG entry that was cut off gave its id to nobody: only committed ones count.
        for entry in ready.committed:
            if entry.kind == EntryKind.CONFIG:
                for member in Membership.decode(entry.payload).members:
                    self._note(member.id, member.incarnation, "the log")

    def _note(self, member: int, incarnation: bytes, who: str) -> None:
        known = self._incarnations.setdefault(member, incarnation)
        if known != incarnation:
            self.broken(
                f"{who} has member {member} in the incarnation {incarnation!r}, but that id was"
                f" given to {known!r}"
            )
