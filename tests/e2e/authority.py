"""A certificate authority of a test's own, by openssl: for the local cluster, and for clients in stories.

Nothing here is meant to outlive a cluster: keys lie in a folder, as plain files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.shell import run

# A cluster lives for days at most; a year is never reached.
DAYS = "365"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """What it issues lies beside it in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.crt"

    def create(self, subject: str) -> None:
        """Its own key and certificate."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_key(self._folder / "ca.key")
        run(
            *["openssl", "req", "-x509", "-new", "-sha256", "-days", DAYS, "-subj", subject],
            *["-key", self._folder / "ca.key", "-out", self.certificate],
        )

    def issue(self, name: str, subject: str, alternatives: Sequence[str] = ()) -> Issued:
        """For servers and clients alike; `alternatives` as openssl writes them: `DNS:…`, `IP:…`."""
        issued = Issued(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        make_key(issued.key)
        run("openssl", "req", "-new", "-key", issued.key, "-subj", subject, "-out", request)
        lines = ["extendedKeyUsage=clientAuth,serverAuth"]
        lines += [f"subjectAltName={','.join(alternatives)}"] if alternatives else []
        extensions = self._folder / f"{name}.extensions"
        extensions.write_text("\n".join(lines) + "\n")
        run(
            *["openssl", "x509", "-req", "-sha256", "-days", DAYS, "-in", request],
            *["-CA", self.certificate, "-CAkey", self._folder / "ca.key", "-CAcreateserial"],
            *["-extfile", extensions, "-out", issued.certificate],
        )
        return issued


def make_key(path: Path) -> None:
    """A key that signs nothing but what it says itself: tokens, or a request."""
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
