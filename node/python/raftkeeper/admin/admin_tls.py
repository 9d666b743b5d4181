"""TLS of the admin port, with certificates that may be replaced while the node runs.

The files are looked at at the beginning of each handshake. Files that do not fit together (half
replaced, perhaps) are said once, and the ones from before stay in use.
"""

import ssl
from pathlib import Path

from raftkeeper.server.logs import get_logger

log = get_logger(__name__)

Marks = tuple[tuple[int, int, int], ...]


class AdminTls:
    """The newest certificates that fit together."""

    def __init__(self, certificate: str, key: str, client_ca: str) -> None:
        """Raises ssl.SSLError or OSError when the files cannot be used."""
        self._certificate = Path(certificate)
        self._key = Path(key) if key else self._certificate
        self._client_ca = Path(client_ca) if client_ca else None
        self._marks = self._look()
        self._failed: Marks | None = None
        self._newest = self._load()
        self.context = self._load()
        """For the listening socket: each handshake goes on with the newest."""
        self.context.sni_callback = self._choose

    def _choose(
        self,
        connection: ssl.SSLSocket | ssl.SSLObject,
        _name: str | None,
        _context: ssl.SSLContext,
    ) -> None:
        self._follow_files()
        connection.context = self._newest

    def _look(self) -> Marks:
        """What changes with a file, however it is replaced. Links are followed."""
        paths = (self._certificate, self._key, self._client_ca)
        stats = [path.stat() for path in paths if path is not None]
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
            # A token serves as well, so a certificate is asked for and not demanded.
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _follow_files(self) -> None:
        marks: Marks = ()  # of files that are not all there
        try:
            marks = self._look()
            if marks in {self._marks, self._failed}:
                return
            self._newest = self._load()
        except (OSError, ssl.SSLError) as error:
            if marks != self._failed:
                self._failed = marks
                log.error(
                    "admin.tls_reload_failed",
                    reason=str(error),
                    effect="the certificates read before stay in use",
                )
            return
        self._marks, self._failed = marks, None
        log.info("admin.tls_reloaded", certificate=str(self._certificate))
