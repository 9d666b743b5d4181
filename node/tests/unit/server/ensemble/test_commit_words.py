"""Words of commits wait for the next append in a stream of writes, and never where somebody waits."""

import pytest
from tests.unit.server.ensemble.stand_ins import HandLoop, RecordingLinks
from tests.unit.server.fakes import FakeClock

from raftkeeper.raft import Append, Entry, EntryKind, Heartbeat, Message
from raftkeeper.raft.messages import ReadReply
from raftkeeper.server import limits
from raftkeeper.server.ensemble.commit_words import CommitWords


class MessageLinks(RecordingLinks):
    """Takes the core's messages too."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


class Bench:
    """The leader is member 1, of term 5."""

    def __init__(self) -> None:
        self.links = MessageLinks()
        self.loop = HandLoop()
        self.clock = FakeClock()
        self.words = CommitWords(self.links, self.loop, self.clock)

    def stream(self, *indexes: int, members: tuple[int, ...] = (1,)) -> None:
        """Entries that follow each other closely."""
        for index in indexes:
            self.clock.us += limits.STREAM_GAP_US // 2
            self.words.sealed(index, members)

    def wait(self, us: int) -> None:
        """Time goes by, and a timer that runs is heard once."""
        self.clock.us += us
        for callback, arguments in [self.loop.soon.popleft() for _ in range(len(self.loop.soon))]:
            callback(*arguments)


def word(to: int, commit: int, *, sequence: int = 0) -> Heartbeat:
    return Heartbeat(1, to, 5, commit, sequence)


def append(to: int, index: int, commit: int, *, term: int = 5) -> Append:
    entries = (Entry(index, 5, EntryKind.BATCH, b"x"),)
    return Append(1, to, term, index - 1, 5, entries, commit, 1)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_word_after_a_lone_write_leaves_at_once(bench: Bench) -> None:
    """No append is about to come that would say it too."""
    bench.clock.us += 1_000_000
    bench.words.sealed(7, [1])
    bench.words.send([word(2, 7)])
    assert bench.links.sent == [word(2, 7)]


def test_word_in_a_stream_is_said_by_the_next_append(bench: Bench) -> None:
    """One message in place of two."""
    bench.stream(7, 8)
    bench.words.send([word(2, 8), word(3, 8)])
    assert bench.links.sent == []
    both = [append(2, 9, commit=8), append(3, 9, commit=8)]
    bench.words.send(both)
    assert bench.links.sent == both
    bench.wait(int(limits.COMMIT_WORD_WAIT_S * 1_000_000))
    assert bench.links.sent == both


def test_word_does_not_wait_for_longer_than_the_bound(bench: Bench) -> None:
    """Also when newer words keep coming in its place."""
    bench.stream(7, 8)
    bench.words.send([word(2, 7)])
    wait_us = int(limits.COMMIT_WORD_WAIT_S * 1_000_000)
    bench.clock.us += wait_us - 1
    bench.words.send([word(2, 8)])
    bench.wait(1)
    assert bench.links.sent == [word(2, 8)]


def test_younger_word_waits_for_a_timer_of_its_own(bench: Bench) -> None:
    """A timer that runs for one member sends nothing of another that came later."""
    bench.stream(7, 8)
    wait_us = int(limits.COMMIT_WORD_WAIT_S * 1_000_000)
    bench.words.send([word(2, 8)])
    bench.clock.us += wait_us // 2
    bench.words.send([word(3, 8)])
    bench.wait(wait_us - wait_us // 2)
    assert bench.links.sent == [word(2, 8)]
    bench.wait(wait_us)
    assert bench.links.sent == [word(2, 8), word(3, 8)]


def test_member_whose_client_waits_hears_at_once(bench: Bench) -> None:
    """Its client is answered when it applies the entry."""
    bench.stream(7)
    bench.stream(8, members=(1, 2))
    bench.words.send([word(2, 8), word(3, 8)])
    assert bench.links.sent == [word(2, 8)]


def test_clients_of_two_entries_under_way_are_both_remembered(bench: Bench) -> None:
    """The word of the first does not make that of the second wait."""
    bench.stream(7, 8, members=(2,))
    bench.words.send([word(2, 7)])
    bench.words.send([word(2, 8)])
    assert bench.links.sent == [word(2, 7), word(2, 8)]
    bench.stream(9)
    bench.words.send([word(2, 9)])
    assert bench.links.sent == [word(2, 7), word(2, 8)]


def test_entry_that_is_not_committed_yet_makes_nothing_urgent(bench: Bench) -> None:
    """The word of an earlier one does not answer that client."""
    bench.stream(7)
    bench.stream(8, members=(2,))
    bench.words.send([word(2, 7)])
    assert bench.links.sent == []
    bench.words.send([word(2, 8)])
    assert bench.links.sent == [word(2, 8)]


def test_kept_word_goes_before_every_other_message(bench: Bench) -> None:
    """A barrier that is granted needs what was committed before it."""
    bench.stream(7, 8)
    bench.words.send([word(2, 8)])
    grant = ReadReply(1, 2, 5, 99, 8)
    bench.words.send([grant])
    assert bench.links.sent == [word(2, 8), grant]


@pytest.mark.parametrize(
    "message",
    [
        append(2, 8, commit=7),
        append(2, 5, commit=8),
        append(2, 9, commit=8, term=4),
    ],
    ids=["older commit", "older entries", "older term"],
)
def test_append_that_says_less_does_not_stand_for_the_word(bench: Bench, message: Append) -> None:
    """A follower commits no further than the entries of the append reach."""
    bench.stream(7, 8)
    bench.words.send([word(2, 8)])
    bench.words.send([message])
    assert bench.links.sent == [word(2, 8), message]


def test_heartbeat_that_asks_for_an_answer_never_waits(bench: Bench) -> None:
    """It keeps the follower from standing for election."""
    bench.stream(7, 8)
    bench.words.send([word(2, 8, sequence=3)])
    assert bench.links.sent == [word(2, 8, sequence=3)]
