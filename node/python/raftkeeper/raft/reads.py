"""Linearizable reads without a log entry (ReadIndex, thesis 6.4): who waits, and what was granted.

A leader may answer only after an entry of its own term is committed, because only then does it know
what is, and only when a quorum still follows it after the read was asked for. All reads that come up
between two Readys share one round of confirmation; rounds do not wait for each other. A sole voter
is its own quorum. A follower asks its leader, and serves the read itself.
"""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from raftkeeper.raft.leadership import Leadership, is_in_charge, send_heartbeats
from raftkeeper.raft.messages import Index, MemberId, ReadGrant, ReadReply, ReadRequest
from raftkeeper.raft.quorum import has_quorum

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


class _Round(NamedTuple):
    """Reads that are granted when a quorum has answered `sequence` or a later one."""

    sequence: int
    read_index: Index
    tokens: tuple[int, ...]
    requests: tuple[tuple[MemberId, int], ...]


class _Asked:
    """Reads for which the leader was asked."""

    __slots__ = ("ticks", "tokens")

    def __init__(self, tokens: tuple[int, ...]) -> None:
        self.tokens = tokens
        self.ticks = 0


class Reads:
    """Reads that wait, and grants and failures that wait to be handed over.

    Not bounded here: every token stands for a request that was admitted by the front's own limit.
    """

    __slots__ = (
        "_asked",
        "_confirmed",
        "_context",
        "_failed",
        "_granted",
        "_requests",
        "_rounds",
        "_tokens",
    )

    def __init__(self, nonce: int) -> None:
        self._tokens: list[int] = []
        self._requests: list[tuple[MemberId, int]] = []
        self._rounds: deque[_Round] = deque()
        self._confirmed: dict[MemberId, int] = {}
        self._asked: dict[int, _Asked] = {}
        self._granted: list[ReadGrant] = []
        self._failed: list[int] = []
        self._context = nonce

    @property
    def has_results(self) -> bool:
        return bool(self._granted or self._failed)

    @property
    def is_waiting(self) -> bool:
        """Reads came up that nobody was asked about yet."""
        return bool(self._tokens or self._requests)

    @property
    def has_rounds(self) -> bool:
        return bool(self._rounds)

    def add(self, token: int) -> None:
        self._tokens.append(token)

    def add_request(self, request: ReadRequest) -> None:
        self._requests.append((request.sender, request.context))

    def begin_round(self, sequence: int, read_index: Index) -> None:
        self._rounds.append(
            _Round(sequence, read_index, tuple(self._tokens), tuple(self._requests))
        )
        self._tokens.clear()
        self._requests.clear()

    def confirm(self, core: "RaftCore", member: MemberId, sequence: int) -> None:
        """A member follows still, after `sequence` began. Grants what is sure by that."""
        if not self._rounds:
            return
        self._confirmed[member] = max(sequence, self._confirmed.get(member, 0))
        while self._rounds:
            first = self._rounds[0]
            present = [who for who, said in self._confirmed.items() if said >= first.sequence]
            if not has_quorum(core.membership, [*present, core.config.member_id]):
                return
            self._rounds.popleft()
            self._granted.extend(ReadGrant(token, first.read_index) for token in first.tokens)
            core.outbox.extend(
                ReadReply(core.config.member_id, asker, core.term, context, first.read_index)
                for asker, context in first.requests
            )

    def ask(self, core: "RaftCore") -> None:
        """Sends what waits to the leader."""
        self._context += 1
        self._asked[self._context] = _Asked(tuple(self._tokens))
        self._tokens.clear()
        self._send(core, self._context)

    def on_reply(self, reply: ReadReply) -> None:
        asked = self._asked.pop(reply.context, None)
        if asked is not None:
            self._granted.extend(ReadGrant(token, reply.read_index) for token in asked.tokens)

    def tick(self, core: "RaftCore") -> None:
        """Asks again with each heartbeat; after two election timeouts nobody will answer."""
        for context, asked in list(self._asked.items()):
            asked.ticks += 1
            if asked.ticks >= 2 * core.config.election_ticks:
                self._failed.extend(self._asked.pop(context).tokens)
            elif asked.ticks % core.config.heartbeat_ticks == 0:
                self._send(core, context)

    def lose_leader(self) -> None:
        """Nobody will grant what waits. Requests of others are theirs to ask again."""
        self._failed.extend(self._tokens)
        for reading in self._rounds:
            self._failed.extend(reading.tokens)
        for asked in self._asked.values():
            self._failed.extend(asked.tokens)
        for waiting in (
            self._tokens,
            self._requests,
            self._rounds,
            self._asked,
            self._confirmed,
        ):
            waiting.clear()

    def take_granted(self) -> tuple[ReadGrant, ...]:
        if not self._granted:
            return ()
        granted = tuple(self._granted)
        self._granted.clear()
        return granted

    def take_failed(self) -> tuple[int, ...]:
        if not self._failed:
            return ()
        failed = tuple(self._failed)
        self._failed.clear()
        return failed

    def _send(self, core: "RaftCore", context: int) -> None:
        core.outbox.append(ReadRequest(core.config.member_id, core.leader_id, core.term, context))


def may_go_on(core: "RaftCore") -> bool:
    """Whether somebody can be asked about the reads that wait."""
    lead = core.leading
    return core.reads.is_waiting and (lead is None or is_in_charge(core, lead))


def go_on_with_reads(core: "RaftCore") -> None:
    """Begins a round, or asks the leader."""
    lead: Leadership | None = core.leading
    if lead is None:
        core.reads.ask(core)
        return
    lead.sequence += 1
    core.reads.begin_round(lead.sequence, core.commit_index)
    core.reads.confirm(core, core.config.member_id, lead.sequence)
    if core.reads.has_rounds:
        send_heartbeats(core, lead, again=False)
