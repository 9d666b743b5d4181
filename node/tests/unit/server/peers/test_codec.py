"""The codec: every message comes back as it was, and nothing else gets through."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkeeper.raft import Entry, EntryKind, Membership
from raftkeeper.raft.messages import MESSAGES, Append, Heartbeat, ReadRequest, VoteReply
from raftkeeper.server.peers.codec import (
    WORDS,
    Answer,
    Ask,
    CodecError,
    Digest,
    Fitness,
    Group,
    Touches,
    decode,
    encode,
)

NUMBERS = st.integers(0, (1 << 63) - 1)
VALUES: dict[object, st.SearchStrategy[Any]] = {
    int: NUMBERS,
    bool: st.booleans(),
    bytes: st.binary(max_size=50),
    str: st.text(max_size=50),
}


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Any message of any kind."""
    kind = draw(st.sampled_from([*MESSAGES, *WORDS]))
    if kind is Append:
        return draw(appends())
    from typing import get_type_hints

    hints = get_type_hints(kind)
    return kind(*(draw(VALUES[hints[field]]) for field in kind._fields))


@st.composite
def appends(draw: st.DrawFn) -> Append:
    """An append whose entries follow each other."""
    prev = draw(st.integers(0, 1 << 40))
    terms = sorted(draw(st.lists(st.integers(1, 100), max_size=5)))
    entries = tuple(
        Entry(prev + 1 + place, term, EntryKind.BATCH, draw(st.binary(max_size=30)))
        for place, term in enumerate(terms)
    )
    return Append(1, 2, 100, prev, 0, entries, draw(NUMBERS), draw(NUMBERS))


@given(messages())
def test_every_message_comes_back_as_it_was(message: Any) -> None:
    """Class, fields and their types survive the wire."""
    back = decode(encode(message))
    assert back == message
    assert type(back) is type(message)
    if isinstance(back, Append):
        assert all(type(entry) is Entry for entry in back.entries)


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_never_breaks_the_reader(body: bytes) -> None:
    """Whatever a stranger sends: a message of ours, or a CodecError."""
    try:
        decode(body)
    except CodecError:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
)


@given(st.integers(0, 70), st.lists(JSON, max_size=9))
def test_rows_with_other_fields_are_refused(number: int, values: list[Any]) -> None:
    """A row that decodes has exactly the fields of its kind, with sane numbers."""
    try:
        message = decode(msgpack.packb([number, *values]))
    except (CodecError, OverflowError):
        return
    assert all(value >= 0 for value in message if type(value) is int)


def test_the_numbers_on_the_wire_never_change() -> None:
    """Members of different releases agree on them, so they stand here once more."""
    numbers = {kind.__name__: place for place, kind in enumerate(MESSAGES)}
    assert numbers == {
        "PreVoteRequest": 0,
        "PreVoteReply": 1,
        "VoteRequest": 2,
        "VoteReply": 3,
        "Append": 4,
        "AppendReply": 5,
        "Heartbeat": 6,
        "HeartbeatReply": 7,
        "SnapshotOffer": 8,
        "TimeoutNow": 9,
        "ReadRequest": 10,
        "ReadReply": 11,
        "Removed": 12,
    }
    words = [Group(1, 2, b""), Touches(1, b""), Digest(1, 2, 3), Ask(1, b""), Answer(1, 0, 2)]
    words.append(Fitness(1, ""))
    assert [msgpack.unpackb(encode(word))[0] for word in words] == [*range(64, 70)]


@pytest.mark.parametrize(
    "row",
    [
        [6, 1, 2, 3, 4, -5],
        [6, 1, 2, 3, 4, 1 << 63],
        [6, 1, 2, 3, 4, True],
        [6, 1, 2, 3, 4],
        [6, 1, 2, 3, 4, 5, 6],
        [3, 1, 2, 3, 1],
        [99, 1],
        [-1],
        [],
        [b"6"],
        {"a": 1},
        None,
    ],
)
def test_wrong_rows_are_refused(row: Any) -> None:
    """Negative, too large, of another type, too few, too many, unknown."""
    with pytest.raises(CodecError):
        decode(msgpack.packb(row))


def test_marks_have_64_bits() -> None:
    """A read's context and a digest are drawn from all 64 bits."""
    most = (1 << 64) - 1
    for message in (ReadRequest(1, 2, 3, most), Digest(1, 2, most)):
        assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "entries",
    [
        [[12, 1, 2, b""]],  # a gap behind prev_index
        [[11, 1, 2, b""], [11, 1, 2, b""]],
        [[11, 3, 2, b""], [12, 2, 2, b""]],  # the term falls
        [[11, 9, 2, b""]],  # above the leader's
        [[11, 1, 7, b""]],  # no such kind
        [[11, 1, 3, b"no membership"]],
        [[11, 1, 2]],
        [[11, 1, 2, "text"]],
        [11],
    ],
)
def test_appends_whose_entries_do_not_fit_are_refused(entries: list[Any]) -> None:
    """What gets to the core continues the log at prev_index, entry by entry."""
    with pytest.raises(CodecError):
        decode(msgpack.packb([4, 1, 2, 5, 10, 1, entries, 0, 0]))


def test_a_membership_in_an_append_is_read() -> None:
    """A good one passes."""
    entry = Entry(1, 1, EntryKind.CONFIG, Membership.of([1, 2, 3]).encode())
    append = Append(1, 2, 1, 0, 0, (entry,), 0, 0)
    assert decode(encode(append)) == append


def test_small_messages_are_small() -> None:
    """A heartbeat costs less than a TCP header."""
    assert len(encode(Heartbeat(1, 2, 300, 100_000, 77))) < 20
    assert len(encode(VoteReply(1, 2, 3, granted=True))) < 10
