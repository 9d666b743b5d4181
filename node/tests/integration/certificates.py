"""Certificates for tests, made with the openssl command."""

import subprocess
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*arguments: object) -> None:
    """One openssl command."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class CertificateAuthority:
    """A CA. `sign` gives a file with a certificate and its key, in one."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._key, self.file = directory / "ca.key", directory / "ca.pem"
        openssl(
            *("req", "-x509", *_NEW_KEY, "-days", 2, "-subj", "/CN=test"),
            *("-keyout", self._key, "-out", self.file),
        )

    def sign(self, subject: str, at: Path) -> Path:
        """`at`, with a new certificate for this subject and 127.0.0.1, and its key; replaced as one."""
        request, key, signed = (self.directory / f"new.{end}" for end in ("csr", "key", "pem"))
        extension = self.directory / "extension"
        extension.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", subject)
        openssl(
            *("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-days", 2),
            *("-CAcreateserial", "-extfile", extension, "-out", signed),
        )
        whole = self.directory / "whole.pem"
        whole.write_bytes(signed.read_bytes() + key.read_bytes())
        whole.replace(at)
        return at
