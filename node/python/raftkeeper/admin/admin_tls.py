"""TLS of the admin port, with certificates that may be replaced while the node runs.

The files are looked at at the beginning of each handshake (see `followed_files`).
"""

import ssl
from pathlib import Path

from raftkeeper.server.certificate_dates import warn_of_dates
from raftkeeper.server.followed_files import FollowedFiles


class AdminTls:
    """The newest certificates that fit together."""

    def __init__(self, certificate: str, key: str, client_ca: str) -> None:
        """Raises ssl.SSLError or OSError when the files cannot be used."""
        self._certificate = Path(certificate)
        self._key = Path(key) if key else self._certificate
        self._client_ca = Path(client_ca) if client_ca else None
        paths = (self._certificate, self._key, self._client_ca)
        self._files = FollowedFiles(
            [path for path in paths if path is not None], self._load, "admin.tls"
        )
        self.context = self._build()
        """For the listening socket: each handshake goes on with the newest."""
        self.context.sni_callback = self._choose

    def _choose(
        self,
        connection: ssl.SSLSocket | ssl.SSLObject,
        _name: str | None,
        _context: ssl.SSLContext,
    ) -> None:
        connection.context = self._files.newest()

    def _load(self) -> ssl.SSLContext:
        context = self._build()
        warn_of_dates(self._certificate, "admin.tls")
        return context

    def _build(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
            # A token serves as well, so a certificate is asked for and not demanded.
            context.verify_mode = ssl.CERT_OPTIONAL
        return context
