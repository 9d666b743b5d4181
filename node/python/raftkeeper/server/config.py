"""The schema of the configuration: one model for the TOML file, the environment and the flags.

Every key has a default, a range and a sentence that says why; the reference page and
`raftkeeper server --help` are printed from here. This module reads nothing: see `config_sources`.
The serving process must not import it but for annotations: see `handover`.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, computed_field, field_validator, model_validator

from raftkeeper.server.config_client import Client
from raftkeeper.server.config_ensemble import Ensemble, Peer
from raftkeeper.server.config_section import KIB, MIB, Port, Section
from raftkeeper.server.four_letter_words import FOUR_LETTER_WORDS

ENTRY_OVERHEAD_BYTES = 64 * KIB
"""Of an entry beside its requests: headers, and the ids of the client whose request overfilled it, generously."""
DECISIONS_BYTES_MAX = 128 * KIB
"""What a leader decides by itself in one entry, where a batch and a request are shorter than that: the engine stops
at 64 KiB, and the ends of 4,096 sessions may come on top."""


class Session(Section):
    """What a client may ask for as its session's timeout.

    ZooKeeper allows 2 to 20 ticks; its sample configuration, which is what people run, has a tick
    of 2 s, hence 4 s and 40 s.
    """

    min_timeout_ms: int = Field(
        4_000, ge=100, le=86_400_000, description="Shorter requests are raised to this value."
    )
    max_timeout_ms: int = Field(
        40_000, ge=100, le=86_400_000, description="Longer requests are lowered to this value."
    )

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """The shortest timeout is not above the longest."""
        if self.min_timeout_ms > self.max_timeout_ms:
            raise ValueError("min_timeout_ms must not be above max_timeout_ms")
        return self


class Storage(Section):
    """The log and the snapshots on disk."""

    data_dir: Path = Field(
        Path("data"),
        description="This node's data folder. No other process may use it. The folder `log` in it may be a "
        "volume of its own, mounted there.",
    )
    segment_bytes: int = Field(
        32 * MIB,
        ge=1 * MIB,
        le=4096 * MIB,
        multiple_of=4 * KIB,
        description="Length of a preallocated segment of the log, two of which lie ready. Longer "
        "ones mean fewer directory fsyncs, shorter ones give space back sooner. At least four "
        "times what a batch can be.",
    )
    batch_bytes_max: int = Field(
        1 * MIB,
        ge=4 * KIB,
        le=64 * MIB,
        description="Bytes of requests that share one fsync. More would lengthen the wait of the "
        "first of them without a gain in throughput.",
    )


class Snapshot(Section):
    """When the state is written down as a whole, so that the log can be cut."""

    every_log_bytes: int = Field(
        256 * MIB,
        ge=64 * KIB,
        le=1024 * 1024 * MIB,
        description="Bytes of log after which a snapshot is taken: a bound on replay at start.",
    )
    every_entries: int = Field(
        1_000_000,
        ge=100,
        le=1_000_000_000,
        description="Log entries after which a snapshot is taken. An entry is a batch.",
    )
    retain: int = Field(
        3,
        ge=1,
        le=100,
        description="Snapshots kept; the log is kept from the oldest of them on, so that each can "
        "be started from.",
    )
    on_exit: bool = Field(
        False,
        description="Take one at SIGTERM. The next start is faster, the stop slower.",
    )


class Log(Section):
    """What the node says on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important line that is shown."
    )
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto` is console at a terminal and JSON otherwise."
    )


class Http(Section):
    """Metrics, health and ZooKeeper's AdminServer commands."""

    enabled: bool = Field(True, description="Whether to serve HTTP at all.")
    listen: str = Field(
        "127.0.0.1", description="Address to listen on. There is no password: keep it private."
    )
    port: Port = Field(8080, description="Port of ZooKeeper's AdminServer.")


class Admin(Section):
    """The admin API: membership, leadership, drain, snapshots. See docs/reference/admin-api.md.

    The port opens when there is a way to know who asks: a token file, a client CA, or both.
    """

    listen: str = Field(
        "127.0.0.1",
        description="Address to listen on. Beyond loopback use TLS: a token in plain text can be "
        "read on the way.",
    )
    port: Port = Field(8081, description="Port of the admin API, beside that of metrics.")
    token_file: str = Field(
        "",
        description="File with the tokens that are accepted, one a line, at least 16 characters. "
        "The same one on all members, so that a request can go to whoever leads. It is read again "
        "when it changes.",
    )
    tls_certificate: str = Field(
        "", description="PEM file with the node's certificate and its chain; empty for plain HTTP."
    )
    tls_key: str = Field(
        "", description="PEM file with its key; empty when it is in the certificate's file."
    )
    tls_client_ca: str = Field(
        "", description="PEM file with the CA whose client certificates are accepted too."
    )

    @computed_field  # type: ignore[prop-decorator]  # so that it is handed over with the rest
    @property
    def enabled(self) -> bool:
        """Whether anybody could pass."""
        return bool(self.token_file or self.tls_client_ca)

    @model_validator(mode="after")
    def check_tls(self) -> Self:
        """Client certificates come over TLS only."""
        if self.tls_client_ca and not self.tls_certificate:
            raise ValueError("tls_client_ca needs tls_certificate: certificates come over TLS only")
        return self


class FourLetter(Section):
    """Four-letter commands on the client port."""

    whitelist: tuple[str, ...] = Field(
        tuple("conf cons crst dirs envi isro lgif mntr ruok srst srvr stat uptm wchs".split()),
        description="Commands that are answered, `*` for all there are: "
        f"{' '.join(FOUR_LETTER_WORDS)}. ZooKeeper answers `srvr` only; the default is what "
        "monitoring asks for. Left out are those that print every session or watch (dump, wchc, "
        "wchp), and those that act: csnp takes a snapshot, rqld and ydld move leadership. A command "
        "has no password, so whoever reaches the client port could keep the disk busy and "
        "leadership moving. `raftkeeper admin` does the same and asks for a token. ClickHouse "
        "Keeper answers csnp, rqld and ydld to everybody; add them here if your scripts use them.",
    )

    @field_validator("whitelist", mode="before")
    @classmethod
    def split_words(cls, value: object) -> object:
        """Environment and flags give one string, `srvr,mntr`."""
        if isinstance(value, str):
            return tuple(word for word in value.replace(",", " ").split() if word)
        return value

    @field_validator("whitelist")
    @classmethod
    def check_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Every word is a command of ours."""
        for word in value:
            if word != "*" and word not in FOUR_LETTER_WORDS:
                raise ValueError(f"{word!r} is no command; there are {' '.join(FOUR_LETTER_WORDS)}")
        return value


class Auth(Section):
    """Who may do what."""

    super_digest: str = Field(
        "",
        description="`user:base64(sha1(user:password))` of the one who passes every ACL; empty for "
        "nobody. ZooKeeper's superDigest.",
        json_schema_extra={"secret": True},
    )
    super_subject: str = Field(
        "",
        description="Subject of the client certificate that passes every ACL, as in the ACLs of "
        "scheme x509: `CN=admin,O=Example`; empty for nobody. ZooKeeper's "
        "X509AuthenticationProvider.superUser.",
    )
    skip_acl: bool = Field(False, description="Check no ACL at all. ZooKeeper's skipACL.")

    @field_validator("super_digest")
    @classmethod
    def check_digest(cls, value: str) -> str:
        """It is a name, a colon and 28 characters of base64."""
        user, _, digest = value.partition(":")
        if value and (not user or len(digest) != 28 or not digest.endswith("=")):
            raise ValueError("must look like user:base64(sha1(user:password)), 28 characters")
        return value


class Features(Section):
    """What ZooKeeper lets an operator switch."""

    ttl_nodes: bool = Field(
        True, description="TTL nodes. ZooKeeper's extendedTypesEnabled, which is off there."
    )
    reconfig: bool = Field(False, description="The reconfig request. ZooKeeper's reconfigEnabled.")
    enforce_quotas: bool = Field(
        False,
        description="Refuse writes beyond the hard limits of quotas. ZooKeeper's enforceQuota. The "
        "leader's setting counts, and not before all members run a release that knows of it.",
    )
    collect_interval_ms: int = Field(
        1_000,
        ge=100,
        le=86_400_000,
        description="How often empty containers and outlived TTL nodes are looked for, among "
        "10,000 znodes at a time. ZooKeeper looks at all of them each minute.",
    )


class Config(Section):
    """The whole configuration of a node."""

    client: Client = Client()
    session: Session = Session()
    storage: Storage = Storage()
    snapshot: Snapshot = Snapshot()
    log: Log = Log()
    http: Http = Http()
    admin: Admin = Admin()
    ensemble: Ensemble = Ensemble()
    peer: Peer = Peer()
    four_letter: FourLetter = FourLetter()
    auth: Auth = Auth()
    features: Features = Features()

    @computed_field  # type: ignore[prop-decorator]  # so that it is handed over with the rest
    @property
    def record_bytes_max(self) -> int:
        """The longest log entry: a full batch, and the request that overfilled it."""
        requested = self.storage.batch_bytes_max + self.client.frame_bytes_max
        return max(requested, DECISIONS_BYTES_MAX) + ENTRY_OVERHEAD_BYTES

    @computed_field  # type: ignore[prop-decorator]  # the same
    @property
    def talks_to_members(self) -> bool:
        """Whether the port for members is opened."""
        ensemble = self.ensemble
        asked_for = bool(ensemble.members or ensemble.recovery)
        return self.peer.enabled or asked_for or ensemble.join

    @computed_field  # type: ignore[prop-decorator]  # the same
    @property
    def open_addresses(self) -> dict[str, str]:
        """Which part listens where, for the line that says that the node serves."""
        client = self.client
        hosts = {"http": self.http.listen, "admin": self.admin.listen, "peer": self.peer.listen}
        return {
            part: f"{hosts.get(part.partition('_')[0], client.listen)}:{port}"
            for part, _, port in self._ports()
            if port
        }

    @computed_field  # type: ignore[prop-decorator]  # the same
    @property
    def listed_as(self) -> int:
        """Which of ensemble.members this node is; 0 when it is none of them."""
        if self.ensemble.member:
            return self.ensemble.member
        by_address = {address: number for number, address in self._listed()}
        return by_address.get(self.peer.address, 0)

    @computed_field  # type: ignore[prop-decorator]  # the same
    @property
    def peer_address(self) -> str:
        """Where the others reach this node."""
        default = f"{self.peer.listen}:{self.peer.port}"
        return self.peer.address or dict(self._listed()).get(self.ensemble.member, default)

    def _listed(self) -> list[tuple[int, str]]:
        pairs = (item.split("=", 1) for item in self.ensemble.members)
        return [(int(number), address) for number, address in pairs]

    @model_validator(mode="after")
    def check_listed(self) -> Self:
        """A list of members is of use only to a node that knows which of them it is."""
        ensemble = self.ensemble
        if ensemble.members and not ensemble.member and not self.peer.address:
            raise ValueError(
                "ensemble.members is set, but not which of them this node is: set peer.address to "
                "its own address, or ensemble.member to its id"
            )
        addresses = [address for _, address in self._listed()]
        if len(set(addresses)) != len(addresses):
            raise ValueError("ensemble.members: an address stands twice")
        return self

    @model_validator(mode="after")
    def check_ports(self) -> Self:
        """No two parts are given the same port: the first to bind would answer for the other."""
        taken: dict[int, str] = {}
        for _, name, port in self._ports():
            if port and port in taken:
                raise ValueError(f"{taken[port]} and {name} are both {port}: each needs its own")
            taken[port] = name
        return self

    def _ports(self) -> list[tuple[str, str, int]]:
        """(part, setting, port) of those that will be opened; a port of 0 is any, or none."""
        client = self.client
        ports = [
            ("client", "client.port", client.port if client.plain else 0),
            ("client_tls", "client.tls_port", client.tls_port),
        ]
        if self.http.enabled:
            ports.append(("http", "http.port", self.http.port))
        if self.admin.enabled:
            ports.append(("admin", "admin.port", self.admin.port))
        if self.talks_to_members:
            ports.append(("peer", "peer.port", self.peer.port))
        return ports

    @model_validator(mode="after")
    def check_segment(self) -> Self:
        """A segment holds several of the longest entries."""
        if self.storage.segment_bytes < 4 * self.record_bytes_max:
            raise ValueError(
                f"storage.segment_bytes must be at least {4 * self.record_bytes_max}: four times "
                "storage.batch_bytes_max and client.frame_bytes_max together"
            )
        return self


def section_models() -> dict[str, type[Section]]:
    """Each section's name and model, in the order of the reference."""
    models: dict[str, type[Section]] = {}
    for name, field in Config.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, Section):
            models[name] = model
    return models
