"""Walks a snapshot's tree as a client would: the engine itself restores it and answers the reads.

So what is shown is what would be served. It happens in memory; nothing is logged anywhere.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from raftkeeper._engine import Engine

_ROOM = 1 << 30
GET_DATA, GET_CHILDREN = 4, 8

_STAT = struct.Struct(">qqqqiiiqiiq")


@dataclass(frozen=True, slots=True)
class Znode:
    """One znode."""

    path: str
    data: bytes
    czxid: int
    mzxid: int
    version: int
    owner: int
    children: int


def empty_engine() -> Engine:
    """One that looks at data and serves nobody: with room for whatever may be in them."""
    return Engine(
        origin=secrets.randbits(64),
        min_session_timeout_ms=1,
        max_session_timeout_ms=1_000_000,
        frame_bytes_max=_ROOM,
        batch_bytes_max=_ROOM,
        connection_outstanding_max=2,
        outstanding_max=2,
        skip_acl=True,
    )


class SnapshotTree:
    """A restored snapshot."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._engine = empty_engine()
        self._engine.restore_begin()
        for piece in pieces:
            self._engine.restore_piece(piece)
        self._engine.restore_end()
        self.index = self._engine.applied_index
        self.zxid = self._engine.last_zxid
        self.sessions = [(session, timeout) for session, timeout, _ in self._engine.sessions()]
        self.ephemerals = self._engine.ephemerals()
        self._conn = self._open_session()

    def walk(self) -> Iterator[Znode]:
        """Every znode, parents first, siblings by name."""
        stack = ["/"]
        while stack:
            path = stack.pop()
            yield self._get(path)
            names = sorted(self._children(path), reverse=True)
            prefix = path if path == "/" else f"{path}/"
            stack.extend(prefix + name for name in names)

    def _open_session(self) -> int:
        """A client's handshake; its entry is applied here and goes nowhere else."""
        engine = self._engine
        conn = engine.connect("inspect", 0)
        request = struct.pack(">iqiqi16s?", 0, 0, 1_000_000, 0, 16, bytes(16), False)
        engine.feed(conn, _frame(request), 0)
        payload = engine.take_batch(0)
        if payload is None:
            raise ValueError("the snapshot is of a cluster that never began")
        engine.apply(self.index + 1, payload, 0)
        engine.take_replies()
        return conn

    def _ask(self, op: int, path: str) -> bytes:
        name = path.encode()
        body = struct.pack(">iii", 1, op, len(name)) + name + b"\0"
        reply = self._engine.feed(self._conn, _frame(body), 0)
        (error,) = struct.unpack_from(">i", reply, 16)
        if error:
            raise ValueError(f"{path} is answered with error {error}")
        return reply[20:]

    def _get(self, path: str) -> Znode:
        reply = self._ask(GET_DATA, path)
        (length,) = struct.unpack_from(">i", reply)
        end = 4 + max(length, 0)
        stat = _STAT.unpack_from(reply, end)
        return Znode(
            path=path,
            data=reply[4:end],
            czxid=stat[0],
            mzxid=stat[1],
            version=stat[4],
            owner=stat[7],
            children=stat[9],
        )

    def _children(self, path: str) -> list[str]:
        reply = self._ask(GET_CHILDREN, path)
        (count,) = struct.unpack_from(">i", reply)
        names, at = [], 4
        for _ in range(count):
            (length,) = struct.unpack_from(">i", reply, at)
            names.append(reply[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return names


def _frame(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload
