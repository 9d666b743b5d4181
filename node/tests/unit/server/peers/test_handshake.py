"""Handshakes: who is let in, who is turned away and why, and which of two crossing dials stays."""

from dataclasses import replace
from itertools import product

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.server.member_bounds import PRIORITY_MAX, ZONE_CHARACTERS_MAX
from raftkeeper.server.peers import handshake, limits
from raftkeeper.server.peers.codec import CodecError
from raftkeeper.server.peers.handshake import (
    Cause,
    Hello,
    Purpose,
    Refusal,
    Self,
    Standing,
    adopts,
    decode_greeting,
    encode_hello,
    encode_refusal,
    is_crossed,
    judge_acceptor,
    judge_dialer,
    printable,
    protocol_of,
)

CLUSTER = b"c" * 16
NOT_NEEDED = ("purpose", "zone", "priority", "level_in_use")
DISKS = {1: b"1" * 16, 2: b"2" * 16}


def member(member_id: int) -> Self:
    return Self(CLUSTER, member_id, DISKS[member_id], 7, "host:1", "test", 1 << 20)


def hello(**changes: object) -> Hello:
    """Member 1 dials member 2."""
    return replace(Hello.of(member(1), Purpose.MESSAGES, 2, DISKS[2]), **changes)  # type: ignore[arg-type]


def test_greetings_come_back_as_they_were() -> None:
    """A hello and a refusal survive the wire."""
    assert decode_greeting(encode_hello(hello())) == hello()
    refusal = Refusal(Cause.CLUSTER, "another one")
    assert decode_greeting(encode_refusal(refusal)) == refusal


def test_a_hello_that_says_more_is_understood() -> None:
    """A later release may add fields."""
    value = msgpack.unpackb(encode_hello(hello()))
    assert decode_greeting(msgpack.packb({**value, "color": "green"})) == hello()


def test_a_hello_of_the_release_before_is_understood() -> None:
    """It says neither zone nor priority."""
    value = msgpack.unpackb(encode_hello(hello(zone="near", priority=5)))
    assert (value.pop("zone"), value.pop("priority")) == ("near", 5)
    assert decode_greeting(msgpack.packb(value)) == hello(zone="", priority=1)


def test_what_a_stranger_says_of_itself_fits_a_membership() -> None:
    """It is in every snapshot from then on."""
    said = decode_greeting(encode_hello(hello(zone="z" * 400 + "\n", priority=10**9)))
    assert isinstance(said, Hello)
    assert (said.zone, said.priority) == ("z" * ZONE_CHARACTERS_MAX, PRIORITY_MAX)
    longest = hello(zone="\U0001f600" * ZONE_CHARACTERS_MAX, address="a" * 262)
    assert len(encode_hello(longest)) < limits.HELLO_BYTES_MAX


@pytest.mark.parametrize("name", [name for name in Hello.__slots__ if name not in NOT_NEEDED])
def test_a_hello_without_a_field_is_refused(name: str) -> None:
    """Every field is needed, and has its type."""
    value = msgpack.unpackb(encode_hello(hello()))
    for broken in ({**value, name: None}, {k: v for k, v in value.items() if k != name}):
        with pytest.raises(CodecError):
            decode_greeting(msgpack.packb(broken))


@given(st.binary(max_size=100))
def test_garbage_is_no_greeting(body: bytes) -> None:
    """Nothing but a CodecError comes of it."""
    with pytest.raises(CodecError):
        decode_greeting(body)


def test_a_members_hello_is_welcome() -> None:
    """With and without knowing its disk."""
    assert judge_dialer(hello(), member(2), DISKS[1], 1) is None
    assert judge_dialer(hello(to_incarnation=b""), member(2), b"", 1) is None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"cluster_id": b"x" * 16}, Cause.CLUSTER),
        ({"to_member": 3}, Cause.MEMBER),
        ({"to_incarnation": b"x" * 16}, Cause.INCARNATION),
        ({"incarnation": b"x" * 16}, Cause.INCARNATION),
        ({"member_id": 2}, Cause.MEMBER),
        ({"member_id": 0}, Cause.MEMBER),
        ({"protocol_min": limits.PROTOCOL_MAX + 1, "protocol_max": 99}, Cause.PROTOCOL),
        ({"protocol_min": 0, "protocol_max": 0}, Cause.PROTOCOL),
        ({"feature_level": FEATURE_LEVEL + 2}, Cause.PROTOCOL),
    ],
)
def test_others_are_turned_away_with_a_cause(changes: dict[str, object], cause: Cause) -> None:
    """Another cluster, member, disk or protocol: each has its own cause and a sentence."""
    refusal = judge_dialer(hello(**changes), member(2), DISKS[1], 1)
    assert refusal is not None
    assert refusal.cause is cause
    assert refusal.reason


def test_node_of_a_removed_member_is_told_apart_from_a_wrong_address() -> None:
    """Both look the same from here, so the sentence says what to do about either."""
    refusal = judge_dialer(hello(to_member=5), member(2), DISKS[1], 1)
    assert refusal is not None
    assert "correct the address" in refusal.reason
    assert "if member 2 was removed, give its node an empty data folder" in refusal.reason
    assert len(refusal.reason) < limits.REASON_BYTES_MAX


