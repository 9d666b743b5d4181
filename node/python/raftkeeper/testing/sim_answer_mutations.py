"""Deliberate bugs in what clients are told: too early, of another moment, or of another's state.

What the members agree on stays right, so these are for the checkers that know only what clients heard. What
goes into the engine and comes out of it is changed on its way. To be used in tests only.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable

from raftkeeper.raft import Entry, Ready
from raftkeeper.testing import client_wire as wire
from raftkeeper.testing.sim_core_clients import CoreClients
from raftkeeper.testing.sim_core_node import CoreNode
from raftkeeper.testing.sim_mutations import Replace, mutation
from raftkeeper.testing.sim_watched import WatchedEngine

_LENGTH = struct.Struct(">i")
_CONNECT = struct.Struct(">iqiq")
"""How a connect request begins: version, last zxid seen, timeout, session."""
_REQUEST = struct.Struct(">ii")
"""How a request begins: xid, operation."""
_REPLY = struct.Struct(">iqi")
"""How an answer begins: xid, zxid, error. Events have a negative xid, the answer to a connect has 0."""
_EXPIRED = struct.pack(">iiqi16x?", 0, 0, 0, 16, False)
_WRITES = (wire.CREATE2, wire.SET_DATA, wire.DELETE)


@mutation("a leader answers when its own disk has an entry, and not when a majority has")
def answered_before_it_is_committed(replace: Replace) -> None:
    persist, persisted = CoreNode._persist, CoreNode.persisted

    def remember(self: CoreNode, ready: Ready) -> None:
        self.__dict__.setdefault("_unanswered", []).append((ready.number, ready.entries))
        persist(self, ready)

    def answer(self: CoreNode, number: int) -> None:
        waiting: list[tuple[int, tuple[Entry, ...]]] = self.__dict__["_unanswered"]
        assert isinstance(self.world.clients, CoreClients)
        while waiting and waiting[0][0] <= number:
            for entry in waiting.pop(0)[1]:
                self.world.clients.applied(self.machine, entry)
        persisted(self, number)

    replace(CoreNode, "_persist", remember)
    replace(CoreNode, "persisted", answer)


@mutation("all writes of an entry are answered with the zxid of its last", level="node")
def one_zxid_for_an_entry(replace: Replace) -> None:
    def apply(self: WatchedEngine, index: int, payload: bytes, now_us: int) -> None:
        self._engine.apply(index, payload, now_us)
        self.__dict__.setdefault("_ends", []).append(self._engine.last_zxid)
        self.tell_applied(index, payload)

    def take_replies(self: WatchedEngine) -> list[tuple[int, bytes]]:
        ends: list[int] = self.__dict__.get("_ends", [])

        def end_of_entry(_conn: int, _xid: int, zxid: int) -> int:
            at = bisect_left(ends, zxid)
            return ends[at] if at < len(ends) else zxid

        return _change_zxids(self._engine.take_replies(), end_of_entry)

    replace(WatchedEngine, "apply", apply)
    replace(WatchedEngine, "take_replies", take_replies)


@mutation("a write is answered with the zxid that its node had when it came in", level="node")
def writes_dated_when_they_came_in(replace: Replace) -> None:
    _date_when_they_came_in(replace, _WRITES)


@mutation("a read that waited is answered with the zxid of when it came in", level="node")
def reads_dated_when_they_came_in(replace: Replace) -> None:
    _date_when_they_came_in(replace, (wire.GET_DATA,))


@mutation("reads come from a cache that hears only of writes through its own node", level="node")
def reads_from_a_stale_cache(replace: Replace) -> None:
    def feed(self: WatchedEngine, conn: int, data: bytes, now_us: int) -> bytes:
        if _is_first(self, conn, data):
            return self._engine.feed(conn, data, now_us)
        cache: dict[str, bytes] = self.__dict__.setdefault("_cache", {})
        asked: dict[int, str] = {}
        for xid, operation, path in _requests(data):
            if operation == wire.GET_DATA:
                asked[xid] = path
            elif operation in _WRITES:
                cache.pop(path, None)
        answers = wire.take_frames(bytearray(self._engine.feed(conn, data, now_us)))
        for at, answer in enumerate(answers):
            xid, _, error = _REPLY.unpack_from(answer)
            if xid in asked and not error:
                cached = cache.setdefault(asked[xid], answer[_REPLY.size :])
                answers[at] = answer[: _REPLY.size] + cached
        return _join(answers)

    replace(WatchedEngine, "feed", feed)


@mutation("ephemerals go when the connection does, and not when the session does", level="node")
def ephemerals_go_with_the_connection(replace: Replace) -> None:
    def disconnect(self: WatchedEngine, conn: int) -> None:
        engine = self._engine
        sessions = {one["session"] for one in engine.connections() if one["conn"] == conn}
        for session, paths in engine.ephemerals():
            for path in paths if session in sessions else ():
                body = wire.delete_body(path, -1)
                engine.feed(
                    conn, wire.request(0, wire.DELETE, body), self._machine.world.loop.now_us
                )
        engine.disconnect(conn)

    replace(WatchedEngine, "disconnect", disconnect)


@mutation("a node takes a session that it has not heard of yet for an expired one", level="node")
def unknown_session_told_expired(replace: Replace) -> None:
    def feed(self: WatchedEngine, conn: int, data: bytes, now_us: int) -> bytes:
        if _is_first(self, conn, data):
            session = _CONNECT.unpack_from(data, _LENGTH.size)[-1]
            if session and session not in {known for known, _, _ in self._engine.sessions()}:
                return _join([_EXPIRED])
        return self._engine.feed(conn, data, now_us)

    replace(WatchedEngine, "feed", feed)


def _date_when_they_came_in(replace: Replace, operations: tuple[int, ...]) -> None:
    def feed(self: WatchedEngine, conn: int, data: bytes, now_us: int) -> bytes:
        if not _is_first(self, conn, data):
            known: dict[tuple[int, int], int] = self.__dict__.setdefault("_came_in", {})
            for xid, operation, _ in _requests(data):
                if operation in operations:
                    known[conn, xid] = self._engine.last_zxid
        return self._engine.feed(conn, data, now_us)

    def take_replies(self: WatchedEngine) -> list[tuple[int, bytes]]:
        known: dict[tuple[int, int], int] = self.__dict__.get("_came_in", {})
        return _change_zxids(
            self._engine.take_replies(), lambda conn, xid, zxid: known.get((conn, xid), zxid)
        )

    replace(WatchedEngine, "feed", feed)
    replace(WatchedEngine, "take_replies", take_replies)


def _is_first(engine: WatchedEngine, conn: int, data: bytes) -> bool:
    """Whether these bytes are the connect request: a simulated client sends it by itself."""
    greeted: set[int] = engine.__dict__.setdefault("_greeted", set())
    if not data or conn in greeted:
        return False
    greeted.add(conn)
    return True


def _requests(data: bytes) -> list[tuple[int, int, str]]:
    """(xid, operation, path) of each that has a path."""
    found = []
    for body in wire.take_frames(bytearray(data)):
        xid, operation = _REQUEST.unpack_from(body)
        if operation in {*_WRITES, wire.GET_DATA}:
            (length,) = _LENGTH.unpack_from(body, _REQUEST.size)
            start = _REQUEST.size + _LENGTH.size
            found.append((xid, operation, body[start : start + length].decode()))
    return found


def _change_zxids(
    replies: list[tuple[int, bytes]], change: Callable[[int, int, int], int]
) -> list[tuple[int, bytes]]:
    """`change` of (connection, xid, zxid) in each answer to a request."""
    changed = []
    for conn, data in replies:
        frames = wire.take_frames(bytearray(data))
        for at, frame in enumerate(frames):
            xid, zxid, error = _REPLY.unpack_from(frame)
            if xid > 0:
                head = _REPLY.pack(xid, change(conn, xid, zxid), error)
                frames[at] = head + frame[_REPLY.size :]
        changed.append((conn, _join(frames)))
    return changed


def _join(bodies: list[bytes]) -> bytes:
    return b"".join(map(wire.frame, bodies))
