"""Where gathered requests go, by what this node is: into the log, to the leader, or nowhere yet.

One object per role; the driver asks the current one whether it is the moment (`idle`) and lets it
work (`seal`). A batch grows while one or two are under way: its cost is per batch, so on few cores
one that leaves too early halves the throughput. More go out only when the wait is a long one, for
round trips or bytes and not for the processor.
"""

from typing import Protocol

from raftkeeper._engine import Engine
from raftkeeper.raft import MemberId, RaftCore
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.commit_words import CommitWords
from raftkeeper.server.ensemble.groups import Arrivals, OwnGroups
from raftkeeper.server.ensemble.ports import PeerLinks
from raftkeeper.server.logs import get_logger
from raftkeeper.storage import Writer

log = get_logger(__name__)


class Sealer(Protocol):
    """What the driver asks of the current one."""

    @property
    def idle(self) -> bool:
        """Whether a batch may leave now."""

    @property
    def has_arrivals(self) -> bool:
        """Whether there is something to seal beside what the engine has gathered."""

    def seal(self) -> bool:
        """Lets one batch leave; whether there was one."""


class SealAlone:
    """The only member: one block of the log under way, and the next batch fills meanwhile."""

    has_arrivals = False

    def __init__(
        self, engine: Engine, core: RaftCore, writer: Writer, clock: Clock, record_bytes_max: int
    ) -> None:
        self._engine = engine
        self._core = core
        self._writer = writer
        self._clock = clock
        self._record_bytes_max = record_bytes_max

    @property
    def idle(self) -> bool:
        # A message of a newer term may have deposed it since the driver looked at its role.
        return self._writer.idle and self._core.may_propose

    def seal(self) -> bool:
        if self._writer.room() < self._record_bytes_max:
            return False
        payload = self._engine.take_batch(self._clock.wall_ms())
        if payload is None:
            return False
        self._core.propose(payload)
        return True


class _Pace:
    """How many may be under way, and how soon one after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left_us = 0

    def allows(self, under_way: int) -> bool:
        if under_way < limits.BATCHES_UNDER_WAY:
            return True
        waited_us = self._clock.now_us() - self._left_us
        return under_way < limits.BATCHES_UNDER_WAY_MAX and waited_us >= limits.BATCH_SPACING_US

    def left(self) -> None:
        self._left_us = self._clock.now_us()


class SealLeading:
    """The leader: its own groups and those that arrive, several in one entry."""

    def __init__(
        self,
        *,
        engine: Engine,
        core: RaftCore,
        writer: Writer,
        clock: Clock,
        links: PeerLinks,
        words: CommitWords,
        own: OwnGroups,
        arrivals: Arrivals,
        batch_bytes_max: int,
        record_bytes_max: int,
    ) -> None:
        self._engine = engine
        self._core = core
        self._writer = writer
        self._clock = clock
        self._links = links
        self._words = words
        self._own = own
        self._arrivals = arrivals
        self._batch_bytes_max = batch_bytes_max
        self._record_bytes_max = record_bytes_max
        self._pace = _Pace(clock)

    @property
    def idle(self) -> bool:
        core = self._core
        return self._pace.allows(core.last_index - core.commit_index) and core.may_propose

    @property
    def has_arrivals(self) -> bool:
        return bool(self._arrivals.queue)

    def seal(self) -> bool:
        if self._writer.room() < self._record_bytes_max:
            return False
        me = self._core.config.member_id
        group = self._own.take()
        if group is not None:
            self._arrivals.add_own(me, group)
        arrivals = self._arrivals.take(self._batch_bytes_max)
        now_ms = self._clock.wall_ms()
        try:
            payload = self._engine.seal_entry(now_ms, [arrival.data for arrival in arrivals])
        except ValueError:
            return self._seal_one_by_one(now_ms, [(a.member, a.data) for a in arrivals])
        if payload is None:
            return False
        index = self._core.propose(payload)
        self._words.sealed(index, [arrival.member for arrival in arrivals])
        self._pace.left()
        return True

    def _seal_one_by_one(self, now_ms: int, groups: list[tuple[MemberId, bytes]]) -> bool:
        """One of them is malformed: whose it is loses its link, the others lose nothing."""
        sealed = False
        bad: set[MemberId] = set()
        for member, data in groups:
            if member in bad:
                continue
            try:
                payload = self._engine.seal_entry(now_ms, [data])
            except ValueError as error:
                bad.add(member)
                self._arrivals.forget_link(member)
                log.error("group.malformed", member=member, reason=str(error))
                self._links.drop(member, f"sent a malformed group: {error}")
                continue
            if payload is not None:
                self._words.sealed(self._core.propose(payload), [member])
                sealed = True
        self._pace.left()
        return sealed


class SealFollowing:
    """A follower: its groups go to the leader, in order, with the term they are meant for."""

    has_arrivals = False

    def __init__(self, core: RaftCore, clock: Clock, links: PeerLinks, own: OwnGroups) -> None:
        self._core = core
        self._links = links
        self._own = own
        self._pace = _Pace(clock)

    @property
    def idle(self) -> bool:
        return self._pace.allows(len(self._own.kept))

    def seal(self) -> bool:
        group = self._own.take()
        if group is None:
            return False
        core = self._core
        self._links.send_group(core.leader_id, core.term, group.number, group.data)
        self._pace.left()
        return True

    def send_again(self) -> None:
        """All that is unsettled, to a leader or over a link that knows nothing of it."""
        core = self._core
        for group in self._own.kept:
            self._links.send_group(core.leader_id, core.term, group.number, group.data)


class SealNothing:
    """No leader is known: requests gather in the engine, which stops reading when it has enough."""

    idle = False
    has_arrivals = False

    def seal(self) -> bool:
        return False
