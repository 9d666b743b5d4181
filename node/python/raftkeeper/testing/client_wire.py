"""The records of the client protocol that simulated sessions, checkers and tests speak. Bytes in, values out.

Written apart from the engine's codec on purpose: a checker that shared it would share its faults. It
holds no socket and no session; what is malformed on purpose is written by the test that wants it.
"""

import struct
from typing import NamedTuple

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_CHILDREN, SYNC, PING = 1, 2, 3, 4, 5, 8, 9, 11
MULTI, CREATE2, SET_WATCHES, ADD_WATCH, CLOSE_SESSION = 14, 15, 101, 106, -11
XID_EVENT, XID_PING, XID_SET_WATCHES = -1, -2, -8
PERSISTENT, EPHEMERAL, SEQUENTIAL = 0, 1, 2
RECURSIVE = 1
OK, SYSTEM_ERROR, NO_NODE, BAD_VERSION, NODE_EXISTS, NOT_READ_ONLY = 0, -1, -101, -103, -110, -119

OPEN_ACL = struct.pack(">iii5si6s", 1, 31, 5, b"world", 6, b"anyone")
_STAT = struct.Struct(">qqqqiiiqiiq")
_HEADER = struct.Struct(">iqi")


class Stat(NamedTuple):
    """A znode's Stat as on the wire."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    owner: int
    data_length: int
    children: int
    pzxid: int


class Reply(NamedTuple):
    """Header and body of a reply or an event."""

    xid: int
    zxid: int
    error: int
    body: bytes

    def data(self) -> bytes:
        """The first buffer of the body: a znode's data, a created path."""
        return take_buffer(self.body, 0)[0]


class Connected(NamedTuple):
    """The answer to a connect request; no session means that the old one has expired."""

    timeout_ms: int
    session: int
    password: bytes


# -- what a client says


def buffer(data: bytes) -> bytes:
    """A length and its bytes."""
    return struct.pack(">i", len(data)) + data


def string(text: str) -> bytes:
    return buffer(text.encode())


def frame(body: bytes) -> bytes:
    """A frame is a buffer too."""
    return buffer(body)


def connect(
    timeout_ms: int,
    session: int = 0,
    password: bytes = bytes(16),
    last_zxid: int = 0,
    *,
    read_only: bool = False,
) -> bytes:
    head = struct.pack(">iqiq", 0, last_zxid, timeout_ms, session)
    return frame(head + buffer(password) + bytes([read_only]))


def request(xid: int, op: int, body: bytes = b"") -> bytes:
    return frame(struct.pack(">ii", xid, op) + body)


def read(xid: int, op: int, path: str, *, watch: bool = False) -> bytes:
    """A request that has a path and a watch: exists, getData, getChildren."""
    return request(xid, op, read_body(path, watch=watch))


def add_watch(xid: int, path: str) -> bytes:
    """A watch of everything below the path, until it is removed."""
    return request(xid, ADD_WATCH, string(path) + struct.pack(">i", RECURSIVE))


def create_body(path: str, data: bytes, flags: int = PERSISTENT) -> bytes:
    return string(path) + buffer(data) + OPEN_ACL + struct.pack(">i", flags)


def set_body(path: str, data: bytes, version: int = -1) -> bytes:
    return string(path) + buffer(data) + struct.pack(">i", version)


def delete_body(path: str, version: int = -1) -> bytes:
    return string(path) + struct.pack(">i", version)


def read_body(path: str, *, watch: bool = False) -> bytes:
    return string(path) + bytes([watch])


def set_watches_body(relative_zxid: int, data_paths: list[str]) -> bytes:
    paths = struct.pack(">i", len(data_paths)) + b"".join(string(path) for path in data_paths)
    return struct.pack(">q", relative_zxid) + paths + struct.pack(">ii", 0, 0)


# -- what a server says


def take_frames(received: bytearray) -> list[bytes]:
    """Whole frames at the front, taken out."""
    frames = []
    at = 0
    while len(received) - at >= 4:
        end = at + 4 + int.from_bytes(received[at : at + 4], "big")
        if len(received) < end:
            break
        frames.append(bytes(received[at + 4 : end]))
        at = end
    del received[:at]
    return frames


def parse_connected(body: bytes) -> Connected:
    _, timeout_ms, session, length = struct.unpack_from(">iiqi", body)
    return Connected(timeout_ms, session, body[20 : 20 + length])


def parse_reply(body: bytes) -> Reply:
    xid, zxid, error = _HEADER.unpack_from(body)
    return Reply(xid, zxid, error, body[_HEADER.size :])


def parse_replies(received: bytes) -> list[Reply]:
    """Of bytes that are whole frames and nothing else."""
    held = bytearray(received)
    replies = [parse_reply(body) for body in take_frames(held)]
    assert not held, f"{len(held)} bytes of half a frame"
    return replies


def parse_created(body: bytes) -> tuple[str, Stat]:
    path, at = take_buffer(body, 0)
    return path.decode(), take_stat(body, at)[0]


def parse_data(body: bytes) -> tuple[bytes, Stat]:
    data, at = take_buffer(body, 0)
    return data, take_stat(body, at)[0]


def parse_stat(body: bytes) -> Stat:
    return take_stat(body, 0)[0]


def parse_names(body: bytes) -> list[str]:
    (count,) = struct.unpack_from(">i", body)
    names, at = [], 4
    for _ in range(count):
        name, at = take_buffer(body, at)
        names.append(name.decode())
    return names


def parse_event(body: bytes) -> tuple[int, str]:
    """(1 created, 2 deleted, 3 changed, 4 children; path)."""
    kind, _ = struct.unpack_from(">ii", body)
    return kind, take_buffer(body, 8)[0].decode()


def take_buffer(body: bytes, at: int) -> tuple[bytes, int]:
    """The buffer at this place, null as an empty one, and where it ends."""
    (length,) = struct.unpack_from(">i", body, at)
    end = at + 4 + max(length, 0)
    return body[at + 4 : end], end


def take_stat(body: bytes, at: int) -> tuple[Stat, int]:
    """The Stat at this place, and where it ends."""
    return Stat(*_STAT.unpack_from(body, at)), at + _STAT.size
