"""The sections of the configuration about other members: `[ensemble]` and `[peer]`."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from raftkeeper.server.config_section import MIB, Port, Section
from raftkeeper.server.feature_level import FEATURE_LEVEL, LOWEST_LEVEL
from raftkeeper.server.member_bounds import PRIORITY_MAX, ZONE_CHARACTERS_MAX
from raftkeeper.server.recovery_order import parse_order

FOUNDERS_MAX = 9
"""A write waits for a majority: nine survive the loss of four, and nobody needs more."""


class Ensemble(Section):
    """How this node becomes one of several, and how fast they miss each other.

    Without any of this a node is alone. Once its folder has a membership, that counts, and `members`,
    `bootstrap` and `join` are not looked at any more.
    """

    members: tuple[str, ...] = Field(
        (),
        description="The first members of a new ensemble, the same list on each of them: "
        "`1=host-a:2888,2=host-b:2888,3=host-c:2888`.",
    )
    member: int = Field(
        0,
        ge=0,
        le=255,
        description="Which of `members` this node is; 0: the one whose address is peer.address. A "
        "node that is none of them waits to be added.",
    )
    bootstrap: bool = Field(
        False,
        description="Found the ensemble of `members` when all of them are there and none belongs to "
        "one. Only the one with the lowest id does it, and only with an empty folder.",
    )
    join: bool = Field(
        False,
        description="Wait, with an empty folder, to be added to an ensemble by its admin API.",
    )
    recovery: str = Field(
        "",
        description="The forced recovery that this ensemble has been through, the same on every node: "
        "`1@host-a:2888`, an epoch that only grows, and the one whose data count. That one goes on "
        "alone. Any other whose data are older sets them aside and waits to be added, so a disk that "
        "comes back late cannot revive the old ensemble. An empty folder founds nothing any more. "
        "See the runbook, majority-lost.",
    )
    zone: str = Field(
        "",
        max_length=ZONE_CHARACTERS_MAX,
        description="Where this member is, for the preference of leaders. It counts when the member "
        "comes in: as a founder, or when it is added and nothing else is said of it. From then on "
        "the membership counts, which `raftkeeper admin update` changes; a member whose "
        "configuration says something else says so in its log when it starts.",
    )
    priority: int = Field(
        1,
        ge=0,
        le=PRIORITY_MAX,
        description="Members with a higher one lead by preference. It counts when the member comes "
        "in, as its zone does.",
    )
    preferred_zones: tuple[str, ...] = Field(
        (),
        description="Members of these zones lead by preference. The same on all members.",
    )
    tick_ms: int = Field(
        25,
        ge=5,
        le=1_000,
        description="Heartbeats are this far apart. A leader that is killed is missed at once, "
        "because its connections break; this matters for one that hangs.",
    )
    election_ticks: int = Field(
        10,
        ge=4,
        le=100,
        description="The shortest election timeout in ticks; the longest is nearly twice that. Longer "
        "than the machine stands still under load, or leaders change without need.",
    )
    feature_level_max: int = Field(
        FEATURE_LEVEL,
        ge=LOWEST_LEVEL,
        le=FEATURE_LEVEL,
        description="The highest feature level that this member speaks. While one member speaks only "
        "the level of the release before, nothing is written that that release cannot read, and "
        "all can go back to it. A level that is in use is in use for good: a member that speaks "
        "less does not start.",
    )

    @field_validator("members", "preferred_zones", mode="before")
    @classmethod
    def split_items(cls, value: object) -> object:
        """Environment and flags give one string, with commas."""
        if isinstance(value, str):
            return tuple(item.strip() for item in value.split(",") if item.strip())
        return value

    @field_validator("zone")
    @classmethod
    def check_zone(cls, value: str) -> str:
        """It stands in tables and logs of all members."""
        if not value.isprintable():
            raise ValueError("a zone is a name, of characters that can be printed")
        return value

    @field_validator("recovery")
    @classmethod
    def check_recovery(cls, value: str) -> str:
        """It is an epoch and an address."""
        parse_order(value)
        return value

    @field_validator("members")
    @classmethod
    def check_members(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Each is an id and where it is reached; no id stands twice."""
        ids = [_member_id(item) for item in value]
        if len(set(ids)) != len(ids):
            raise ValueError("an id stands twice")
        if len(ids) > FOUNDERS_MAX:
            raise ValueError(f"more than {FOUNDERS_MAX} voters only make writes slower")
        return value

    @model_validator(mode="after")
    def check_member(self) -> Self:
        """A number names one of the list."""
        ids = [_member_id(item) for item in self.members]
        if ids and self.member and self.member not in ids:
            raise ValueError(f"member must be one of the ids in members: {sorted(ids)}")
        if self.member and not ids:
            raise ValueError("member names one of members, which is empty")
        if self.join and ids:
            raise ValueError("join waits to be added; members founds: choose one of both")
        return self


def _member_id(item: str) -> int:
    """The id of `1=host:2888`; ValueError with the right form otherwise."""
    number, equals, address = item.partition("=")
    host, colon, port = address.rpartition(":")
    if not (number.isdigit() and equals and host and colon and port.isdigit()):
        raise ValueError(f"{item!r} must look like 1=host:2888")
    if not 1 <= int(number) <= 255 or not 1 <= int(port) <= 65535:
        raise ValueError(f"{item!r}: ids are 1 to 255, ports 1 to 65535")
    return int(number)


class Peer(Section):
    """The port on which members talk to each other."""

    enabled: bool = Field(
        False,
        description="Listen for other members. Implied by ensemble.members and ensemble.join; a "
        "node that is alone needs it before a second member can be added.",
    )
    listen: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(2888, description="Port for members; ZooKeeper's for followers.")
    address: str = Field(
        "",
        description="host:port at which the others reach this node. Empty: its entry in "
        "ensemble.members, or else `listen` and `port`.",
    )
    catch_up_bytes_per_s: int = Field(
        16 * MIB,
        ge=0,
        le=100 * 1024 * MIB,
        description="Bound on the rate at which old log entries are read and sent to members that "
        "are far behind, in all; 0 for none. For each member twice what clients write comes on "
        "top, so that catching up ends. Newer entries, those still in memory, are not counted.",
    )
    snapshot_bytes_per_s: int = Field(
        32 * MIB,
        ge=0,
        le=100 * 1024 * MIB,
        description="Bound on the rate at which snapshots are sent to members that need one, in "
        "all; 0 for none. They go over connections of their own.",
    )
    tls_certificate: str = Field(
        "", description="PEM file with this member's certificate and its chain; empty for no TLS."
    )
    tls_key: str = Field(
        "", description="PEM file with its key; empty when it is in the certificate's file."
    )
    tls_ca: str = Field(
        "", description="PEM file with the CA that signs members' certificates, both ways."
    )
    tls_names: tuple[str, ...] = Field(
        (),
        description="Patterns such as `*.raftkeeper.svc`: one DNS name of a member's certificate must fit "
        "one of them. Empty: whoever the CA has signed is a member.",
    )

    @field_validator("tls_names", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        """Environment and flags give one string, with commas."""
        if isinstance(value, str):
            return tuple(item.strip() for item in value.split(",") if item.strip())
        return value

    @model_validator(mode="after")
    def check_tls(self) -> Self:
        """TLS between members is mutual, or not at all."""
        if bool(self.tls_certificate) != bool(self.tls_ca):
            raise ValueError("tls_certificate and tls_ca belong together: members check each other")
        if self.tls_names and not self.tls_ca:
            raise ValueError("tls_names is about certificates: set tls_certificate and tls_ca")
        return self
