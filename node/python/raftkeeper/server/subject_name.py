"""The subject of a certificate as text, the way ZooKeeper's x509 scheme has it in ACLs.

That is RFC 2253 as Java writes it: `CN=reader,OU=data,O=Example`. ACLs made with a ZooKeeper hold such
texts, so the form is copied to the letter. The certificate was verified by TLS before; bytes that
cannot be read all the same are a ValueError.
"""

from raftkeeper.server.certificate_fields import SUBJECT, field_at
from raftkeeper.server.der import element, elements

_OBJECT_ID = 0x06

_KEYWORDS = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
"""Attributes with a name in RFC 2253. All others are written as their number and their bytes."""

_TEXTS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
"""The types of strings (UTF8, Printable, T61, IA5, BMP) and how they are encoded."""

_ESCAPED = frozenset(',=+<>#;"\\')


def subject_of(certificate: bytes) -> str:
    """The subject of a certificate in DER. ValueError when it cannot be read."""
    try:
        subject = field_at(certificate, SUBJECT)
        names = [
            "+".join(_attribute(attribute) for _, attribute in elements(relative))
            for _, relative in elements(subject)
        ]
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("the subject of the certificate cannot be read") from error
    return ",".join(reversed(names))


def _attribute(encoded: bytes) -> str:
    kind, number, end = element(encoded, 0)
    if kind != _OBJECT_ID:
        raise ValueError("an attribute of the subject has no name")
    value_kind, value, _ = element(encoded, end)
    name = _object_id(number)
    keyword = _KEYWORDS.get(name)
    encoding = _TEXTS.get(value_kind)
    if keyword is None or encoding is None:
        return f"{keyword or name}=#{encoded[end:].hex()}"
    return f"{keyword}={_escape(value.decode(encoding))}"


def _escape(text: str) -> str:
    escaped = "".join(
        "\\00" if letter == "\0" else f"\\{letter}" if letter in _ESCAPED else letter
        for letter in text
    )
    kept = escaped.strip(" ")
    before = len(escaped) - len(escaped.lstrip(" "))
    if not kept:
        return "\\ " * len(escaped)
    after = len(escaped) - len(escaped.rstrip(" "))
    return "\\ " * before + kept + "\\ " * after


def _object_id(encoded: bytes) -> str:
    numbers = []
    value = 0
    for byte in encoded:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))
