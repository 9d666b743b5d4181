"""Mutual TLS between members, with certificates that may be replaced while the node runs.

The files are looked at before each new connection (see `followed_files`). Connections that are there
keep what they have shaken hands with.
"""

import fnmatch
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raftkeeper.server.certificate_dates import warn_of_dates
from raftkeeper.server.errors import NodeError
from raftkeeper.server.followed_files import UNUSABLE, FollowedFiles, describe_unusable


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Where this member's certificate is, and whose it trusts."""

    certificate_file: Path
    """PEM, with the chain behind it."""
    key_file: Path
    ca_file: Path
    """PEM of those who sign members' certificates; best a CA of the ensemble's own."""
    peer_names: tuple[str, ...] = ()
    """Patterns (`*.raftkeeper.svc`): one of a member's DNS names must fit one. Empty: whoever the CA
    has signed is a member."""


class TlsContexts:
    """The contexts of both roles, always from the newest files that fit together."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        paths = (settings.certificate_file, settings.key_file, settings.ca_file)
        try:
            self._files = FollowedFiles(paths, self._load, "peer.tls")
        except UNUSABLE as error:
            raise NodeError(f"peer.tls: {describe_unusable(error, paths)}") from error

    @property
    def reloads(self) -> int:
        """How often the files were read anew."""
        return self._files.reloads

    def server(self) -> ssl.SSLContext:
        """For a connection that came in."""
        return self._files.newest()[0]

    def client(self) -> ssl.SSLContext:
        """For one that goes out."""
        return self._files.newest()[1]

    def wrong_name(self, certificate: Mapping[str, object] | None) -> str:
        """Why the bearer of this certificate is no member; empty when it may be one."""
        if not self._settings.peer_names:
            return ""
        names = dns_names(certificate or {})
        if any(
            fnmatch.fnmatchcase(name.lower(), pattern.lower())
            for name in names
            for pattern in self._settings.peer_names
        ):
            return ""
        return f"its certificate is for {', '.join(names) or 'no DNS name'}"

    def _load(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        settings = self._settings
        contexts = []
        for role in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
            context = ssl.SSLContext(role)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            # Members are known by their CA and `peer_names`; the address that was dialed may be
            # a number or a service's.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(settings.ca_file)
            context.load_cert_chain(settings.certificate_file, settings.key_file)
            contexts.append(context)
        warn_of_dates(settings.certificate_file, "peer.tls")
        return contexts[0], contexts[1]


def dns_names(certificate: Mapping[str, object]) -> tuple[str, ...]:
    """The DNS names of a checked certificate, as `ssl` tells them."""
    names = certificate.get("subjectAltName", ())
    if not isinstance(names, Sequence):
        return ()
    return tuple(name for kind, name in names if kind == "DNS")
