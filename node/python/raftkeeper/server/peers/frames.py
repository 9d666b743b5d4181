"""Frames: how bytes on a connection between members fall into parts, and how damage shows.

    frame = length of the body u32, crc32c of the body u32, body

Numbers are little-endian. The checksum is there because TCP's own is weak and a follower would
write what it got into its log with a fresh checksum over it. What a body means is not known here.
"""

import struct

from raftkeeper._engine import crc32c

_HEAD = struct.Struct("<II")
HEAD_BYTES = _HEAD.size


class FrameError(ValueError):
    """What came is no frame; the connection it came over cannot be read any further."""


def frame(body: bytes) -> bytes:
    """The bytes of one frame."""
    return _HEAD.pack(len(body), crc32c(body)) + body


class FrameReader:
    """Cuts what a connection brings into bodies. Keeps at most one unfinished frame."""

    __slots__ = ("_have", "_need", "_parts", "bytes_max")

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._have = 0
        self._need = HEAD_BYTES

    @property
    def kept_bytes(self) -> int:
        """Bytes of a frame that is not complete, or was not asked for."""
        return self._have

    def add(self, data: bytes) -> None:
        """More bytes came."""
        self._parts.append(data)
        self._have += len(data)

    def bodies(self, count_max: int = 1 << 30) -> list[bytes]:
        """The bodies that are complete, in order. Raises FrameError; then the rest is worthless."""
        found: list[bytes] = []
        if self._have < self._need:
            return found
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        have, at, need = self._have, 0, HEAD_BYTES
        while have - at >= HEAD_BYTES and len(found) < count_max:
            length, crc = _HEAD.unpack_from(data, at)
            if length > self.bytes_max:
                raise FrameError(f"a frame of {length} bytes; at most {self.bytes_max} are allowed")
            need = HEAD_BYTES + length
            if have - at < need:
                break
            body = data[at + HEAD_BYTES : at + need]
            if crc32c(body) != crc:
                raise FrameError("a frame's checksum does not agree")
            found.append(body)
            at += need
            need = HEAD_BYTES
        self._have = have - at
        self._need = need
        self._parts = [data[at:]] if at < have else []
        return found

    def take_rest(self) -> bytes:
        """What was read and not cut yet, for the next owner of the connection."""
        rest = b"".join(self._parts)
        self._parts, self._have, self._need = [], 0, HEAD_BYTES
        return rest
