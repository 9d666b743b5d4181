"""Messages between members as bytes: msgpack rows `[number, field, …]`, checked field by field.

A row of a Raft message has its class's place in `raft.MESSAGES` as number; the words that are none of
the core's, as forwarded groups, touches and digests, have numbers of their own, far behind. What
comes out of `decode` has the right types and sane numbers, so that the core never sees garbage;
whether it is true is Raft's matter. Nothing is decided here.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, cast, get_type_hints

import msgpack  # type: ignore[import-untyped]

from raftkeeper.raft import Entry, EntryKind, Membership
from raftkeeper.raft.messages import MESSAGES, Append, Message

_NUMBER_MAX = (1 << 63) - 1
"""Of an index, a term, a zxid: one more still fits everywhere."""
_WIDE = frozenset({"context", "digest"})
"""Fields that are marks and not counted with: 64 bits."""
_FIRST_WORD = 64


class Group(NamedTuple):
    """Requests of the sender's clients, for the leader of `term` to put into the log."""

    term: int
    number: int
    """Of the group within the run of the sender's process: they come in order, without a gap."""
    group: bytes


class Touches(NamedTuple):
    """Sessions the sender has heard of, for the leader of `term`."""

    term: int
    touches: bytes


class Digest(NamedTuple):
    """The sender's state at `index` has this digest."""

    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody asks a word for
    zxid: int
    digest: int


class Ask(NamedTuple):
    """A client of the sender asks for a change of the membership; `body` as it came."""

    number: int
    """The sender's, to be given back with the answer."""
    body: bytes


class Answer(NamedTuple):
    """What became of the `Ask` of this number."""

    number: int
    error: int
    """The protocol's code without its sign; 0 when it is done."""
    config_index: int
    """Of the membership that counts since."""


class Fitness(NamedTuple):
    """Why the sender should not lead, '' when it may, for the leader of `term`. Since protocol 2: to a
    link that speaks an older one it must not be sent.
    """

    term: int
    unfit: str


Word: TypeAlias = Group | Touches | Digest | Ask | Answer | Fitness

WORDS: tuple[type[Word], ...] = (Group, Touches, Digest, Ask, Answer, Fitness)
"""The place of each, and `_FIRST_WORD`, is its number on the wire: append here, never insert. A word
that is new needs a new protocol version, because what is not known ends a link.
"""

_NUMBERS: dict[type, int] = {
    **{kind: number for number, kind in enumerate(MESSAGES)},
    **{kind: _FIRST_WORD + number for number, kind in enumerate(WORDS)},
}


_Pick: TypeAlias = Callable[[tuple[Any, ...]], tuple[int, ...]]


def _fields(kind: type) -> tuple[str, ...]:
    return cast("tuple[str, ...]", kind._fields)  # type: ignore[attr-defined]


def _shape(kind: type) -> tuple[type, ...]:
    """The exact types of a row's fields; lists of entries come as tuples."""
    hints = get_type_hints(kind)
    return tuple(getattr(hints[field], "__origin__", hints[field]) for field in _fields(kind))


def _picker(kind: type, *, wide: bool) -> _Pick:
    """Takes the numbers out of a row: those counted with, or those that are marks."""
    places = [
        place
        for place, (field, kind_of) in enumerate(zip(_fields(kind), _shape(kind), strict=True))
        if kind_of is int and (field in _WIDE) is wide
    ]
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


class _Kind(NamedTuple):
    """What there is to know of one number."""

    make: Callable[[Iterable[object]], Message | Word]
    shape: tuple[type, ...]
    counts: _Pick
    marks: _Pick | None


_KINDS: dict[int, _Kind] = {
    number: _Kind(
        kind._make,  # type: ignore[attr-defined]
        _shape(kind),
        _picker(kind, wide=False),
        _picker(kind, wide=True) if _WIDE & set(_fields(kind)) else None,
    )
    for kind, number in _NUMBERS.items()
}
_APPEND = _NUMBERS[Append]
_ENTRIES = Append._fields.index("entries")
_ENTRY_SHAPE = _shape(Entry)
_ENTRY_KINDS = frozenset(int(kind) for kind in EntryKind)

_pack: Callable[[object], bytes] = msgpack.Packer(autoreset=True).pack


class CodecError(ValueError):
    """A body that no member of a known version sends."""


def encode(message: Message | Word) -> bytes:
    """The body of one message."""
    return _pack((_NUMBERS[type(message)], *message))


def decode(body: bytes) -> Message | Word:
    """The message in a body. Raises CodecError for everything that is none."""
    row = unpack(body)
    if type(row) is not tuple or not row or type(row[0]) is not int:
        raise CodecError("not a row with a number")
    known = _KINDS.get(row[0])
    if known is None:
        raise CodecError(f"a message of the unknown number {row[0]}")
    values = row[1:]
    if tuple(map(type, values)) != known.shape:
        raise CodecError(f"the fields of message {row[0]} have other types")
    counts = known.counts(values)
    if min(counts) < 0 or max(counts) > _NUMBER_MAX:
        raise CodecError(f"a number out of range in message {row[0]}")
    if known.marks is not None and min(known.marks(values)) < 0:
        raise CodecError(f"a negative mark in message {row[0]}")
    if row[0] == _APPEND:
        return _append(values)
    return known.make(values)


def unpack(body: bytes) -> object:
    """Any msgpack value, lists as tuples. Raises CodecError."""
    try:
        return cast("object", msgpack.unpackb(body, use_list=False))
    except (ValueError, TypeError, RecursionError) as error:
        raise CodecError(f"not msgpack: {error}") from error


def pack(value: object) -> bytes:
    """The bytes of a plain value."""
    return _pack(value)


def _append(values: tuple[Any, ...]) -> Append:
    """With its entries as entries, one behind the other, of terms that do not fall."""
    _, _, append_term, index, term, rows, _, _ = values
    entries = []
    for row in rows:
        if type(row) is not tuple or tuple(map(type, row)) != _ENTRY_SHAPE:
            raise CodecError("an entry whose fields have other types")
        entry = Entry._make(row)
        index += 1
        if entry.index != index or not term <= entry.term <= append_term:
            raise CodecError("entries that do not follow each other")
        term = entry.term
        if entry.kind not in _ENTRY_KINDS:
            raise CodecError(f"an entry of the unknown kind {entry.kind}")
        if entry.kind == EntryKind.CONFIG:
            try:
                Membership.decode(entry.payload)
            except ValueError as error:
                raise CodecError(str(error)) from error
        entries.append(entry)
    return Append._make((*values[:_ENTRIES], tuple(entries), *values[_ENTRIES + 1 :]))
