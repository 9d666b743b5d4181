"""When a leader gives its leadership away without need: to a preferred member, or because it should
not lead, as one that is drained, has a full disk, or is about to stop.

All are moves at leisure: tried, and tried again after a pause. Who may lead is the core's to know.
"""

from raftkeeper.raft import NOBODY, NotLeader, RaftCore, Role, TransferRefused, find_successor
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


class Leadership:
    """Asked by each slow tick."""

    def __init__(self, core: RaftCore, clock: Clock) -> None:
        self.leaving = False
        """The node is about to stop: it hands over, to anybody."""
        self.drained = False
        """A person has asked this member to lead no more."""
        self.unfit = ""
        """Why this member should not lead, as of the last tick; '' when it may."""
        self._core = core
        self._clock = clock
        self._not_before_us = 0
        self._was_leader = False
        self._leader = (0, NOBODY)
        self._leader_since_us = clock.now_us()

    @property
    def leader_age_ms(self) -> int:
        """For how long the same leader, or none, has been known; by the last tick."""
        return (self._clock.now_us() - self._leader_since_us) // 1000

    def tick(self, *, unfit: str) -> None:
        """`unfit`: what is wrong with this node ('' for nothing), as a full disk."""
        stops = "it stops" if self.leaving else ""
        self.unfit = unfit or stops or ("it is being drained" if self.drained else "")
        leader = (self._core.term, self._core.leader_id)
        if leader != self._leader:
            self._leader, self._leader_since_us = leader, self._clock.now_us()
        leads = self._core.role is Role.LEADER
        if leads and not self._was_leader:
            self._pause()
        self._was_leader = leads
        if not leads or self._core.transferring != NOBODY:
            return
        if self.leaving:
            self._move(NOBODY, self.unfit)
        elif self.unfit:
            # Only to one that can take over: to ask others again and again would stop all writes.
            successor = find_successor(self._core)
            if successor != NOBODY:
                self._move(successor, self.unfit)
        elif self._clock.now_us() >= self._not_before_us:
            preferred = self._core.preferred_leader
            if preferred != NOBODY:
                self._move(preferred, "it is preferred")
                self._pause()

    def _move(self, to: int, reason: str) -> None:
        try:
            self._core.transfer(to)
        except (NotLeader, TransferRefused) as error:
            log.debug("leadership.kept", reason=str(error))
        else:
            log.info("leadership.transfer", to=self._core.transferring, reason=reason)

    def _pause(self) -> None:
        self._not_before_us = self._clock.now_us() + int(limits.TRANSFER_PAUSE_S * 1_000_000)
