"""One operation at a time: builds its request, and writes what came of it into the history."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.kill import model_wire
from tests.faults.kill.model import Create, Delete, Multi, SetData

from raftkeeper.testing import client_wire

from .board import PARENT, QUEUE, Board, ephemeral_path, latch_path, register_path
from .history import FOREVER_US, NONE, OK, SYSTEM_ERROR, UNANSWERED, Kind, Record, Space
from .wire_session import WireSession, now_us

FOLDER = NONE
"""The number of a space's folder."""
PAD = b" " + b"." * 90
"""Values have about a hundred bytes, as those of real coordination do."""
_NO_STAT = (0, 0, 0)

Told = Callable[["client_wire.Reply | None", int], None]
"""Gets the reply, or None, and when the request was sent."""


class Requests:
    """The operations of one session."""

    def __init__(self, board: Board, session: WireSession) -> None:
        self._board = board
        self._session = session
        self.versions: dict[int, int] = {}
        """Of registers, as this session last saw them."""
        self.ephemerals = 0
        """Made in this session."""
        self.closing = False
        self.closed = False

    def set_register(self, number: int, expected: int = NONE) -> None:
        value = self._board.next_value()
        op = SetData(register_path(number), _data(value), expected)

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            stat = _stat_of(op, reply)
            if stat is not None:
                self.versions[number] = stat.version
            what = (Kind.SET, Space.REGISTER, number, value)
            self._write(what, reply, invoked_us, stat, expected=expected)

        self._send(lambda xid: model_wire.write(xid, op), told)

    def set_two(self, first: int, second: int) -> None:
        """Both or neither, in one multi."""
        values = (self._board.next_value(), self._board.next_value())
        numbers = (first, second)
        op = Multi(
            tuple(
                SetData(register_path(n), _data(v), -1)
                for n, v in zip(numbers, values, strict=True)
            )
        )

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            made = None
            if reply is not None and reply.error == OK:
                made = model_wire.parse_write(op, reply.body)
            for at in (0, 1):
                stat = made[at].stat if made is not None else None
                what = (Kind.SET, Space.REGISTER, numbers[at], values[at])
                self._write(what, reply, invoked_us, stat, partner=values[1 - at])

        self._send(lambda xid: model_wire.write(xid, op), told)

    def create_latch(self, number: int) -> None:
        self._create(Kind.CREATE, Space.LATCH, number, Create(latch_path(number), b""))

    def delete_latch(self, number: int) -> None:
        op = Delete(latch_path(number), -1)

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            self._write((Kind.DELETE, Space.LATCH, number, NONE), reply, invoked_us, None)

        self._send(lambda xid: model_wire.write(xid, op), told)

    def create_ephemeral(self) -> None:
        number = self._board.next_ephemeral()
        self.ephemerals += 1
        op = Create(ephemeral_path(number), b"", ephemeral=True)
        self._create(Kind.CREATE, Space.EPHEMERAL, number, op)

    def append(self) -> None:
        op = Create(f"{QUEUE}/i-0000000000", b"", sequential=True)
        self._create(Kind.APPEND, Space.QUEUE, NONE, op)

    def get_register(self, number: int, *, synced: bool = False) -> None:
        self._get(Space.REGISTER, number, register_path(number), synced=synced)

    def get_latch(self, number: int, *, synced: bool = False) -> None:
        self._get(Space.LATCH, number, latch_path(number), synced=synced)

    def get_ephemeral(self, number: int, *, synced: bool = False) -> None:
        self._get(Space.EPHEMERAL, number, ephemeral_path(number), synced=synced)

    def get_parent(self) -> None:
        self._get(Space.LATCH, FOLDER, PARENT, synced=False)

    def close(self) -> None:
        """The last request of the session."""
        self.closing = True

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            self.closed = reply is not None and reply.error == OK
            self._write((Kind.CLOSE, Space.EPHEMERAL, FOLDER, NONE), reply, invoked_us, None)

        self._send(lambda xid: client_wire.request(xid, client_wire.CLOSE_SESSION), told)

    def expired(self) -> None:
        """The server has said that the session is gone."""
        moment = now_us()
        record = Record(
            *(Kind.EXPIRED, Space.EPHEMERAL, self._session.number, self._session.node, FOLDER),
            *(NONE, NONE, NONE, moment, moment, OK, 0, *_NO_STAT, NONE),
        )
        self._board.history.add(record)

    def _create(self, kind: Kind, space: Space, number: int, op: Create) -> None:
        value = self._board.next_value()
        op = Create(op.path, _data(value), op.ephemeral, op.sequential)

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            which, stat = number, None
            if reply is not None and reply.error == OK:
                made = model_wire.parse_write(op, reply.body)[0]
                stat = made.stat
                if op.sequential:
                    which = int(made.path[-10:])
                elif op.ephemeral:
                    self._board.recent_ephemerals.append(number)
            self._write((kind, space, which, value), reply, invoked_us, stat)

        self._send(lambda xid: model_wire.write(xid, op), told)

    def _get(self, space: Space, number: int, path: str, *, synced: bool) -> None:
        synced_us = self._sync(path) if synced else [NONE]

        def told(reply: client_wire.Reply | None, invoked_us: int) -> None:
            if reply is None:
                return
            kind, value, stat = Kind.GET, NONE, None
            if reply.error == OK:
                data, stat = client_wire.parse_data(reply.body)
                if number == FOLDER:
                    kind = Kind.PARENT
                else:
                    value = int(data.split(b" ", 1)[0])
            told_of = _NO_STAT
            if stat is not None:
                if kind == Kind.PARENT:
                    told_of = (stat.czxid, stat.pzxid, stat.cversion)
                else:
                    told_of = (stat.czxid, stat.mzxid, stat.version)
                if space == Space.REGISTER:
                    self.versions[number] = stat.version
            record = Record(
                *(kind, space, self._session.number, self._session.node, number),
                *(value, NONE, NONE, invoked_us, now_us(), reply.error, reply.zxid),
                *(*told_of, synced_us[0]),
            )
            self._board.take(record, write=False)

        self._send(lambda xid: client_wire.read(xid, client_wire.GET_DATA, path), told)

    def _sync(self, path: str) -> list[int]:
        """When it was asked for; NONE once it has failed."""
        asked_us = [now_us()]

        def told(reply: client_wire.Reply | None) -> None:
            if reply is None or reply.error != OK:
                asked_us[0] = NONE

        self._session.send(
            lambda xid: client_wire.request(xid, client_wire.SYNC, client_wire.string(path)), told
        )
        return asked_us

    def _write(
        self,
        what: tuple[Kind, Space, int, int],
        reply: client_wire.Reply | None,
        invoked_us: int,
        stat: client_wire.Stat | None,
        *,
        partner: int = NONE,
        expected: int = NONE,
    ) -> None:
        kind, space, number, value = what
        if reply is None:
            returned_us, error, zxid = FOREVER_US, UNANSWERED, 0
        else:
            returned_us, error, zxid = now_us(), reply.error, reply.zxid
        told_of = _NO_STAT if stat is None else (stat.czxid, stat.mzxid, stat.version)
        record = Record(
            *(kind, space, self._session.number, self._session.node, number, value, partner),
            *(expected, invoked_us, returned_us, error, zxid, *told_of, NONE),
        )
        self._board.take(record, write=error != SYSTEM_ERROR)

    def _send(self, build: Callable[[int], bytes], told: Told) -> None:
        invoked_us = now_us()
        self._session.send(build, lambda reply: told(reply, invoked_us))


def _data(value: int) -> bytes:
    return b"%d" % value + PAD


def _stat_of(op: SetData, reply: client_wire.Reply | None) -> client_wire.Stat | None:
    if reply is None or reply.error != OK:
        return None
    return model_wire.parse_write(op, reply.body)[0].stat
