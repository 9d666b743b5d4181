"""Compares the members' states: all that were applied to the same index must have the same digest.

Every member tells every other what it has at the same round indexes. One that a majority of voters
contradicts, all saying the same, is wrong and says so itself; without such a majority nobody knows
who is, and that is said as loudly.
"""

from collections import Counter, deque
from collections.abc import Collection
from typing import NamedTuple

from raftkeeper.raft import MemberId, Membership
from raftkeeper.server import limits
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


class State(NamedTuple):
    """What a member has at an index."""

    zxid: int
    digest: int


class Digests:
    """What is known of the last few indexes that are compared."""

    def __init__(self, me: MemberId) -> None:
        self.compared_index = 0
        """The newest index at which another member agreed."""
        self._me = me
        self._states: dict[int, dict[MemberId, State]] = {}
        self._own_order: deque[int] = deque()
        self._heard_last: dict[MemberId, deque[int]] = {}
        self._disputed: set[int] = set()

    def take(
        self, index: int, zxid: int, digest: int, membership: Membership
    ) -> frozenset[MemberId]:
        """This member's own; who contradicts it as a majority, nobody when all is well."""
        self._states.setdefault(index, {})[self._me] = State(zxid, digest)
        if (
            not self._own_order or self._own_order[-1] != index
        ):  # the same again, where all is quiet
            self._own_order.append(index)
        if len(self._own_order) > limits.DIGESTS_KEPT:
            self._forget_to(self._own_order.popleft())
        return self._judge(index, membership)

    def hear(
        self, sender: MemberId, index: int, zxid: int, digest: int, membership: Membership
    ) -> frozenset[MemberId]:
        """Another's; who contradicts this member as a majority."""
        if self._own_order and index < self._own_order[0]:
            return frozenset()
        heard = self._heard_last.setdefault(sender, deque())
        if not heard or heard[-1] != index:
            heard.append(index)
        if len(heard) > limits.DIGESTS_KEPT:
            self._forget_one(heard.popleft(), sender)
        self._states.setdefault(index, {})[sender] = State(zxid, digest)
        return self._judge(index, membership)

    def own_at(self, index: int) -> State | None:
        """What this member has said of itself, if that is remembered."""
        return self._states.get(index, {}).get(self._me)

    def clear(self) -> None:
        """The own state has been replaced."""
        self._states.clear()
        self._own_order.clear()
        self._heard_last.clear()
        self._disputed.clear()

    def keep_members(self, members: Collection[MemberId]) -> None:
        """Forgets those that left."""
        for member in [known for known in self._heard_last if known not in members]:
            for index in self._heard_last.pop(member):
                self._forget_one(index, member)

    def _judge(self, index: int, membership: Membership) -> frozenset[MemberId]:
        states = self._states[index]
        mine = states.get(self._me)
        if mine is None or len(states) == 1:
            return frozenset()
        others = Counter(
            state
            for member, state in states.items()
            if member in membership.voters and member != self._me
        )
        state, count = max(others.items(), key=lambda item: item[1], default=(mine, 0))
        if state != mine and count > len(membership.voters) // 2:
            return frozenset(m for m, other in states.items() if other == state)
        if any(other != mine for other in states.values()):
            self._say_disputed(index, states)
        else:
            self.compared_index = max(self.compared_index, index)
        return frozenset()

    def _say_disputed(self, index: int, states: dict[MemberId, State]) -> None:
        """Once for each index: another member is wrong, or nobody can tell who is."""
        if index in self._disputed:
            return
        self._disputed.add(index)
        log.critical(
            "digest.differs",
            index=index,
            digests={str(m): f"{state.digest:016x}" for m, state in sorted(states.items())},
            effect="the one that a majority contradicts stops serving and fetches a snapshot; "
            "without a majority take a copy of all data and ask for help",
        )

    def _forget_to(self, index: int) -> None:
        for old in [known for known in self._states if known <= index]:
            del self._states[old]
            self._disputed.discard(old)

    def _forget_one(self, index: int, member: MemberId) -> None:
        states = self._states.get(index)
        if states is not None:
            states.pop(member, None)
            if not states:
                del self._states[index]
                self._disputed.discard(index)
