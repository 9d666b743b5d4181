"""The records of the client protocol that the kill checker speaks. Bytes in, values out; no sockets.

It is written apart from the node's own codec on purpose: a checker that shared it would share its faults.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .model import Create, Delete, Multi, Op, SetData

OP_CREATE2, OP_DELETE, OP_GET_DATA, OP_SET_DATA = 15, 2, 4, 5
OP_GET_CHILDREN, OP_MULTI, OP_CREATE, OP_ADD_WATCH = 8, 14, 1, 106
OP_CLOSE = -11

XID_WATCH = -1
NO_NODE, NODE_EXISTS = -101, -110
PERSISTENT, EPHEMERAL, PERSISTENT_SEQUENTIAL = 0, 1, 2
RECURSIVE_WATCH = 1

_STAT = struct.Struct(">qqqqiiiqiiq")
_HEADER = struct.Struct(">iqi")
_OPEN_ACL = struct.pack(">iii5si6s", 1, 31, 5, b"world", 6, b"anyone")


class Stat(NamedTuple):
    """A znode's Stat, field by field as on the wire."""

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
    """A reply or an event: its header, and what follows it."""

    xid: int
    zxid: int
    error: int
    body: memoryview


class Made(NamedTuple):
    """What one write brought about: its path, and the Stat if the reply carries one."""

    path: str
    stat: Stat | None


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def connect(timeout_ms: int, session: int, password: bytes, last_zxid: int) -> bytes:
    head = struct.pack(">iqiq", 0, last_zxid, timeout_ms, session)
    return frame(head + _buffer(password) + b"\0")


class Connected(NamedTuple):
    timeout_ms: int
    session: int
    password: bytes


def parse_connected(body: bytes) -> Connected:
    _, timeout_ms, session, length = struct.unpack_from(">iiqi", body)
    return Connected(timeout_ms, session, body[20 : 20 + length])


def request(xid: int, op: int, body: bytes = b"") -> bytes:
    return frame(struct.pack(">ii", xid, op) + body)


def read(xid: int, op: int, path: str) -> bytes:
    return request(xid, op, _string(path) + b"\0")


def add_watch(xid: int, path: str) -> bytes:
    return request(xid, OP_ADD_WATCH, _string(path) + struct.pack(">i", RECURSIVE_WATCH))


def write(xid: int, op: Op) -> bytes:
    """The request of one of the model's operations."""
    number, body = _write_body(op)
    return request(xid, number, body)


def parse_reply(body: bytes) -> Reply:
    xid, zxid, error = _HEADER.unpack_from(body)
    return Reply(xid, zxid, error, memoryview(body)[_HEADER.size :])


def parse_write(op: Op, body: memoryview) -> list[Made]:
    """What a successful write answered; for a multi, one of each part. Raises ValueError on an error in one."""
    if not isinstance(op, Multi):
        return [_parse_part(op, body)[0]]
    made, at = [], 0
    for part in op.parts:
        kind, _, error = struct.unpack_from(">i?i", body, at)
        if kind == -1 or error != 0:
            raise ValueError(
                f"a part of a multi failed: {struct.unpack_from('>i', body, at + 9)[0]}"
            )
        one, used = _parse_part(part, body[at + 9 :])
        made.append(one)
        at += 9 + used
    return made


def parse_data(body: memoryview) -> tuple[bytes, Stat]:
    data, at = _parse_buffer(body, 0)
    return data, Stat(*_STAT.unpack_from(body, at))


def parse_names(body: memoryview) -> list[str]:
    (count,) = struct.unpack_from(">i", body)
    names, at = [], 4
    for _ in range(count):
        name, at = _parse_buffer(body, at)
        names.append(name.decode())
    return names


class Event(NamedTuple):
    """A watch event: 1 created, 2 deleted, 3 data changed, 4 children changed."""

    kind: int
    path: str


def parse_event(body: memoryview) -> Event:
    kind, _ = struct.unpack_from(">ii", body)
    return Event(kind, _parse_buffer(body, 8)[0].decode())


def _write_body(op: Op) -> tuple[int, bytes]:
    match op:
        case Create():
            flags = EPHEMERAL if op.ephemeral else PERSISTENT
            if op.sequential:
                flags = PERSISTENT_SEQUENTIAL
            body = _string(op.asked) + _buffer(op.data) + _OPEN_ACL + struct.pack(">i", flags)
            return OP_CREATE2, body
        case SetData():
            return OP_SET_DATA, _string(op.path) + _buffer(op.data) + struct.pack(">i", op.version)
        case Delete():
            return OP_DELETE, _string(op.path) + struct.pack(">i", op.version)
        case Multi():
            parts = [_write_body(part) for part in op.parts]
            framed = b"".join(struct.pack(">i?i", kind, False, -1) + body for kind, body in parts)
            return OP_MULTI, framed + struct.pack(">i?i", -1, True, -1)


def _parse_part(op: Op, body: memoryview) -> tuple[Made, int]:
    match op:
        case Create():
            path, at = _parse_buffer(body, 0)
            return Made(path.decode(), Stat(*_STAT.unpack_from(body, at))), at + _STAT.size
        case SetData():
            return Made(op.path, Stat(*_STAT.unpack_from(body))), _STAT.size
        case Delete():
            return Made(op.path, None), 0
        case Multi():
            raise ValueError("a multi inside a multi")


def _string(text: str) -> bytes:
    return _buffer(text.encode())


def _buffer(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def _parse_buffer(body: memoryview, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">i", body, at)
    end = at + 4 + max(length, 0)
    return bytes(body[at + 4 : end]), end
