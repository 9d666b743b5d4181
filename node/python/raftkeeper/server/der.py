"""DER, the encoding of certificates: elements of a type, a length and a content.

It must not know what a certificate is: see `certificate_fields`.
"""

from collections.abc import Iterator


def elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content) of each element that stands one behind the other."""
    at = 0
    while at < len(encoded):
        kind, content, at = element(encoded, at)
        yield kind, content


def element(encoded: bytes, at: int) -> tuple[int, bytes, int]:
    """(type, content, end) of the element that begins at `at`; ValueError or IndexError if it is cut off."""
    kind, length, start = encoded[at], encoded[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(encoded[start : start + count], "big")
        start += count
    end = start + length
    if end > len(encoded):
        raise ValueError("the certificate is cut off")
    return kind, encoded[start:end], end
