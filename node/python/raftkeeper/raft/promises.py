"""What was handed over for the disk and is not known to be durable yet, Ready by Ready."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from raftkeeper.raft.invariants import broken
from raftkeeper.raft.messages import AppendReply, Entry, HardState, Index, Message, Term


class Promise(NamedTuple):
    """What becomes durable together with a Ready."""

    number: int
    hard_state: HardState | None
    last: tuple[Index, Term] | None
    """Of the entries; None when there are none, or they were cut off meanwhile."""


class Promises:
    """In the order of the Readys, which is the order on disk."""

    __slots__ = ("_open", "number", "persisted_number")

    def __init__(self) -> None:
        self._open: deque[Promise] = deque()
        self.number = 0
        """Of the newest Ready with anything for the disk."""
        self.persisted_number = 0

    def add(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        self.number += 1
        last = (entries[-1].index, entries[-1].term) if entries else None
        self._open.append(Promise(self.number, hard_state, last))

    def fulfil(self, number: int) -> Iterator[Promise]:
        """Everything up to the Ready of this number is durable."""
        if number > self.number:
            broken(f"Ready {number} was handed over")
        self.persisted_number = max(self.persisted_number, number)
        while self._open and self._open[0].number <= number:
            yield self._open.popleft()

    def cut_off(self, index: Index, kept_term: Term) -> None:
        """Entries from `index` on were replaced; the one before them, of `kept_term`, was not.

        Without this, an entry that comes back later would count as durable before it is.
        """
        for position, promise in enumerate(self._open):
            if promise.last is not None and promise.last[0] >= index:
                self._open[position] = promise._replace(last=(index - 1, kept_term))

    def forget_entries(self) -> None:
        """The whole log was replaced."""
        for position, promise in enumerate(self._open):
            self._open[position] = promise._replace(last=None)


def withdraw(held: Iterable[Message], index: Index) -> list[Message]:
    """What stays to be sent when the entries from `index` on were cut off: not their acknowledgements.

    These were not handed over yet, and some of the entries may never have been either. Then the disk will
    not have held them for a moment.
    """
    return [
        message
        for message in held
        if not (
            isinstance(message, AppendReply) and message.accepted and message.match_index >= index
        )
    ]
