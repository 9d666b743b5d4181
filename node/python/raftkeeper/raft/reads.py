"""Linearizable reads without a log entry (ReadIndex, thesis 6.4): who waits, and what was granted.

A leader may answer only after an entry of its own term is committed, because only then does it know
what is, and only while a quorum still follows it. A sole voter is its own quorum.
"""

from raftkeeper.raft.messages import Index, ReadGrant


class Reads:
    """Reads that wait for a grant, and grants that wait to be handed over.

    Not bounded here: every token stands for a request that was admitted by the front's own limit.
    """

    __slots__ = ("_granted", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._granted: list[ReadGrant] = []

    @property
    def has_granted(self) -> bool:
        return bool(self._granted)

    def add(self, token: int) -> None:
        self._waiting.append(token)

    def grant_all(self, index: Index) -> None:
        """The leader is confirmed and knows that `index` is committed."""
        self._granted.extend(ReadGrant(token, index) for token in self._waiting)
        self._waiting.clear()

    def take_granted(self) -> tuple[ReadGrant, ...]:
        granted = tuple(self._granted)
        self._granted.clear()
        return granted
