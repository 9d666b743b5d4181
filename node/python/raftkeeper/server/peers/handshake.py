"""The first words on a connection between members: who each is, and why one is turned away.

    dialer: Hello      acceptor: Welcome, or Refusal and the end

Both are msgpack maps, so that a later release may say more; what is not known is passed over. The
decisions here are plain functions of values. Nothing here touches a socket.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from raftkeeper.raft import BASE_LEVEL
from raftkeeper.server.feature_level import FEATURE_LEVEL, why_apart, why_too_low
from raftkeeper.server.member_bounds import PRIORITY_MAX, ZONE_CHARACTERS_MAX
from raftkeeper.server.peers import codec, limits

NO_CLUSTER: Final = bytes(16)
NO_MEMBER: Final = 0


class Purpose(Enum):
    """What the dialer wants of the connection."""

    MESSAGES = "messages"
    SNAPSHOT = "snapshot"
    SURVEY = "survey"
    """Only asks who is there."""


class Cause(Enum):
    """Why somebody is turned away. The words are on the wire and in metrics."""

    CLUSTER = "cluster"
    MEMBER = "member"
    INCARNATION = "incarnation"
    PROTOCOL = "protocol"
    NAME = "name"
    NOT_READY = "not_ready"
    WAITING = "waiting"
    ADOPTED = "adopted"
    CROSSED = "crossed"
    BUSY = "busy"
    MALFORMED = "malformed"
    NONE_NEEDED = "no_snapshot"

    @property
    def is_trouble(self) -> bool:
        """Whether a person should hear of it; the others pass by themselves."""
        return self not in {Cause.CROSSED, Cause.ADOPTED, Cause.NOT_READY, Cause.BUSY}


@dataclass(frozen=True, slots=True)
class Self:
    """Who this process is. A node that waits to be adopted has neither cluster nor member."""

    cluster_id: bytes
    member_id: int
    incarnation: bytes
    run: int
    """Drawn at random by each process: tells a member that was restarted from one that was not."""
    address: str
    """Where others reach it; told because a membership may be too old to know."""
    software: str
    frame_bytes_max: int
    zone: str = ""
    priority: int = 1
    """What its configuration says, for the membership that takes it in."""
    feature_level: int = FEATURE_LEVEL

    @property
    def is_waiting(self) -> bool:
        return self.member_id == NO_MEMBER


@dataclass(frozen=True, slots=True)
class Hello:
    """What the dialer says, and the acceptor about itself in its welcome."""

    purpose: Purpose
    cluster_id: bytes
    member_id: int
    incarnation: bytes
    run: int
    to_member: int
    to_incarnation: bytes
    """Empty when it is not known."""
    protocol_min: int
    protocol_max: int
    feature_level: int
    frame_bytes_max: int
    address: str
    software: str
    zone: str = ""
    priority: int = 1
    level_in_use: int = BASE_LEVEL
    """In the ensemble of who says it. Releases from before there was another do not say it."""

    @classmethod
    def of(
        cls,
        who: Self,
        purpose: Purpose,
        to_member: int = NO_MEMBER,
        to_incarnation: bytes = b"",
        level_in_use: int = BASE_LEVEL,
    ) -> "Hello":
        return cls(
            purpose=purpose,
            cluster_id=who.cluster_id,
            member_id=who.member_id,
            incarnation=who.incarnation,
            run=who.run,
            to_member=to_member,
            to_incarnation=to_incarnation,
            protocol_min=limits.PROTOCOL_MIN,
            protocol_max=limits.PROTOCOL_MAX,
            feature_level=who.feature_level,
            frame_bytes_max=who.frame_bytes_max,
            address=who.address,
            software=who.software,
            zone=who.zone,
            priority=who.priority,
            level_in_use=level_in_use,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, and why, in one sentence that says what to do."""

    cause: Cause
    reason: str


def encode_hello(hello: Hello) -> bytes:
    value = {name: getattr(hello, name) for name in Hello.__slots__}
    return codec.pack({**value, "purpose": hello.purpose.value})


