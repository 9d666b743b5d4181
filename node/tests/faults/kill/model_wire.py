"""The model's operations as requests, and what their replies say. Bytes in, values out; no sockets."""

from __future__ import annotations

import struct
from typing import NamedTuple

from raftkeeper.testing import client_wire
from raftkeeper.testing.client_wire import Stat

from .model import Create, Delete, Multi, Op, SetData

_MULTI_HEADER = struct.Struct(">i?i")


class Made(NamedTuple):
    """What one write brought about: its path, and the Stat if the reply carries one."""

    path: str
    stat: Stat | None


def write(xid: int, op: Op) -> bytes:
    """The request of one of the model's operations."""
    return client_wire.request(xid, *_write_body(op))


def parse_write(op: Op, body: bytes) -> list[Made]:
    """What a successful write answered; for a multi, one of each part. Raises ValueError on an error in one."""
    if not isinstance(op, Multi):
        return [_parse_part(op, body, 0)[0]]
    made, at = [], 0
    for part in op.parts:
        kind, _, error = _MULTI_HEADER.unpack_from(body, at)
        at += _MULTI_HEADER.size
        if kind == -1 or error != 0:
            raise ValueError(f"a part of a multi failed: {struct.unpack_from('>i', body, at)[0]}")
        one, at = _parse_part(part, body, at)
        made.append(one)
    return made


def _write_body(op: Op) -> tuple[int, bytes]:
    match op:
        case Create():
            flags = client_wire.EPHEMERAL if op.ephemeral else client_wire.PERSISTENT
            if op.sequential:
                flags = client_wire.SEQUENTIAL
            return client_wire.CREATE2, client_wire.create_body(op.asked, op.data, flags)
        case SetData():
            return client_wire.SET_DATA, client_wire.set_body(op.path, op.data, op.version)
        case Delete():
            return client_wire.DELETE, client_wire.delete_body(op.path, op.version)
        case Multi():
            parts = [_write_body(part) for part in op.parts]
            framed = b"".join(_MULTI_HEADER.pack(kind, False, -1) + body for kind, body in parts)
            return client_wire.MULTI, framed + _MULTI_HEADER.pack(-1, True, -1)


def _parse_part(op: Op, body: bytes, at: int) -> tuple[Made, int]:
    match op:
        case Create():
            path, at = client_wire.take_buffer(body, at)
            stat, at = client_wire.take_stat(body, at)
            return Made(path.decode(), stat), at
        case SetData():
            stat, at = client_wire.take_stat(body, at)
            return Made(op.path, stat), at
        case Delete():
            return Made(op.path, None), at
        case Multi():
            raise ValueError("a multi inside a multi")
