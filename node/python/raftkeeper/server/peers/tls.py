"""Mutual TLS between members, with certificates that may be replaced while the node runs.

The files are looked at before each new connection; when one has changed all are read again. Files
that do not fit together (half replaced, perhaps) are said once, and the ones from before stay in
use. Connections that are there keep what they have shaken hands with.
"""

import fnmatch
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from raftkeeper.server.errors import NodeError
from raftkeeper.server.logs import get_logger

log = get_logger(__name__)


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


Marks = tuple[tuple[int, int, int], ...]


class TlsContexts:
    """The contexts of both roles, always from the newest files that fit together."""

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._failed: Marks | None = None
        self.reloads = 0
        try:
            self._marks = self._look()
            self._server, self._client = self._load()
        except (OSError, ssl.SSLError) as error:
            raise NodeError(f"peer.tls: {_sentence(error, settings)}") from error

    def server(self) -> ssl.SSLContext:
        """For a connection that came in."""
        self._follow_files()
        return self._server

    def client(self) -> ssl.SSLContext:
        """For one that goes out."""
        self._follow_files()
        return self._client

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

    def _look(self) -> Marks:
        """What changes with a file, however it is replaced. Links are followed."""
        settings = self._settings
        stats = [
            path.stat() for path in (settings.certificate_file, settings.key_file, settings.ca_file)
        ]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

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
        return contexts[0], contexts[1]

    def _follow_files(self) -> None:
        marks: Marks = ()  # of files that are not all there
        try:
            marks = self._look()
            if marks in {self._marks, self._failed}:
                return
            self._server, self._client = self._load()
        except (OSError, ssl.SSLError) as error:
            if marks != self._failed:
                self._failed = marks
                log.error(
                    "peer.tls_reload_failed",
                    reason=_sentence(error, self._settings),
                    effect="the certificates read before stay in use",
                )
            return
        self._marks, self._failed = marks, None
        self.reloads += 1
        log.info("peer.tls_reloaded", certificate=str(self._settings.certificate_file))


def dns_names(certificate: Mapping[str, object]) -> tuple[str, ...]:
    """The DNS names of a checked certificate, as `ssl` tells them."""
    names = certificate.get("subjectAltName", ())
    if not isinstance(names, Sequence):
        return ()
    return tuple(name for kind, name in names if kind == "DNS")


def _sentence(error: Exception, settings: TlsSettings) -> str:
    if isinstance(error, ssl.SSLError):
        return (
            f"{settings.certificate_file}, {settings.key_file} and {settings.ca_file} do not fit "
            f"together or are no PEM files: {error}"
        )
    if isinstance(error, OSError):
        return f"cannot read {error.filename}: {error.strerror}"
    return str(error)