def encode_refusal(refusal: Refusal) -> bytes:
    return codec.pack({"refused": refusal.cause.value, "reason": refusal.reason})


def decode_greeting(body: bytes) -> Hello | Refusal:
    """What came first. Raises CodecError when it is neither."""
    value = codec.unpack(body)
    if not isinstance(value, Mapping):
        raise codec.CodecError("a greeting that is no map")
    if "refused" in value:
        known = {cause.value: cause for cause in Cause}
        cause = known.get(_field(value, "refused", str), Cause.MALFORMED)
        return Refusal(cause, printable(_field(value, "reason", str)))
    purposes = {purpose.value: purpose for purpose in Purpose}
    purpose = purposes.get(_field(value, "purpose", str))
    if purpose is None:
        raise codec.CodecError("a greeting of an unknown purpose")
    return Hello(
        purpose=purpose,
        cluster_id=_identifier(value, "cluster_id"),
        member_id=_count(value, "member_id"),
        incarnation=_identifier(value, "incarnation"),
        run=_count(value, "run"),
        to_member=_count(value, "to_member"),
        to_incarnation=_field(value, "to_incarnation", bytes),
        protocol_min=_count(value, "protocol_min"),
        protocol_max=_count(value, "protocol_max"),
        feature_level=_count(value, "feature_level"),
        frame_bytes_max=_count(value, "frame_bytes_max"),
        address=printable(_field(value, "address", str)),
        software=printable(_field(value, "software", str)),
        zone=_zone(value),
        priority=_priority(value),
        level_in_use=_count({"level_in_use": BASE_LEVEL, **value}, "level_in_use"),
    )


def printable(text: str) -> str:
    """A stranger's words as they may stand in our log."""
    kept = text[: limits.REASON_BYTES_MAX]
    return "".join(letter if letter.isprintable() else "?" for letter in kept)


def protocol_of(hello: Hello) -> int | None:
    """The highest version both speak; None when there is none."""
    version = min(hello.protocol_max, limits.PROTOCOL_MAX)
    return version if version >= max(hello.protocol_min, limits.PROTOCOL_MIN) else None


def judge_dialer(
    hello: Hello, who: Self, expected_incarnation: bytes, level_in_use: int
) -> Refusal | None:
    """Whether a dialer with business may come in. `expected_incarnation` is empty for a member that
    is not in our membership: ours may be older than the one by which it is a member.
    """
    if protocol_of(hello) is None:
        return _other_protocol(hello)
    if (other := judge_level(hello, who.member_id, who.feature_level, level_in_use)) is not None:
        return other
    if hello.cluster_id != who.cluster_id:
        return Refusal(
            Cause.CLUSTER,
            f"this is a member of cluster {who.cluster_id.hex()}, not of {hello.cluster_id.hex()};"
            " correct the address of one of them",
        )
    if hello.to_member != who.member_id:
        return Refusal(
            Cause.MEMBER,
            f"this is member {who.member_id}, not {hello.to_member};"
            f" correct the address in the membership, or, if member {who.member_id} was removed,"
            " give its node an empty data folder",
        )
    if hello.to_incarnation and hello.to_incarnation != who.incarnation:
        return Refusal(
            Cause.INCARNATION,
            f"the disk of member {who.member_id} here is another than the membership knows;"
            " remove the member and add it anew",
        )
    if hello.member_id in {NO_MEMBER, who.member_id}:
        return Refusal(Cause.MEMBER, f"you cannot be member {hello.member_id}")
    if expected_incarnation and hello.incarnation != expected_incarnation:
        return Refusal(
            Cause.INCARNATION,
            f"you have another disk than the member {hello.member_id} that is known here;"
            " remove that member and let your node be added anew, with an empty directory",
        )
    return None


