"""Making and reading certificates: a CA for each cluster, and leaves for its members.

Time and names are given; only the keys are random. Keys are on the P-256 curve: small, fast at
handshakes, and every TLS library knows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
"""Clients carry the CA's certificate in their own configuration; it should not change often."""
LEAF_DAYS = 90
"""Renewal is automatic and without a restart; one that happens often is one that works."""
BACKDATED = timedelta(minutes=5)
"""Clocks of nodes are not equal; a certificate from the future would be refused."""
COMMON_NAME_CHARACTERS_MAX = 64
"""X.509's own bound. The name is for people; the alternative names are what is checked."""


class BadCertificate(ValueError):
    """What a Secret holds is no certificate, or no key."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says."""

    not_before_ms: int
    not_after_ms: int
    names: frozenset[str]

    @property
    def renew_ms(self) -> int:
        """Two thirds of its life."""
        return self.not_before_ms + (self.not_after_ms - self.not_before_ms) * 2 // 3


def make_authority(common_name: str, now_ms: int) -> Issued:
    """A self-signed CA that may sign leaves and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = _start(now_ms)
    end = start + timedelta(days=AUTHORITY_DAYS)
    builder = (
        _builder(common_name, common_name, key.public_key(), start=start, end=end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def issue(authority: Issued, names: Sequence[str], now_ms: int) -> Issued:
    """A leaf for these names, good for both ends of a connection. Never outlives its CA."""
    ca = _certificate(authority.certificate)
    ca_key = _key(authority.key)
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = next((n for n in names if len(n) <= COMMON_NAME_CHARACTERS_MAX), "raftkeeper")
    issuer = ca.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    start = _start(now_ms)
    end = min(start + timedelta(days=LEAF_DAYS), ca.not_valid_after_utc)
    builder = _builder(common_name, str(issuer), key.public_key(), start=start, end=end)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    return _signed(builder, key, ca_key)


def read_facts(certificate: str) -> Facts:
    """Of the first certificate of a PEM; BadCertificate when there is none."""
    found = _certificate(certificate)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = frozenset(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        dns = frozenset()
    return Facts(_ms(found.not_valid_before_utc), _ms(found.not_valid_after_utc), dns)


def is_signed_by(certificate: str, authority: str) -> bool:
    """Whether the CA's key signed it."""
    try:
        _certificate(certificate).verify_directly_issued_by(_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def fits(certificate: str, key: str) -> bool:
    """Whether the key is the certificate's."""
    return bool(_certificate(certificate).public_key() == _key(key).public_key())


def bundle(*certificates: str) -> str:
    """Several certificates in one PEM; empty ones and repetitions are left out."""
    return "".join(dict.fromkeys(c.strip() + "\n" for c in certificates if c.strip()))


def certificates_in(pem: str) -> list[str]:
    """Each by itself, in order; none where there is one that cannot be read."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []
    return [one.public_bytes(serialization.Encoding.PEM).decode() for one in found]


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePublicKey,
    *,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> Issued:
    certificate = builder.sign(signer, hashes.SHA256())
    pem = serialization.Encoding.PEM
    return Issued(
        certificate.public_bytes(pem).decode(),
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def _name(common_name: str) -> x509.Name:
    short = common_name[:COMMON_NAME_CHARACTERS_MAX]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, short)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise BadCertificate(f"this is no certificate: {error}") from error


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadCertificate("this is no private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadCertificate("this is no key of an elliptic curve")
    return key


def _start(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC) - BACKDATED


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
