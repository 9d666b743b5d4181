"""TLS on the client port: the certificate that is shown, and what is asked of clients.

Connections that are there keep what they have shaken hands with; new ones get the newest files. It
must not touch sockets: see `tls_listener`.
"""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from raftkeeper.server.certificate_dates import warn_of_dates
from raftkeeper.server.errors import NodeError
from raftkeeper.server.followed_files import UNUSABLE, FollowedFiles, describe_unusable
from raftkeeper.server.subject_name import subject_of

if TYPE_CHECKING:
    from raftkeeper.server.config_client import Client

SUBJECT_BYTES_MAX = 4096
"""A subject is an identity that travels with every batch its client writes in; as an auth packet's."""

_VERIFICATION = {"none": ssl.CERT_NONE, "want": ssl.CERT_OPTIONAL, "need": ssl.CERT_REQUIRED}


class ClientTls:
    """The context for new connections, always from the newest files that fit together."""

    def __init__(self, settings: "Client") -> None:
        """NodeError when the files cannot be used."""
        self._certificate = Path(settings.tls_certificate)
        self._key = Path(settings.tls_key or settings.tls_certificate)
        self._ca = Path(settings.tls_ca) if settings.tls_ca else None
        self._verify = _VERIFICATION[settings.tls_client_auth]
        paths = [path for path in (self._certificate, self._key, self._ca) if path is not None]
        try:
            self._files = FollowedFiles(paths, self._load, "client.tls")
        except UNUSABLE as error:
            reason = describe_unusable(error, paths)
            raise NodeError(
                f"client.tls_certificate, tls_key or tls_ca cannot be used: {reason}"
            ) from error

    def context(self) -> ssl.SSLContext:
        """For a connection that came in."""
        return self._files.newest()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        if self._ca is not None:
            context.load_verify_locations(self._ca)
        context.verify_mode = self._verify
        warn_of_dates(self._certificate, "client.tls")
        return context


def subject_of_client(connection: ssl.SSLObject | None) -> str:
    """Who a client is by its certificate, '' when it showed none. ValueError when that cannot be read.

    A certificate is handed out by TLS only when it was asked for, and verified.
    """
    certificate = connection.getpeercert(binary_form=True) if connection is not None else None
    if not certificate:
        return ""
    subject = subject_of(certificate)
    if len(subject.encode()) > SUBJECT_BYTES_MAX:
        raise ValueError(f"the subject of the certificate is longer than {SUBJECT_BYTES_MAX} bytes")
    return subject