def judge_acceptor(answer: Hello, hello: Hello) -> Refusal | None:
    """Whether who answered is whom we have dialed; the acceptor has judged us already."""
    if protocol_of(answer) is None:
        return _other_protocol(answer)
    own = hello.member_id, hello.feature_level, hello.level_in_use
    if (other := judge_level(answer, *own)) is not None:
        return other
    if answer.cluster_id != hello.cluster_id or answer.member_id != hello.to_member:
        return Refusal(
            Cause.MEMBER,
            f"member {answer.member_id} of cluster {answer.cluster_id.hex()} answered where"
            f" member {hello.to_member} should be; correct the address in the membership",
        )
    if hello.to_incarnation and answer.incarnation != hello.to_incarnation:
        return Refusal(
            Cause.INCARNATION,
            f"the disk of member {answer.member_id} is another than the membership knows;"
            " remove the member and add it anew",
        )
    return None


def judge_level(
    other: Hello, member_id: int, feature_level: int, level_in_use: int
) -> Refusal | None:
    """Whether the other's release works beside that of this node, and each speaks what the other uses.

    Both are looked at here, so that it is said on whichever side it comes up first: a node that has just
    been added knows of no membership yet, and hears from who dials it what is in use.
    """
    me = f"member {member_id}" if member_id != NO_MEMBER else "the node that waits to be added"
    reason = (
        why_too_low(other.feature_level, level_in_use, f"member {other.member_id}")
        or why_too_low(feature_level, other.level_in_use, me)
        or why_apart(feature_level, other.feature_level)
    )
    return Refusal(Cause.PROTOCOL, reason) if reason else None


def adopts(hello: Hello, incarnation: bytes) -> bool:
    """Whether a dialer makes the waiting node of this incarnation a member of its cluster."""
    return (
        hello.purpose is Purpose.MESSAGES
        and hello.to_incarnation == incarnation
        and hello.to_member != NO_MEMBER
        and hello.member_id not in {NO_MEMBER, hello.to_member}
        and hello.cluster_id != NO_CLUSTER
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How we stand with a member that has just dialed us."""

    greeting: bool = False
    """We have dialed it too: our hello is out, the answer is not here."""
    linked: bool = False
    dialed_by_us: bool = False
    run: int = 0
    age_s: float = 0.0


def is_crossed(own_id: int, hello: Hello, standing: Standing) -> bool:
    """Whether this dial has crossed ours and ours stays: of two at a time, that of the higher id.

    Who dials had no link when it did. So a link of ours is one that it has lost, unless it is so
    young that both ends were dialing; and if it runs anew it has lost it in any case.
    """
    if own_id < hello.member_id:
        return False
    if not standing.linked:
        return standing.greeting
    return (
        standing.dialed_by_us and standing.run == hello.run and standing.age_s <= limits.CROSSING_S
    )


def _other_protocol(hello: Hello) -> Refusal:
    return Refusal(
        Cause.PROTOCOL,
        f"versions {limits.PROTOCOL_MIN} to {limits.PROTOCOL_MAX} are spoken here, "
        f"{hello.protocol_min} to {hello.protocol_max} there;"
        " update members one release at a time",
    )


def _field(value: Mapping[object, object], name: str, kind: Callable[..., object]) -> Any:
    field = value.get(name)
    if type(field) is not kind:
        raise codec.CodecError(f"a greeting without {name}")
    return field


def _count(value: Mapping[object, object], name: str) -> int:
    number: int = _field(value, name, int)
    if not 0 <= number < 1 << 64:
        raise codec.CodecError(f"a greeting whose {name} is out of range")
    return number


def _zone(value: Mapping[object, object]) -> str:
    """A release before this one does not say it; and what a stranger says must fit a membership."""
    zone = _field(value, "zone", str) if "zone" in value else ""
    return printable(zone)[:ZONE_CHARACTERS_MAX]


def _priority(value: Mapping[object, object]) -> int:
    """Likewise."""
    return min(_count(value, "priority"), PRIORITY_MAX) if "priority" in value else 1


def _identifier(value: Mapping[object, object], name: str) -> bytes:
    identifier: bytes = _field(value, name, bytes)
    if len(identifier) != len(NO_CLUSTER):
        raise codec.CodecError(f"a greeting whose {name} has not 16 bytes")
    return identifier
