"""The engine and the model side by side: one sequence of requests, and every answer compared.

The engine is driven as a node drives it: bytes of a socket in, batches out, entries back in. The log
is a list. Nothing here knows what an answer should be.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from tests.compat.transcript.jute import Reader
from tests.compat.transcript.operations import (
    EVENTS,
    OPERATIONS,
    decode_multi,
    decode_reply,
    encode_multi,
    encode_request,
)

from raftkeeper._engine import Engine

from .clients import Client, Clients, Frame, Request
from .keeper_model import KeeperModel

FIRST_SESSION = 0x1000
TIMEOUT_MS = 10_000
TICK_US = 100_000
EXPIRY_TICKS_MAX = 3 * TIMEOUT_MS * 1000 // TICK_US
"""A session that is not gone after three times its timeout never will be."""
PIECE_BYTES = 700
"""Small, so that pieces of a snapshot end anywhere."""
WANTS_BATCH, WANTS_REPLIES, WANTS_BARRIER = 1, 2, 4
CLOSE, ABORT = 1, 2
NO_CONNECTION = -1
UNKNOWN_OP = 99


def new_engine() -> Engine:
    return Engine(
        origin=77,
        min_session_timeout_ms=2000,
        max_session_timeout_ms=60_000,
        frame_bytes_max=0xFFFFF,
        batch_bytes_max=2000,
        connection_outstanding_max=1000,
        outstanding_max=10_000,
    )


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def encode(request: Request) -> bytes:
    if request.name == "unknown":
        return framed(struct.pack(">ii", request.xid, UNKNOWN_OP))
    code = OPERATIONS[request.name].code
    if request.name in ("multi", "multiRead"):
        body = encode_multi(request.operations)
    else:
        body = encode_request(request.name, request.values)
    return framed(struct.pack(">ii", request.xid, code) + body)


def shown(name: str, value: Any) -> Any:
    """Lists without an order, in one."""
    return sorted(value) if name in ("children", "ephemerals", "ids") else value


def fields(decoded: Sequence[tuple[str, str, Any]]) -> dict[str, Any]:
    return {name: shown(name, value) for name, _, value in decoded}


class Pair:
    def __init__(self) -> None:
        self.engine = new_engine()
        self.model = Clients(KeeperModel())
        self.entries: list[bytes] = []
        self.now_us = 1_000_000
        self.now_ms = 1_700_000_000_000
        self.clients: list[Client] = []
        self.received: dict[int, bytes] = {}
        self._asked: dict[tuple[int, int], list[str]] = {}
        self._apply(
            self.engine.bootstrap_entry(
                cluster_id=bytes(16), secret=b"s" * 32, first_session=FIRST_SESSION, now_ms=1
            )
        )

    # ---- steps

    def connect(self) -> None:
        """A new client with a new session."""
        self.commit()
        client = self._handshake(0, bytes(16))
        self.model.keeper.open_session(client.session)
        self.clients.append(client)

    def take_up(self, client: Client) -> None:
        """The client's session on a new connection; the old one, if there still is one, is cut off."""
        self.commit()
        if client.session not in self.model.keeper.sessions:
            return
        old = client.conn
        taken = self._handshake(client.session, client.password)
        assert taken.session == client.session
        if old in self.model.open:
            assert (old, ABORT) in self._obey()
            self.model.lose(client)
        self.clients[self.clients.index(client)] = taken

    def ask(self, client: Client, requests: Sequence[Request]) -> None:
        """All of them in one read of the socket."""
        if client.conn not in self.model.open:
            return
        for request in requests:
            self._asked.setdefault((client.conn, request.xid), []).append(request.name)
            self.model.ask(client, request)
        self._receive(client.conn, b"".join(encode(request) for request in requests))
        self.compare()

    def commit(self) -> None:
        """Everything gathered goes through the log, batch by batch."""
        self.now_ms += 7
        self.model.keeper.begin(self.now_ms)
        self._pass_barrier()
        while self.engine.wants & WANTS_BATCH:
            payload = self.engine.take_batch(self.now_ms)
            if payload is not None:
                self._apply(payload)
        while self.model.gathered:
            self.model.commit_one()
        self._obey()
        self.compare()

    def disconnect(self, client: Client) -> None:
        self.commit()
        if client.conn in self.model.open:
            self.engine.disconnect(client.conn)
            self.model.lose(client)

    def expire(self) -> None:
        """Time goes by until the sessions without a connection are gone, and no other."""
        self.commit()
        keeper = self.model.keeper
        held = {c.session for c in self.clients if c.conn in self.model.open}
        for tick in range(EXPIRY_TICKS_MAX):
            if keeper.sessions == held:
                return
            if tick % 20 == 0:
                self._keep_alive()
            self.now_us += TICK_US
            self.engine.tick(self.now_us)
            before = {session for session, _, _ in self.engine.sessions()}
            self.now_ms += 1
            payload = self.engine.take_batch(self.now_ms)
            if payload is not None:
                keeper.begin(self.now_ms)
                self._apply(payload)
                gone = before - {session for session, _, _ in self.engine.sessions()}
                assert gone <= keeper.sessions - held
                self.model.end_sessions(sorted(gone))
                self.compare()
        assert keeper.sessions == held

    def restart(self, *, snapshot: bool) -> None:
        """A new engine, from a snapshot or from the whole log; all connections are gone."""
        self.commit()
        for client in self.clients:
            self.model.lose(client)
            client.conn = NO_CONNECTION
        old, self.engine = self.engine, new_engine()
        if snapshot:
            index, _ = old.snapshot_begin()
            self.engine.restore_begin()
            while piece := old.snapshot_next(PIECE_BYTES):
                self.engine.restore_piece(piece)
            self.engine.restore_end()
            assert self.engine.applied_index == index == len(self.entries)
        else:
            for index, payload in enumerate(self.entries, start=1):
                self.engine.apply(index, payload, self.now_us)
                assert self.engine.take_replies() == []
        assert self.engine.last_zxid == self.model.keeper.zxid
        self.received.clear()
        self._asked.clear()
        for client in list(self.clients):
            self.take_up(client)

    def compare(self) -> None:
        """Everything sent since the last time, connection by connection, frame by frame."""
        assert self.engine.last_zxid == self.model.keeper.zxid
        for client in self.clients:
            expected, client.out = client.out, []
            sent, meant = self._in_order(self._decode(client.conn)), self._in_order(expected)
            assert sent == meant, f"the engine:\n{lines(sent)}\nthe model:\n{lines(meant)}"
        assert not any(self.received.values()), "a connection is sent what it should not get"

    # ---- the engine's side

    def _handshake(self, session: int, password: bytes) -> Client:
        conn = self.engine.connect("127.0.0.1", self.now_us)
        asked = struct.pack(">iqiqi16s?", 0, 0, TIMEOUT_MS, session, 16, password, False)
        self._receive(conn, framed(asked))
        payload = self.engine.take_batch(self.now_ms)
        assert payload is not None
        self._apply(payload)
        answer = struct.unpack(">iiiqi16s?", self.received.pop(conn))
        client = Client(conn, session=answer[3], password=answer[5])
        self.model.open[conn] = client
        return client

    def _keep_alive(self) -> None:
        for client in self.clients:
            self.ask(client, [Request(-2, "ping", {})])

    def _receive(self, conn: int, data: bytes) -> None:
        self._took(conn, self.engine.feed(conn, data, self.now_us))

    def _apply(self, payload: bytes) -> None:
        self.entries.append(payload)
        self.engine.apply(len(self.entries), payload, self.now_us)
        for conn, data in self.engine.take_replies():
            self._took(conn, data)

    def _took(self, conn: int, data: bytes) -> None:
        self.received[conn] = self.received.get(conn, b"") + data

    def _pass_barrier(self) -> None:
        """Everything committed is applied here, so whoever asked for a barrier gets it."""
        self.model.pass_barrier()
        if self.engine.wants & WANTS_BARRIER:
            token = self.engine.take_barrier()
            assert token is not None
            self.engine.pass_barrier(token, len(self.entries))
            for conn, data in self.engine.take_replies():
                self._took(conn, data)

    def _obey(self) -> list[tuple[int, int]]:
        """Connections that the engine wants closed are."""
        actions = [(conn, action) for conn, action, _ in self.engine.take_actions()]
        for conn, action in actions:
            assert action in (CLOSE, ABORT)
            self.engine.disconnect(conn)
        return actions

    def _decode(self, conn: int) -> list[Frame]:
        data, frames = self.received.pop(conn, b""), []
        while data:
            (length,) = struct.unpack_from(">i", data)
            reader, data = Reader(data[4 : 4 + length]), data[4 + length :]
            xid, zxid, error = reader.i32(), reader.i64(), reader.i32()
            if xid == -1:
                kind, state, path = reader.i32(), reader.i32(), reader.str()
                assert state == 3
                frames.append(Frame(xid, zxid, error, EVENTS[kind], path))
            else:
                name = self._asked[conn, xid].pop(0)
                frames.append(Frame(xid, zxid, error, name, self._body(name, error, reader)))
            assert reader.rest == b""
        return frames

    @staticmethod
    def _body(name: str, error: int, reader: Reader) -> Any:
        if error:
            return None
        if name in ("multi", "multiRead"):
            return [(kind, code, fields(found)) for kind, code, found in decode_multi(reader)]
        return fields(decode_reply(name, reader))

    def _in_order(self, frames: Sequence[Frame]) -> list[Frame]:
        """Bodies without the order of sets, and events of one session's end in one order."""
        out: list[Frame] = []
        for frame in frames:
            out.append(Frame(frame.xid, frame.zxid, frame.error, frame.name, plain(frame.body)))
            at = len(out) - 1
            while at and _may_swap(out[at - 1], out[at], self.model.unordered):
                out[at - 1], out[at] = out[at], out[at - 1]
                at -= 1
        return out


def _may_swap(first: Frame, second: Frame, unordered: set[int]) -> bool:
    return (
        first.xid == second.xid == -1
        and first.zxid == second.zxid
        and second.zxid in unordered
        and (first.name, first.body) > (second.name, second.body)
    )


def lines(frames: Sequence[Frame]) -> str:
    return "\n".join(f"  {frame}" for frame in frames)


def plain(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: shown(name, value) for name, value in body.items()}
    if isinstance(body, list):
        return [(kind, code, plain(found)) for kind, code, found in body]
    return body
