"""Settings of the node that a cluster's owner may choose: consensus, sessions, limits, logs.

What the operator must decide itself (addresses, ports, paths, membership) is not here, and `extra`
does not take it either.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.scalars import DurationMs, Quantity

OWNED_SECTIONS = ("admin", "ensemble", "http", "peer")
"""Sections of the node's configuration that belong to the operator as a whole."""
OWNED_KEYS = (
    "auth.super_digest",
    "client.listen",
    "client.plain",
    "client.port",
    "storage.data_dir",
    "storage.log_dir",
)
"""Single keys that do. All that begins with `client.tls_` does as well."""

_OWNED_RULE = " && ".join(
    [f"!k.startsWith('{section}.')" for section in OWNED_SECTIONS]
    + ["!k.startsWith('client.tls_')"]
    + [f"k != '{key}'" for key in OWNED_KEYS]
)


class RaftSpec(Part):
    """Consensus among the members, and when the log is cut."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "duration(self.heartbeatInterval).getMilliseconds() >= 5 && "
            "duration(self.heartbeatInterval).getMilliseconds() <= 1000",
            "must be between 5ms and 1s",
            ".heartbeatInterval",
        ),
        Rule(
            "duration(self.electionTimeout).getMilliseconds() >= "
            "4 * duration(self.heartbeatInterval).getMilliseconds() && "
            "duration(self.electionTimeout).getMilliseconds() <= "
            "100 * duration(self.heartbeatInterval).getMilliseconds()",
            "must be 4 to 100 times heartbeatInterval: fewer, and one late heartbeat deposes a "
            "healthy leader",
            ".electionTimeout",
        ),
        Rule(
            "quantity(self.snapshotEveryLogBytes).compareTo(quantity('64Ki')) >= 0 && "
            "quantity(self.snapshotEveryLogBytes).compareTo(quantity('1Ti')) <= 0",
            "must be between 64Ki and 1Ti",
            ".snapshotEveryLogBytes",
        ),
    )

    heartbeat_interval_ms: Annotated[DurationMs, Field(alias="heartbeatInterval")] = 50
    """How far apart heartbeats are."""
    election_timeout_ms: Annotated[DurationMs, Field(alias="electionTimeout")] = 1_000
    """How long a leader may be silent. A leader whose process dies is missed at once; this is for
    nodes and networks that fail without a word. Rounded to whole heartbeats."""
    snapshot_every_log_bytes: Quantity = "256Mi"
    """Bytes of log after which a snapshot is taken: a bound on the replay at start."""
    snapshot_every_entries: Annotated[int, Field(ge=100, le=1_000_000_000)] = 1_000_000
    """Log entries (batches of requests) after which a snapshot is taken."""
    snapshots_retained: Annotated[int, Field(ge=1, le=100)] = 3
    """Snapshots that are kept, with the log from the oldest of them on."""


FourLetterWord = Annotated[str, Field(pattern=r"^([a-z]{4}|\*)$", max_length=4)]


class KeeperSpec(Part):
    """What clients may ask for."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "duration(self.minSessionTimeout) >= duration('100ms') && "
            "duration(self.maxSessionTimeout) <= duration('24h')",
            "session timeouts must be between 100ms and 24h",
        ),
        Rule(
            "duration(self.minSessionTimeout) <= duration(self.maxSessionTimeout)",
            "must not be above maxSessionTimeout",
            ".minSessionTimeout",
        ),
        Rule(
            f"self.extra.all(k, {_OWNED_RULE})",
            "holds a setting that belongs to the operator: addresses, ports, TLS, paths and "
            "membership are set from other fields of the spec",
            ".extra",
        ),
        Rule(
            "self.extra.all(k, k.matches('^[a-z_]+[.][a-z_]+$'))",
            "keys are written section.key, as in client.outstanding_max",
            ".extra",
        ),
    )

    min_session_timeout_ms: Annotated[DurationMs, Field(alias="minSessionTimeout")] = 4_000
    """Shorter wishes of clients are raised to this."""
    max_session_timeout_ms: Annotated[DurationMs, Field(alias="maxSessionTimeout")] = 40_000
    """Longer wishes of clients are lowered to this."""
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = 16_000
    """Connections of clients to one member."""
    linearizable_reads: bool = False
    """Every read sees all that was acknowledged anywhere, at the cost of a round to the leader."""
    read_only_mode: bool = False
    """Serve clients that are content with reading while there is no leader."""
    ttl_nodes: bool = True
    """Whether clients may make znodes with a time to live."""
    four_letter_words: Annotated[
        tuple[FourLetterWord, ...],
        Field(max_length=40, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Four-letter words that are answered on the client port; `*` for all. Empty: the node's
    default, which leaves out those that are costly."""
    extra: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]],
        Field(max_length=32, json_schema_extra={"x-kubernetes-map-type": "granular"}),
    ] = {}
    """Further settings of the node as `section.key: value` (docs/reference/configuration.md). One
    that the node does not know stops the first pod of the rollout, which then is reported."""


class LoggingSpec(Part):
    """What members write to their logs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important line that is written."""
    format: Literal["json", "console"] = "json"
