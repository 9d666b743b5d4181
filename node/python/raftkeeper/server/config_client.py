"""The section of the configuration about clients: `[client]`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from raftkeeper.server.config_section import KIB, MIB, Port, Section


class Client(Section):
    """Where clients connect, and how much of the node one of them may take."""

    listen: str = Field(
        "127.0.0.1",
        description="Address to listen on. Loopback, so that a first try is open to nobody else; "
        "`0.0.0.0` or `::` for all.",
    )
    port: Port = Field(2181, description="Port of the client protocol; ZooKeeper's.")
    plain: bool = Field(
        True, description="Whether `port` is opened. Off leaves `tls_port` as the only way in."
    )
    tls_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of the client protocol over TLS; ZooKeeper's secureClientPort, 2281 by "
        "custom. 0 opens none.",
    )
    tls_certificate: str = Field(
        "",
        description="PEM file with the node's certificate and its chain. This file and the next "
        "two are read again when they change.",
    )
    tls_key: str = Field(
        "", description="PEM file with its key; empty when it is in the certificate's file."
    )
    tls_ca: str = Field("", description="PEM file with the CA that signs clients' certificates.")
    tls_client_auth: Literal["none", "want", "need"] = Field(
        "none",
        description="Whether clients are asked for a certificate, and whether they get in without "
        "one. The subject of one is an identity for ACLs, scheme x509.",
    )
    connections_max: int = Field(
        16_000,
        ge=1,
        le=1_000_000,
        description="Connections in all. Lowered at start to what the limit of open files allows.",
    )
    connections_per_address_max: int = Field(
        12_000,
        ge=0,
        le=1_000_000,
        description="Connections from one address; 0 for no bound. Three quarters of all, so that "
        "one host gone wild leaves room for others; ZooKeeper's 60 stops honest ones.",
    )
    frame_bytes_max: int = Field(
        0xFFFFF,
        ge=4 * KIB,
        le=256 * MIB,
        description="Longest request, ZooKeeper's jute.maxbuffer and its default. Clients must "
        "agree with it, or they fail to read what others wrote.",
    )
    connection_outstanding_max: int = Field(
        1_000,
        ge=1,
        le=1_000_000,
        description="Unanswered requests of one connection before it is no longer read.",
    )
    outstanding_max: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        description="Unanswered requests in all before connections that have some of them are no "
        "longer read: 300 connections of depth 160.",
    )
    unsent_bytes_max: int = Field(
        64 * MIB,
        ge=64 * KIB,
        le=4096 * MIB,
        description="Unread answers and events at which a connection is closed, and the longest "
        "answer. The names of a million children are about 20 MiB and must fit.",
    )
    linearizable_reads: bool = Field(
        False,
        description="Every read first makes sure that it sees all that was acknowledged anywhere, "
        "at the cost of a round to the leader. Otherwise a read sees the state of its node, and "
        "`sync` before it does the same.",
    )
    read_only_mode: bool = Field(
        False,
        description="Serve clients that say they are content with reading while there is no "
        "leader. ZooKeeper's readonlymode.enabled.",
    )
    unsent_stall_ms: int = Field(
        30_000,
        ge=100,
        le=3_600_000,
        description="How long a client may take nothing of what waits for it before it is closed.",
    )

    @model_validator(mode="after")
    def check_ports(self) -> Self:
        """There is a way in, and TLS has what it needs."""
        if not self.plain and not self.tls_port:
            raise ValueError("plain is off and tls_port is 0: no client could come in")
        if self.tls_port and not self.tls_certificate:
            raise ValueError("tls_port needs tls_certificate")
        if self.tls_client_auth != "none" and not self.tls_ca:
            raise ValueError(f"tls_client_auth = {self.tls_client_auth} needs tls_ca")
        if self.plain and self.tls_port == self.port:
            raise ValueError("port and tls_port must be different")
        return self
