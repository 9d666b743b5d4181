"""Requests on their way into the log: a node's own groups, and on a leader those of the others.

A group is kept by its node until the engine says that it is applied or given up, and goes out again,
in order, to every new leader; the state machine takes each once. Nothing here looks into a group.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from raftkeeper._engine import Engine
from raftkeeper.raft import MemberId


class Group(NamedTuple):
    """Sealed requests of one node."""

    number: int
    data: bytes


class OwnGroups:
    """This node's, in order, from the first that is not settled."""

    def __init__(self, engine: Engine, bytes_max: int) -> None:
        self.enabled = False
        """Only a node whose state is new enough knows the number of its run."""
        self.kept: deque[Group] = deque()
        self.bytes_kept = 0
        self._engine = engine
        self._bytes_max = bytes_max

    def take(self) -> Group | None:
        """The next one, to be sent or sealed now; None when there is none or too much is kept."""
        if not self.enabled or self.bytes_kept >= self._bytes_max:
            return None  # the engine stops reading its clients by itself
        taken = self._engine.take_group()
        if taken is None:
            return None
        group = Group(*taken)
        self.kept.append(group)
        self.bytes_kept += len(group.data)
        return group

    def settle(self) -> int:
        """Forgets what the engine has seen the end of; how many are left."""
        kept = self.kept
        if kept:
            settled = self._engine.groups_settled
            while kept and kept[0].number <= settled:
                self.bytes_kept -= len(kept.popleft().data)
        return len(kept)


class Arrival(NamedTuple):
    """A group that waits to be sealed, and whose it is."""

    member: MemberId
    data: bytes


@dataclass(slots=True)
class Arrivals:
    """On a leader: what waits for the next entry. Bounded by what each member may keep."""

    queue: deque[Arrival] = field(default_factory=deque)
    expected: dict[MemberId, int] = field(default_factory=dict)
    """The number that comes next over each member's link."""

    def add(self, member: MemberId, number: int, data: bytes) -> bool:
        """Takes in a group; False when one before it is missing, which no sound link does."""
        expected = self.expected.get(member)
        if expected is not None and number != expected:
            return number < expected  # one that went twice: the first is in the log already
        self.expected[member] = number + 1
        self.queue.append(Arrival(member, data))
        return True

    def add_own(self, me: MemberId, group: Group) -> None:
        """One of this node's."""
        self.queue.append(Arrival(me, group.data))

    def forget_link(self, member: MemberId) -> None:
        """Its link is gone: over the next one it begins again with its first unsettled group."""
        self.expected.pop(member, None)
        self.queue = deque(arrival for arrival in self.queue if arrival.member != member)

    def clear(self) -> None:
        """The term is over; each member sends to the next leader what is unsettled."""
        self.queue.clear()
        self.expected.clear()

    def take(self, bytes_max: int) -> list[Arrival]:
        """What fits into one entry, in order; one group at least."""
        taken: list[Arrival] = []
        total = 0
        queue = self.queue
        while queue and (not taken or total + len(queue[0].data) <= bytes_max):
            arrival = queue.popleft()
            total += len(arrival.data)
            taken.append(arrival)
        return taken
