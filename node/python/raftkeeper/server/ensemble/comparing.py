"""When this member compares its state with the others', and what it says and hears of it.

    at multiples of an index    all pass them, so under load all compare the same states
    when it has caught up       what a start has made of its files is compared once
    when nothing goes on        now and then, at the index at which all stand

Two states can be compared at the same index only. So who hears another's at the very index where it
stands itself takes its own and tells it, and whoever hears a state that differs from its own answers
with that, once: a member that has just started has not heard what the others said before.
"""

from collections.abc import Callable

from raftkeeper._engine import Engine
from raftkeeper.raft import Index, MemberId, Membership, RaftCore
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.digests import Digests, State
from raftkeeper.server.ensemble.ports import PeerLinks
from raftkeeper.server.ensemble.settings import EnsembleSettings


class Comparison:
    """Part of a driver. It runs from when this member serves until it does not."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        clock: Clock,
        links: PeerLinks,
        settings: EnsembleSettings,
    ) -> None:
        self.at: Index = 0
        """The next index at which all compare; 0 while this member does not."""
        self.on_contradicted: Callable[[frozenset[MemberId]], None] = lambda _right: None
        """Told when a majority has another state than this member."""
        self._digests = Digests(core.config.member_id)
        self._engine = engine
        self._core = core
        self._clock = clock
        self._links = links
        self._every_entries = settings.compare_every_entries
        self._every_us = int(settings.compare_every_s * 1_000_000)
        self._running = False
        self._due_us = 0
        self._index_at_tick: Index = 0
        self._answered: dict[MemberId, Index] = {}

    def start(self) -> None:
        """This member is as new as it must be: from here on, and once now."""
        self._running = True
        self._plan()
        if self.at:
            self._compare()

    def stop(self) -> None:
        """The own state is being replaced, or counts no more."""
        self._running = False
        self.at = 0
        self._digests.clear()
        self._answered.clear()

    def follow(self, membership: Membership) -> None:
        """Another membership counts."""
        self._digests.keep_members(membership.everyone)
        self._plan()

    def pass_index(self) -> None:
        """The engine is at the index where all compare."""
        self.at += self._every_entries
        self._compare()

    def tick(self) -> None:
        """By each slow tick: compares where nothing has been applied since the last."""
        index = self._engine.applied_index
        is_still, self._index_at_tick = index == self._index_at_tick, index
        if self.at and is_still and self._clock.now_us() >= self._due_us:
            self._compare()

    def hear(self, sender: MemberId, index: Index, zxid: int, digest: int) -> None:
        """Another member's state."""
        membership = self._core.membership
        if sender not in membership.everyone:
            return
        right = self._digests.hear(sender, index, zxid, digest, membership)
        mine = self._digests.own_at(index)
        if right:
            self.on_contradicted(right)
        elif self.at and mine is None and index == self._engine.applied_index:
            self._compare()
        elif mine is not None and mine != State(zxid, digest):
            self._answer(sender, index, mine)

    def _plan(self) -> None:
        """Alone there is nobody to compare with."""
        every = self._every_entries
        if self._running and every and self._core.members:
            self.at = (self._engine.applied_index // every + 1) * every
        else:
            self.at = 0

    def _compare(self) -> None:
        self._due_us = self._clock.now_us() + self._every_us
        index, zxid, digest = self._engine.digest()
        right = self._digests.take(index, zxid, digest, self._core.membership)
        for member in self._core.members:
            self._links.send_digest(member, index, zxid, digest)
        if right:
            self.on_contradicted(right)

    def _answer(self, sender: MemberId, index: Index, mine: State) -> None:
        if self._answered.get(sender) != index:
            self._answered[sender] = index
            self._links.send_digest(sender, index, *mine)