@pytest.mark.parametrize(
    "changes",
    [
        {"cluster_id": b"x" * 16},
        {"member_id": 3},
        {"incarnation": b"x" * 16},
        {"protocol_max": 0},
        {"feature_level": 9},
    ],
)
def test_a_dialer_checks_who_answers(changes: dict[str, object]) -> None:
    """An address may lead to another member: no message of ours gets there."""
    welcome = Hello.of(member(2), Purpose.MESSAGES, 1, DISKS[1])
    assert judge_acceptor(welcome, hello()) is None
    assert judge_acceptor(replace(welcome, **changes), hello()) is not None  # type: ignore[arg-type]


def test_release_below_the_level_in_use_is_turned_away_by_whoever_hears_of_it() -> None:
    """Whichever side dials, and whichever side is the old one; with the same sentence."""
    old = FEATURE_LEVEL - 1
    welcome = Hello.of(member(2), Purpose.MESSAGES, 1, DISKS[1])
    raised = replace(welcome, level_in_use=FEATURE_LEVEL)
    of_one = [
        judge_dialer(hello(feature_level=old), member(2), DISKS[1], FEATURE_LEVEL),
        judge_acceptor(raised, hello(feature_level=old)),
    ]
    of_two = [
        judge_dialer(
            hello(level_in_use=FEATURE_LEVEL), replace(member(2), feature_level=old), DISKS[1], old
        ),
        judge_acceptor(replace(welcome, feature_level=old), hello(level_in_use=FEATURE_LEVEL)),
    ]
    for outdated, refusals in ((1, of_one), (2, of_two)):
        for refusal in refusals:
            assert refusal is not None
            assert refusal.cause is Cause.PROTOCOL
            assert refusal.reason.startswith(f"feature level {FEATURE_LEVEL} is in use")
            assert f"member {outdated} speaks {old} at most" in refusal.reason
    assert judge_dialer(hello(feature_level=old), member(2), DISKS[1], old) is None


def test_release_that_knows_of_no_level_in_use_is_at_the_first() -> None:
    """It says nothing of it, and is understood."""
    value = msgpack.unpackb(encode_hello(hello()))
    del value["level_in_use"]
    assert decode_greeting(msgpack.packb(value)) == hello()


def test_neighbouring_releases_speak_the_older_ones_protocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """N and N+1 agree on N's highest; N and N+2 do not speak."""
    monkeypatch.setattr(handshake.limits, "PROTOCOL_MIN", 4)
    monkeypatch.setattr(handshake.limits, "PROTOCOL_MAX", 5)
    assert protocol_of(hello(protocol_min=5, protocol_max=6)) == 5
    assert protocol_of(hello(protocol_min=3, protocol_max=4)) == 4
    assert protocol_of(hello(protocol_min=6, protocol_max=7)) is None


def test_only_our_own_incarnation_adopts() -> None:
    """A waiting node is taken in by who knows its disk, and gives it a cluster and an id."""
    assert adopts(hello(), DISKS[2])
    assert not adopts(hello(), DISKS[1])
    assert not adopts(hello(to_member=0), DISKS[2])
    assert not adopts(hello(cluster_id=bytes(16)), DISKS[2])
    assert not adopts(hello(purpose=Purpose.SURVEY), DISKS[2])


def test_of_two_crossing_dials_exactly_one_stays() -> None:
    """Both have said hello: the one of the higher id is taken, the other is refused."""
    to_low = replace(hello(), member_id=2, to_member=1)
    to_high = hello()
    both = Standing(greeting=True)
    assert not is_crossed(1, to_low, both)
    assert is_crossed(2, to_high, both)


def test_the_lower_member_always_takes_the_highers_dial() -> None:
    """Whatever it has itself, so that the higher one is never locked out."""
    for greeting, linked, by_us in product((False, True), repeat=3):
        standing = Standing(greeting=greeting, linked=linked, dialed_by_us=by_us, run=7)
        assert not is_crossed(1, replace(hello(), member_id=2), standing)


@pytest.mark.parametrize(
    "standing",
    [
        Standing(),
        Standing(linked=True, dialed_by_us=False, run=7),  # it dialed before, and dials again
        Standing(linked=True, dialed_by_us=True, run=8),  # it was restarted
        Standing(linked=True, dialed_by_us=True, run=7, age_s=limits.CROSSING_S + 1),
    ],
)
def test_who_has_lost_its_end_gets_a_new_link(standing: Standing) -> None:
    """The higher member gives up a link that the lower one cannot have any more."""
    assert not is_crossed(2, hello(), standing)


def test_a_young_link_of_ours_stays_against_a_late_hello() -> None:
    """The lower member's hello was under way when ours was welcomed."""
    assert is_crossed(2, hello(), Standing(linked=True, dialed_by_us=True, run=7, age_s=0.1))


def test_strangers_words_are_harmless_in_our_log() -> None:
    """No control characters, no endless text."""
    assert printable("a\x1b[31m\nb") == "a?[31m?b"
    assert len(printable("x" * 10_000)) == limits.REASON_BYTES_MAX
