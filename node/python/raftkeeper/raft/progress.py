"""What a leader knows of one follower: what it has, what is under way to it, and how it is fed.

    PROBE ──accepted──► REPLICATE           one question at a time, until they agree on an entry
    REPLICATE ──refused──► PROBE            several messages under way, within a window
    either ──its next entry is compacted──► SNAPSHOT ──has it──► PROBE

This file keeps the books; replication.py decides. It must not know the log.
"""

from collections import deque
from enum import Enum
from typing import NamedTuple

from raftkeeper.raft.messages import ColdSend, Index, MemberId

CAUGHT_UP_ROUNDS = 3
"""A learner has caught up when so many rounds in a row were shorter than an election timeout: a
round brings what the leader's log held at its start (thesis 4.2.1). One could be luck."""


class FollowerState(Enum):
    """How a follower is fed."""

    PROBE = "probe"
    REPLICATE = "replicate"
    SNAPSHOT = "snapshot"


class FollowerView(NamedTuple):
    """One follower as the administration sees it."""

    member: MemberId
    state: FollowerState
    match_index: Index
    next_index: Index
    active: bool
    ticks_silent: int
    caught_up: bool
    in_flight: int
    unfit: str


class Progress:
    """`match_index` is durable with the follower; `next_index` is the next to send."""

    __slots__ = (
        "_match_reminded",
        "_round_target",
        "_round_ticks",
        "_rounds",
        "_window",
        "_window_bytes",
        "cold",
        "match_index",
        "next_index",
        "nudge",
        "pending_index",
        "state",
        "ticks_silent",
        "told_commit",
        "unfit",
        "waiting",
        "was_active",
    )

    def __init__(self, next_index: Index) -> None:
        self.state = FollowerState.PROBE
        self.match_index: Index = 0
        self.next_index = next_index
        self.told_commit: Index = 0
        self.waiting = False
        """PROBE: a question is under way. SNAPSHOT: the offer is."""
        self.nudge = False
        """REPLICATE: nothing was heard of what is under way; ask whether it arrived."""
        self.cold: ColdSend | None = None
        self.pending_index: Index = 0
        """SNAPSHOT: what the snapshot covers at least."""
        self.was_active = True
        """Heard since the last count of the quorum; the benefit of the doubt at the start."""
        self.ticks_silent = 0
        self.unfit = ""
        """Why it should not lead for now, as it says itself; '' when it may, or has said nothing."""
        self._match_reminded: Index = -1
        self._window: deque[tuple[Index, int]] = deque()
        self._window_bytes = 0
        self._round_target = next_index - 1
        self._round_ticks = 0
        self._rounds = 0

    @property
    def in_flight(self) -> int:
        return len(self._window)

    def has_room(self, count_max: int, bytes_max: int) -> bool:
        """Whether one more message may be under way; the first may, however long."""
        return not self._window or (
            len(self._window) < count_max and self._window_bytes < bytes_max
        )

    def sent(self, last_index: Index, size: int) -> None:
        """Entries up to `last_index` are under way; they are taken to arrive."""
        self.next_index = last_index + 1
        self._window.append((last_index, size))
        self._window_bytes += size

    def accepted(self, match_index: Index) -> bool:
        """The follower has everything up to there; whether that is news."""
        window = self._window
        while window and window[0][0] <= match_index:
            self._window_bytes -= window.popleft()[1]
        if match_index <= self.match_index:
            return False
        self.match_index = match_index
        self.next_index = max(self.next_index, match_index + 1)
        return True

    def become_probe(self, next_index: Index) -> None:
        self._become(FollowerState.PROBE)
        self.next_index = max(next_index, self.match_index + 1)

    def become_replicate(self) -> None:
        self._become(FollowerState.REPLICATE)
        self.next_index = self.match_index + 1

    def become_snapshot(self) -> None:
        self._become(FollowerState.SNAPSHOT)

    def heard(self, last_index: Index, election_ticks: int) -> None:
        """A word of it in this term. When a round of catching up is over, the next begins."""
        self.was_active = True
        self.ticks_silent = 0
        if self.match_index >= self._round_target:
            self._rounds = self._rounds + 1 if self._round_ticks <= election_ticks else 0
            self._round_target = last_index
            self._round_ticks = 0

    def remind(self) -> None:
        """What was not answered since the last time is asked again: any message may be lost."""
        self.waiting = False
        is_stuck = self.match_index == self._match_reminded
        self.nudge = is_stuck and self.match_index < self.next_index - 1
        self._match_reminded = self.match_index

    def tick(self) -> None:
        self.ticks_silent += 1
        self._round_ticks += 1

    def is_caught_up(self, election_ticks: int) -> bool:
        """Also the round that is under way must not have taken too long already."""
        return self._rounds >= CAUGHT_UP_ROUNDS and self._round_ticks <= election_ticks

    def _become(self, state: FollowerState) -> None:
        self.state = state
        self.waiting = self.nudge = False
        self.cold = None
        self._window.clear()
        self._window_bytes = 0
