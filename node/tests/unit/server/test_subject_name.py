"""Claims about subjects of certificates as text: letter for letter what Java's X500Principal says."""

import ssl
import subprocess
from pathlib import Path

import pytest

from raftkeeper.server.subject_name import subject_of

# What `getSubjectX500Principal().getName()` of OpenJDK 17 answered for each.
SUBJECTS = {
    "/CN=reader/OU=data/O=Example": "O=Example,OU=data,CN=reader",
    r"/C=DE/ST=Berlin/L=Mitte/O=A, B \+ "
    r'"C"/CN=x<y>;#=z': r"CN=x\<y\>\;\#\=z,O=A\, B \+ \"C\",L=Mitte,ST=Berlin,C=DE",
    "/DC=org/DC=example/UID=bob/CN=bob": "CN=bob,UID=bob,DC=example,DC=org",
    "/CN=mail/emailAddress=a@b.c": "1.2.840.113549.1.9.1=#16056140622e63,CN=mail",
    "/CN= lead and trail ": r"CN=\ lead and trail\ ",
    "/CN=Zoë/O=日本": "O=日本,CN=Zoë",
    "/CN=#hash/serialNumber=12": r"2.5.4.5=#13023132,CN=\#hash",
    "/CN=a+OU=b/O=c": "O=c,CN=a+OU=b",
    r"/CN=back\\slash/title=Dr": r"2.5.4.12=#0c024472,CN=back\\slash",
}


def certificate_of(subject: str, directory: Path) -> bytes:
    """A self-signed certificate in DER."""
    file = directory / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-utf8", "-multivalue-rdn", "-newkey", "ec", "-nodes"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", str(directory / "key.pem")),
            *("-out", str(file), "-days", "2", "-subj", subject),
        ],
        check=True,
        capture_output=True,
    )
    return ssl.PEM_cert_to_DER_cert(file.read_text(encoding="ascii"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subject_is_written_as_java_writes_it(subject: str, tmp_path: Path) -> None:
    """ACLs made with a ZooKeeper hold these texts."""
    assert subject_of(certificate_of(subject, tmp_path)) == SUBJECTS[subject]


def test_bytes_cut_short_are_refused(tmp_path: Path) -> None:
    """Wherever they end; a certificate that is not whole names nobody."""
    whole = certificate_of("/CN=reader", tmp_path)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="certificate"):
            subject_of(whole[:length])
