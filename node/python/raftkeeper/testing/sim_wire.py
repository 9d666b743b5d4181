"""The few records of the client protocol that simulated sessions speak. Bytes in, values out.

Written apart from the engine's codec on purpose: a checker that shared it would share its faults.
"""

import struct
from typing import NamedTuple

CREATE, DELETE, EXISTS, GET, SET, CHILDREN, SYNC, PING = 15, 2, 3, 4, 5, 8, 9, 11
SET_WATCHES, CLOSE = 101, -11
XID_EVENT, XID_PING, XID_SET_WATCHES = -1, -2, -8
PERSISTENT, EPHEMERAL, SEQUENTIAL = 0, 1, 2
SYSTEM_ERROR, NO_NODE, BAD_VERSION, NODE_EXISTS = -1, -101, -103, -110

_STAT = struct.Struct(">qqqqiiiqiiq")
_OPEN_ACL = struct.pack(">iii5si6s", 1, 31, 5, b"world", 6, b"anyone")


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
    """Header and body of what a node said."""

    xid: int
    zxid: int
    error: int
    body: bytes


class Connected(NamedTuple):
    """The answer to a connect request; no session means that the old one has expired."""

    timeout_ms: int
    session: int
    password: bytes


def connect(timeout_ms: int, session: int, password: bytes, last_zxid: int) -> bytes:
    head = struct.pack(">iqiq", 0, last_zxid, timeout_ms, session)
    return _frame(head + _buffer(password) + b"\0")


def parse_connected(body: bytes) -> Connected:
    _, timeout_ms, session, length = struct.unpack_from(">iiqi", body)
    return Connected(timeout_ms, session, body[20 : 20 + length])


def request(xid: int, op: int, body: bytes = b"") -> bytes:
    return _frame(struct.pack(">ii", xid, op) + body)


def create_body(path: str, data: bytes, flags: int) -> bytes:
    return _string(path) + _buffer(data) + _OPEN_ACL + struct.pack(">i", flags)


def set_body(path: str, data: bytes, version: int) -> bytes:
    return _string(path) + _buffer(data) + struct.pack(">i", version)


def delete_body(path: str, version: int) -> bytes:
    return _string(path) + struct.pack(">i", version)


def read_body(path: str, *, watch: bool) -> bytes:
    return _string(path) + (b"\1" if watch else b"\0")


def sync_body(path: str) -> bytes:
    return _string(path)


def set_watches_body(relative_zxid: int, data_paths: list[str]) -> bytes:
    paths = struct.pack(">i", len(data_paths)) + b"".join(_string(path) for path in data_paths)
    return struct.pack(">q", relative_zxid) + paths + struct.pack(">ii", 0, 0)


def parse_reply(body: bytes) -> Reply:
    xid, zxid, error = struct.unpack_from(">iqi", body)
    return Reply(xid, zxid, error, body[16:])


def parse_created(body: bytes) -> tuple[str, Stat]:
    path, at = _parse_buffer(body, 0)
    return path.decode(), Stat(*_STAT.unpack_from(body, at))


def parse_data(body: bytes) -> tuple[bytes, Stat]:
    data, at = _parse_buffer(body, 0)
    return data, Stat(*_STAT.unpack_from(body, at))


def parse_stat(body: bytes) -> Stat:
    return Stat(*_STAT.unpack_from(body))


def parse_names(body: bytes) -> list[str]:
    (count,) = struct.unpack_from(">i", body)
    names, at = [], 4
    for _ in range(count):
        name, at = _parse_buffer(body, at)
        names.append(name.decode())
    return names


def parse_event(body: bytes) -> tuple[int, str]:
    """(1 created, 2 deleted, 3 changed, 4 children; path)."""
    kind, _ = struct.unpack_from(">ii", body)
    return kind, _parse_buffer(body, 8)[0].decode()


def take_frames(received: bytearray) -> list[bytes]:
    """Whole frames at the front, taken out."""
    frames = []
    while len(received) >= 4:
        end = 4 + int.from_bytes(received[:4], "big")
        if len(received) < end:
            break
        frames.append(bytes(received[4:end]))
        del received[:end]
    return frames


def _frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def _string(text: str) -> bytes:
    return _buffer(text.encode())


def _buffer(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def _parse_buffer(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">i", body, at)
    end = at + 4 + max(length, 0)
    return body[at + 4 : end], end
