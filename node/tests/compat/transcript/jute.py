"""Jute, the encoding of every frame, written here a second time on purpose.

The engine has its own reader and writer in Rust; a transcript that used those would agree with their
mistakes. Integers are big-endian and signed; a length of -1 is null.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

Acl = tuple[int, str | None, str | None]
"""(permission bits, scheme, id)"""

STAT = struct.Struct(">qqqqiiiqiiq")
STAT_FIELDS = (
    *("czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion"),
    *("ephemeralOwner", "dataLength", "numChildren", "pzxid"),
)


class Truncated(Exception):
    """The bytes end before the value does."""


class Writer:
    """Puts values into a growing buffer; each method is named after a jute type."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def bool(self, value: bool) -> None:
        self.bytes.append(1 if value else 0)

    def i32(self, value: int) -> None:
        self.bytes += struct.pack(">i", value)

    def i64(self, value: int) -> None:
        self.bytes += struct.pack(">q", value)

    zxid = i64

    def buf(self, value: bytes | None) -> None:
        if value is None:
            self.i32(-1)
            return
        self.i32(len(value))
        self.bytes += value

    def str(self, value: str | bytes | None) -> None:
        self.buf(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)

    def strs(self, values: Sequence[str] | None) -> None:
        self._vector(values, self.str)

    def acls(self, values: Sequence[Acl] | None) -> None:
        self._vector(values, self._acl)

    def _acl(self, value: Acl) -> None:
        permissions, scheme, identity = value
        self.i32(permissions)
        self.str(scheme)
        self.str(identity)

    def _vector(self, values: Sequence[Any] | None, write: Callable[[Any], None]) -> None:
        if values is None:
            self.i32(-1)
            return
        self.i32(len(values))
        for value in values:
            write(value)


class Reader:
    """Takes values from a received frame; each method is named after a jute type."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def rest(self) -> bytes:
        return self._data[self._at :]

    def bool(self) -> bool:
        return self._take(1) != b"\0"

    def i32(self) -> int:
        return int.from_bytes(self._take(4), "big", signed=True)

    def i64(self) -> int:
        return int.from_bytes(self._take(8), "big", signed=True)

    def buf(self) -> bytes | None:
        length = self.i32()
        return None if length < 0 else self._take(length)

    def str(self) -> str | None:
        data = self.buf()
        return None if data is None else data.decode("utf-8", "backslashreplace")

    def strs(self) -> list[str | None] | None:
        return self._vector(self.str)

    def acls(self) -> list[Acl] | None:
        return self._vector(lambda: (self.i32(), self.str(), self.str()))

    def ids(self) -> list[tuple[str | None, str | None]] | None:
        """Of whoAmI: (scheme, user) pairs."""
        return self._vector(lambda: (self.str(), self.str()))

    def stat(self) -> dict[str, int]:
        return dict(zip(STAT_FIELDS, STAT.unpack(self._take(STAT.size)), strict=True))

    def _vector(self, read: Callable[[], Any]) -> list[Any] | None:
        count = self.i32()
        return None if count < 0 else [read() for _ in range(count)]

    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise Truncated
        self._at += count
        return piece
