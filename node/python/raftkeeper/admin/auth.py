"""Who may use the admin API: the holder of the token, or of a certificate the operator's CA signed.

The token's file is looked at again when it changes, so a token is rotated by writing both into it,
one a line, telling everybody the new one, and taking the old one out. Nothing here may log a token.
"""

import hmac
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from raftkeeper.admin.refusals import AdminRefusal, Code

TOKEN_LENGTH_MIN = 16
"""Shorter ones can be guessed over the network."""


class TokenFileError(Exception):
    """The file cannot be used; the sentence says why."""


@dataclass(slots=True)
class TokenFile:
    """The tokens that count now."""

    path: Path
    _stamp: tuple[int, int] = (0, 0)
    _tokens: tuple[bytes, ...] = field(default=(), repr=False)

    def read(self) -> tuple[bytes, ...]:
        """Raises TokenFileError when there is none that could be used."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                lines = self.path.read_bytes().split(b"\n")
                self._tokens = tuple(line.strip() for line in lines if line.strip())
                self._stamp = stamp
        except OSError as error:
            raise TokenFileError(
                f"admin.token_file: {self.path} cannot be read: {error.strerror}"
            ) from error
        if not self._tokens:
            raise TokenFileError(f"admin.token_file: {self.path} has no token in it")
        if any(len(token) < TOKEN_LENGTH_MIN for token in self._tokens):
            raise TokenFileError(
                f"admin.token_file: a token in {self.path} is shorter than {TOKEN_LENGTH_MIN} "
                "characters"
            )
        return self._tokens


class Authenticator:
    """Decides from a request alone."""

    def __init__(self, token_file: TokenFile | None) -> None:
        self._token_file = token_file

    def check(self, request: web.Request) -> str:
        """Who asks, for the log; AdminRefusal when nobody knows."""
        subject = _certificate_subject(request)
        if subject:
            return f"certificate {subject}"
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._knows(
            token.strip().encode(errors="surrogateescape")
        ):
            return "token"
        raise AdminRefusal(
            Code.UNAUTHENTICATED,
            "this needs the admin token or a client certificate",
            "send `Authorization: Bearer <token>` with a token of the node's admin.token_file "
            "(`raftkeeper admin --token-file FILE`), or a certificate signed by admin.tls_client_ca",
        )

    def _knows(self, token: bytes) -> bool:
        if self._token_file is None or not token:
            return False
        try:
            known = self._token_file.read()
        except TokenFileError:
            return False
        return any(hmac.compare_digest(token, good) for good in known)


def _certificate_subject(request: web.Request) -> str:
    """The subject of a certificate that the TLS library has verified; '' without one."""
    transport = request.transport
    connection = transport.get_extra_info("ssl_object") if transport is not None else None
    if not isinstance(connection, (ssl.SSLObject, ssl.SSLSocket)):
        return ""
    certificate = connection.getpeercert()
    if not certificate:
        return ""
    subject: Any = certificate.get("subject", ())
    parts = [f"{key}={value}" for part in subject for key, value in part]
    return ",".join(parts) or "without a name"
