"""When followers hear what is committed: at once, or with the entries that come next.

The core has a word for each follower whenever something is committed. In a stream of writes the next
append says the same half a millisecond later, and the word alone costs both sides about as much as
that append: with one client it was a quarter of all CPU time. So it waits for the append, but only
where nobody waits for it: not if a client of that member is answered by it, not before a message of
another kind, not after a write that came by itself, and never for longer than a bound.

It delays and leaves out words of commits, which Raft allows to be lost, and touches nothing else.
"""

from collections.abc import Iterable

from raftkeeper.raft import Append, Heartbeat, Index, MemberId, Message
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import Loop, PeerLinks


class CommitWords:
    """On the way of all messages of the core to the links; only a leader has words."""

    def __init__(self, links: PeerLinks, loop: Loop, clock: Clock) -> None:
        self._links = links
        self._loop = loop
        self._clock = clock
        self._kept: dict[MemberId, tuple[int, Heartbeat]] = {}
        """When it must leave, and the newest word: at most one for each member."""
        self._timer_runs = False
        self._first_awaited: dict[MemberId, Index] = {}
        self._last_awaited: dict[MemberId, Index] = {}
        self._sealed_us = 0
        self._is_stream = False

    def send(self, messages: Iterable[Message]) -> None:
        """All of them, but for words that may wait."""
        for message in messages:
            if type(message) is Heartbeat and not message.sequence and self._may_wait(message):
                self._keep(message)
                continue
            if self._kept:
                self._send_before(message)
            self._links.send(message)

    def sealed(self, index: Index, members: Iterable[MemberId]) -> None:
        """The entry at `index` has requests of clients of these members."""
        now_us = self._clock.now_us()
        self._is_stream = now_us - self._sealed_us <= limits.STREAM_GAP_US
        self._sealed_us = now_us
        for member in members:
            self._first_awaited.setdefault(member, index)
            self._last_awaited[member] = index

    def _may_wait(self, word: Heartbeat) -> bool:
        return not self._ends_wait(word) and self._is_stream

    def _ends_wait(self, word: Heartbeat) -> bool:
        """Whether clients of that member are answered by it."""
        first = self._first_awaited.get(word.to)
        if first is None or first > word.commit:
            return False
        if self._last_awaited[word.to] > word.commit:
            self._first_awaited[word.to] = word.commit + 1
        else:
            del self._first_awaited[word.to]
        return True

    def _keep(self, word: Heartbeat) -> None:
        """A newer one takes the place of an older, and its time."""
        known = self._kept.get(word.to)
        wait_us = int(limits.COMMIT_WORD_WAIT_S * 1_000_000)
        due_us = known[0] if known else self._clock.now_us() + wait_us
        self._kept[word.to] = (due_us, word)
        self._start_timer()

    def _send_before(self, message: Message) -> None:
        """The word that is kept for the same member, unless this message says it too."""
        kept = self._kept.pop(message.to, None)
        if kept is not None and not _says(message, kept[1]):
            self._links.send(kept[1])

    def _start_timer(self) -> None:
        if not self._timer_runs:
            self._timer_runs = True
            self._loop.call_later(limits.COMMIT_WORD_WAIT_S, self._send_due)

    def _send_due(self) -> None:
        self._timer_runs = False
        now_us = self._clock.now_us()
        for member, (due_us, word) in tuple(self._kept.items()):
            if due_us <= now_us:
                del self._kept[member]
                self._links.send(word)
        if self._kept:
            self._start_timer()


def _says(message: Message, word: Heartbeat) -> bool:
    """Whether the follower commits by this message what it would by the word."""
    if message.term < word.term:
        return False
    if type(message) is Append:
        reaches = message.prev_index + len(message.entries)
        return min(message.commit, reaches) >= word.commit
    return type(message) is Heartbeat and message.commit >= word.commit
