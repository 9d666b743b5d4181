"""Nothing is promised before it is durable, and what was durable is there after any crash.

The bytes that reached the disk are known from the disk itself, so a node cannot deceive this checker.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from raftkeeper.raft import EntryKind, Membership, RaftCore, Ready, Role
from raftkeeper.raft.messages import AppendReply, VoteReply, VoteRequest
from raftkeeper.storage import Recovered
from raftkeeper.testing.checkers.watch import Checker
from raftkeeper.testing.sim_disk import DurableEntries, DurableVote

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine


@dataclass(slots=True)
class DiskFacts:
    """What one member has on its disk."""

    vote: tuple[int, int] = (0, 0)
    terms: dict[int, int] = field(default_factory=dict)
    """Index to term of the entries in the log."""
    last: int = 0
    base: int = 0
    """The log begins behind it; everything up to it is in a snapshot."""
    ever: int = 0
    """The last index that was ever there."""
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """(index, term) of what was handed over behind it and is not known to be durable, restarts of the
    log among them. Any number of the first of them may be found after a crash."""

    def append(self, positions: list[tuple[int, int]]) -> None:
        first = positions[0][0]
        for index in range(first, self.last + 1):
            self.terms.pop(index, None)
        self.terms.update(positions)
        self.last = positions[-1][0]
        self.ever = max(self.ever, self.last)
        for position in positions:
            while self.waiting and self.waiting.popleft() != position:
                pass  # never written at all: it will be missed when it is asked for

    def holds(self, index: int, term: int) -> bool:
        return index <= self.base or self.terms.get(index) == term

    def may_be_found(self) -> Iterator[dict[int, int]]:
        """What a start may find in the log: what is durable, and more and more of what was not yet."""
        terms = dict(self.terms)
        yield terms
        last = self.last
        for index, term in self.waiting:
            for gone in range(index, last + 1):
                terms.pop(gone, None)
            terms[index], last = term, index
            yield terms


class Promises(Checker):
    """Votes, what is said to get them, acknowledgements, and what a leader takes for committed."""

    def __init__(self) -> None:
        self._disks: dict[int, DiskFacts] = {}
        self._configs: dict[int, list[tuple[int, Membership]]] = {}
        """By machine: the memberships in its log."""
        self._before: dict[int, Membership] = {}
        """By machine: the one that counted at the last look."""

    def started(self, machine: "Machine", core: RaftCore, recovered: Recovered) -> None:
        old = self._disks.get(machine.member)
        disk = facts_of(recovered)
        if old is not None:
            self._compare(machine, old, disk, recovered.restart)
        if recovered.restart is not None:
            disk.waiting.append(recovered.restart)
        self._disks[machine.member] = disk
        base = (core.first_index - 1, core.membership_at(core.first_index - 1))
        decoded = [(index, Membership.decode(payload)) for index, payload in recovered.configs]
        self._configs[machine.number] = [base, *decoded]
        self._before[machine.number] = core.membership

    def ready(self, machine: "Machine", ready: Ready) -> None:
        configs = self._configs[machine.number]
        if ready.restored is not None:
            configs[:] = [(ready.restored.index, ready.restored.membership)]
            disk = self._disks[machine.member]
            # From here on the snapshot holds it all; the log on disk is to be given up.
            disk.base = max(disk.base, ready.restored.index)
            disk.waiting.append((ready.restored.index, ready.restored.term))
        if ready.entries:
            first = ready.entries[0].index
            while len(configs) > 1 and configs[-1][0] >= first:
                configs.pop()
        for entry in ready.entries:
            self._disks[machine.member].waiting.append((entry.index, entry.term))
            if entry.kind == EntryKind.CONFIG:
                configs.append((entry.index, Membership.decode(entry.payload)))

    def durable(self, machine: "Machine", what: DurableVote | DurableEntries) -> None:
        disk = self._disks[machine.member]
        if isinstance(what, DurableVote):
            disk.vote = (what.term, what.vote)
        else:
            disk.append(what.positions)

    def sent(self, machine: "Machine", message: Any) -> None:
        if isinstance(message, VoteReply):
            if message.granted:
                self._check_vote(machine, message.term, message.to)
        elif isinstance(message, VoteRequest):
            self._check_claim(machine, message)
        elif isinstance(message, AppendReply) and message.accepted:
            self._check_match(machine, message)

    def leads(self, machine: "Machine", core: RaftCore) -> None:
        self._check_vote(machine, core.term, machine.member)

    def committed(self, machine: "Machine", core: RaftCore, before: int) -> None:
        now = core.membership
        previous = self._before.get(machine.number, now)
        self._before[machine.number] = now
        if core.role is not Role.LEADER:
            return
        index, term = core.commit_index, core.term_at(core.commit_index)
        if term is None or index <= core.first_index - 1:
            return
        holders = {member for member, disk in self._disks.items() if disk.holds(index, term)}
        # What counted when it was decided: the newest in the log, before or after this step.
        newest = self._configs[machine.number][-1][1]
        if not any(is_quorum(membership, holders) for membership in (newest, previous)):
            self.broken(
                f"{machine.name}, leader of term {core.term}, takes entry {index} for committed, but"
                f" only members {sorted(holders)} of {describe(newest)} have it on disk"
            )

    def _check_vote(self, machine: "Machine", term: int, vote: int) -> None:
        disk = self._disks[machine.member]
        if disk.vote[0] < term or (disk.vote[0] == term and disk.vote[1] != vote):
            self.broken(
                f"{machine.name} gives its vote of term {term} to member {vote}, but its disk says"
                f" term {disk.vote[0]}, vote {disk.vote[1]}"
            )

    def _check_claim(self, machine: "Machine", request: VoteRequest) -> None:
        """What a candidate says it has decides votes, and votes outlive its crash."""
        disk = self._disks[machine.member]
        if not disk.holds(request.last_index, request.last_term):
            self.broken(
                f"{machine.name} asks for votes with entry {request.last_index} of term"
                f" {request.last_term}, but its disk ends at {disk.last}"
            )

    def _check_match(self, machine: "Machine", reply: AppendReply) -> None:
        disk = self._disks[machine.member]
        index = reply.match_index
        # An answer of an earlier term was true when it was made, like one that was long under way.
        last = disk.last if reply.term == disk.vote[0] else disk.ever
        if index > max(disk.base, last):
            self.broken(
                f"{machine.name} acknowledges entry {index}, but its disk ends at {disk.last}"
            )
        if disk.vote[0] < reply.term:
            self.broken(
                f"{machine.name} answers in term {reply.term}, but its disk says {disk.vote[0]}"
            )

    def _compare(
        self,
        machine: "Machine",
        old: DiskFacts,
        new: DiskFacts,
        restart: tuple[int, int] | None,
    ) -> None:
        """A crash may leave more than was durable, never less."""
        if new.vote < old.vote and not (new.vote[0] == old.vote[0] and old.vote[1] == 0):
            self.broken(f"{machine.name} remembers vote {new.vote} after {old.vote} was durable")
        if new.vote[0] == old.vote[0] and old.vote[1] not in {0, new.vote[1]}:
            self.broken(f"{machine.name} remembers vote {new.vote} after {old.vote} was durable")
        if restart is not None and old.terms.get(restart[0]) != restart[1]:
            return  # the log parts from the snapshot, which is of what is committed
        lost = [find_lost(terms, new) for terms in old.may_be_found()]
        if all(lost):
            index, term = lost[0] or (0, 0)
            self.broken(
                f"{machine.name} has lost entry {index} of term {term}: its log is"
                f" {new.base + 1}..{new.last}"
            )


def find_lost(terms: dict[int, int], new: DiskFacts) -> tuple[int, int] | None:
    """An entry that is neither in the log nor in the snapshot any more."""
    for index, term in terms.items():
        if index > new.base and new.terms.get(index) != term:
            return index, term
    return None


def facts_of(recovered: Recovered) -> DiskFacts:
    """What a start has found."""
    snapshot = recovered.snapshot.index if recovered.snapshot else 0
    last = recovered.last_index
    disk = DiskFacts((recovered.term, recovered.vote), base=snapshot, last=last, ever=last)
    runs = [*recovered.term_starts, (last + 1, 0)]
    for (start, term), (end, _) in pairwise(runs):
        disk.terms.update(dict.fromkeys(range(start, end), term))
    return disk


def is_quorum(membership: Membership, members: set[int]) -> bool:
    """Counted here and not by the core, which may be what is wrong."""
    halves = (
        [membership.voters, membership.outgoing] if membership.outgoing else [membership.voters]
    )
    return all(2 * len(half & members) > len(half) for half in halves)


def describe(membership: Membership) -> str:
    text = f"voters {sorted(membership.voters)}"
    return text + (f", before {sorted(membership.outgoing)}" if membership.outgoing else "")
