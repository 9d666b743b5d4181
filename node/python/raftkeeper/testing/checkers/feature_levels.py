"""Nobody gets what its release cannot read, and a feature level that is in use stays in use."""

from typing import TYPE_CHECKING, Any

from raftkeeper.raft import BASE_LEVEL, Entry, EntryKind, Membership, Ready
from raftkeeper.server.feature_level import QUOTAS_ENFORCED
from raftkeeper.testing.checkers.watch import Checker

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine

FORMAT_ENFORCING = 3
"""The first byte of an entry for which hard limits of quotas hold."""


class FeatureLevels(Checker):
    """Looks at the bytes of the log, and at what machines run."""

    def __init__(self) -> None:
        self._committed: dict[int, int] = {}
        """The level in use from this index on."""

    def ready(self, machine: "Machine", ready: Ready) -> None:
        for entry in ready.entries:
            if entry.kind == EntryKind.CONFIG:
                self._check_spoken(Membership.decode(entry.payload))
            elif self.world.level == "node" and entry.payload[:1] == bytes([FORMAT_ENFORCING]):
                self._check_readable(machine, entry)
        for entry in ready.committed:
            if entry.kind == EntryKind.CONFIG:
                self._check_kept(entry.index, Membership.decode(entry.payload))
        if ready.restored is not None:
            self._check_kept(ready.restored.index, ready.restored.membership)

    def _check_spoken(self, membership: Membership) -> None:
        for member in membership.everyone if membership.level > BASE_LEVEL else ():
            other = self.world.by_member.get(member)
            if other is not None and other.feature_level < membership.level:
                self.broken(
                    f"feature level {membership.level} is to be in use, but member {member} speaks"
                    f" {other.feature_level}"
                )

    def _check_readable(self, machine: "Machine", entry: Entry) -> None:
        node: Any = machine.node
        in_use = node.core.membership_at(entry.index).level
        if min(in_use, machine.feature_level) < QUOTAS_ENFORCED:
            self.broken(
                f"{machine.name}, which speaks feature level {machine.feature_level}, has entry"
                f" {entry.index} of format {FORMAT_ENFORCING} while level {in_use} is in use"
            )

    def _check_kept(self, index: int, membership: Membership) -> None:
        for before, level in self._committed.items():
            if (before < index and level > membership.level) or (
                before > index and level < membership.level
            ):
                self.broken(
                    f"feature level {membership.level} is in use at entry {index}, and {level} at"
                    f" entry {before}: it has fallen"
                )
        if membership.level > max(self._committed.values(), default=membership.level):
            self.world.say(
                "raises", f"feature level {membership.level} is in use from entry {index}"
            )
        self._committed[index] = membership.level
