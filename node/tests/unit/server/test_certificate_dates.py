"""Claims about the dates of the node's own certificates: they are told, and stop nobody."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.integration.certificates import CertificateAuthority

from raftkeeper.admin.admin_tls import AdminTls
from raftkeeper.server import limits
from raftkeeper.server.certificate_dates import dates_of, warn_of_dates
from raftkeeper.server.client_tls import ClientTls
from raftkeeper.server.config_client import Client
from raftkeeper.server.peers.tls import TlsContexts, TlsSettings

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Its certificates are good for two days from now."""
    return CertificateAuthority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def certificate(authority: CertificateAuthority, tmp_path: Path) -> Path:
    """A leaf, and its key."""
    return authority.sign("/CN=node", tmp_path / "node.pem")


def now_ms() -> int:
    """Since 1970."""
    return int(datetime.now(UTC).timestamp() * 1000)


def said(certificate: Path, days_on: float) -> list[Any]:
    """What is logged of it, so many days from now."""
    with capture_logs() as lines:
        warn_of_dates(certificate, "client.tls", now_ms() + int(days_on * DAY_MS))
    return lines


@pytest.mark.parametrize("days", [30, 365 * 40, 365 * 2000])
def test_dates_are_those_that_openssl_prints(tmp_path: Path, days: int) -> None:
    """Up to 2049 they are written in one form, later in another."""
    file = tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    rest = ["-nodes", "-keyout", "/dev/null", "-out", str(file), "-subj", "/CN=a"]
    subprocess.run([*made, *rest, "-days", str(days)], check=True, capture_output=True)
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(file), "-noout", "-startdate", "-enddate"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    printed = [line.partition("=")[2] for line in shown.splitlines()]
    found = dates_of(ssl.PEM_cert_to_DER_cert(file.read_text(encoding="ascii")))
    form = "%b %d %H:%M:%S %Y GMT"
    assert list(found) == [datetime.strptime(text, form).replace(tzinfo=UTC) for text in printed]


def test_bytes_cut_short_have_no_dates(certificate: Path) -> None:
    """Wherever they end."""
    end = "-----END CERTIFICATE-----\n"
    text = certificate.read_text(encoding="ascii").partition(end)[0] + end
    whole = ssl.PEM_cert_to_DER_cert(text)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="certificate"):
            dates_of(whole[:length])


def test_expired_certificate_is_told_with_file_and_date(certificate: Path) -> None:
    """And what to do, and that nothing has to be restarted."""
    (line,) = said(certificate, 3)
    assert (line["event"], line["log_level"]) == ("certificate.expired", "warning")
    assert (line["of"], line["file"]) == ("client.tls", str(certificate))
    assert line["expired"][:10] == str((datetime.now(UTC) + timedelta(days=2)).date())
    assert "no restart" in line["advice"]


def test_certificate_of_the_future_is_told(certificate: Path) -> None:
    """Either it was made wrong, or this machine's clock is."""
    (line,) = said(certificate, -1)
    assert line["event"] == "certificate.not_yet_valid"
    assert line["valid_from"][:10] == str(datetime.now(UTC).date())
    assert "clock" in line["advice"]


def test_certificate_that_expires_soon_is_told(certificate: Path) -> None:
    """In time for somebody to look after it."""
    (line,) = said(certificate, 0)
    assert line["event"] == "certificate.expires_soon"
    assert line["expires"][:10] == str((datetime.now(UTC) + timedelta(days=2)).date())


def test_certificate_that_is_good_for_long_is_not_mentioned(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads what is always said."""
    monkeypatch.setattr(limits, "CERTIFICATE_EXPIRY_WARNING_DAYS", 1)
    assert said(certificate, 0) == []


def test_chain_behind_the_certificate_is_not_looked_at(
    authority: CertificateAuthority, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node's own stands first; it has to be renewed, whatever a CA sends along."""
    monkeypatch.setattr(limits, "CERTIFICATE_EXPIRY_WARNING_DAYS", 1)
    stale = said(authority.file, 3)
    certificate.write_bytes(certificate.read_bytes() + authority.file.read_bytes())
    assert (len(stale), said(certificate, 0)) == (1, [])


def test_certificate_without_readable_dates_is_told(tmp_path: Path) -> None:
    """It may still be used: OpenSSL reads more forms than we do."""
    file = tmp_path / "other.pem"
    file.write_text("-----BEGIN TRUSTED CERTIFICATE-----\n")
    (line,) = said(file, 0)
    assert line["event"] == "certificate.dates_unknown"


@pytest.mark.parametrize("of", ["client.tls", "peer.tls", "admin.tls"])
def test_dates_are_told_at_start_and_at_each_reload(
    authority: CertificateAuthority, certificate: Path, of: str
) -> None:
    """Once each, for every port; a certificate that expires soon is used all the same."""
    with capture_logs() as lines:
        look = port(of, authority, certificate)
        look()
        first = [(line["event"], line["of"]) for line in lines]
        authority.sign("/CN=node", certificate)
        look()
        look()
    assert first == [("certificate.expires_soon", of)]
    assert [line["event"] for line in lines][1:] == ["certificate.expires_soon", "files.reloaded"]


def port(of: str, authority: CertificateAuthority, certificate: Path) -> Any:
    """What a port does before each new connection."""
    if of == "peer.tls":
        return TlsContexts(TlsSettings(certificate, certificate, authority.file)).server
    if of == "admin.tls":
        context: Any = AdminTls(str(certificate), "", "").context
        connection = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
        return lambda: context.sni_callback(connection, None, context)
    return ClientTls(Client(tls_port=1, tls_certificate=str(certificate))).context
