"""The fields of a certificate in DER that it was signed for, one at a time (RFC 5280, section 4.1)."""

from itertools import islice

from raftkeeper.server.der import element, elements

VALIDITY, SUBJECT = 3, 4
"""Places behind the version: serial number, algorithm, issuer, validity, subject."""

_VERSION = 0xA0


def field_at(certificate: bytes, place: int) -> bytes:
    """The content of a field behind the serial number; IndexError, StopIteration or ValueError if it is cut off."""
    _, whole, _ = element(certificate, 0)
    _, signed, _ = element(whole, 0)
    fields = elements(signed)
    kind, _ = next(fields)
    # The version is there since 1996; without it the serial number has been read.
    behind = place if kind == _VERSION else place - 1
    _, content = next(islice(fields, behind, None))
    return content
