"""The clients of a run: pipelining sessions that wander over the nodes and ask for everything at random.

They pace themselves, so that the machine has something left for the nodes. A client whose node does
not answer goes to another one with its session, as real clients do.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from tests.faults.kill import model_wire
from tests.faults.kill.model import Create

from raftkeeper.testing import client_wire

from .board import (
    EPHEMERALS,
    LATCHES,
    PARENT,
    QUEUE,
    REGISTERS,
    ROOT,
    Abandoned,
    Board,
    LostSession,
    register_path,
)
from .history import NONE, Kind, Record, Space
from .requests import PAD, Requests
from .wire_session import NotConnectedError, SessionGoneError, WireSession, now_us

CLIENT_PORT = 2181
TIMEOUT_MS = 10_000
"""Of sessions: longer than any fault takes a majority away, so that losing one is a finding."""
STALL_S = 3.0
"""Without an answer for so long a client goes elsewhere: a third of the session's timeout."""
RETRY_S = (0.02, 0.2)
DEPTHS = (1, 1, 4, 16, 40)
CLOSE_SHARE = 0.002
"""Of batches: the session is closed behind it, and a new one opened."""
ABANDON_SHARE = 0.001
EPHEMERALS_MAX = 4
"""Of one session."""

Address = tuple[int, str]
"""Slot and host of a node."""
Nodes = Callable[[], Sequence[Address]]


class LoadError(Exception):
    """The load itself could not go on."""


class Client:
    """One client: a session at a time."""

    def __init__(self, board: Board, nodes: Nodes, rng: random.Random, rate: float) -> None:
        self._board = board
        self._nodes = nodes
        self._rng = rng
        self._rate = rate
        self._stopping = False
        self.abandoned: list[tuple[Abandoned, WireSession]] = []
        self.session: WireSession
        self.requests: Requests
        self.renew()

    async def run(self) -> None:
        """Until told to stop; the session that is open then stays open."""
        while not self._stopping:
            if not self.session.connected and not await self._connect():
                await asyncio.sleep(self._rng.uniform(*RETRY_S))
                continue
            began_us = now_us()
            count = self._rng.choice(DEPTHS)
            for _ in range(count):
                self._ask()
            leaves = self._rng.random()
            if leaves < CLOSE_SHARE:
                self.requests.close()
            await self.session.settled(STALL_S)
            if self.requests.closed:
                self.renew()
            elif leaves > 1 - ABANDON_SHARE:
                self._abandon()
            spent_s = (now_us() - began_us) / 1e6
            await asyncio.sleep(max(0.0, count / self._rate - spent_s))

    def stop(self) -> None:
        self._stopping = True

    async def connect_somewhere(self) -> bool:
        """For the end of the run: the session must be known still, or be told to be gone."""
        return self.session.connected or await self._connect()

    async def _connect(self) -> bool:
        nodes = self._nodes()
        if not nodes:
            return False
        slot, host = self._rng.choice(nodes)
        try:
            await self.session.connect(slot, host, CLIENT_PORT)
        except NotConnectedError:
            return False
        except SessionGoneError:
            self._note_lost()
            self.requests.expired()
            self.renew()
            return False
        self._board.reconnects += 1
        return True

    def _note_lost(self) -> None:
        silence_s = (now_us() - self.session.contact_us) / 1e6
        lost = LostSession(
            self.session.id, self._board.elapsed_s(), silence_s, self.requests.closing
        )
        self._board.lost_sessions.append(lost)

    def renew(self) -> None:
        """A new session; the one before is left to itself."""
        if hasattr(self, "session"):
            self.session.drop()
        self.session = WireSession(self._board.next_session(), TIMEOUT_MS)
        self.requests = Requests(self._board, self.session)

    def _abandon(self) -> None:
        session = self.session
        session.drop()
        self.abandoned.append((Abandoned(session.number, session.id, session.timeout_ms), session))
        self.renew()

    def _ask(self) -> None:
        requests, draw = self.requests, self._rng.random
        register = self._rng.randrange(REGISTERS)
        latch = self._rng.randrange(LATCHES)
        what = draw()
        if what < 0.25:
            requests.set_register(register)
        elif what < 0.38:
            requests.set_register(register, requests.versions.get(register, 0))
        elif what < 0.43:
            requests.set_two(*self._rng.sample(range(REGISTERS), 2))
        elif what < 0.48:
            requests.create_latch(latch)
        elif what < 0.53:
            requests.delete_latch(latch)
        elif what < 0.57:
            requests.append()
        elif what < 0.58:
            if requests.ephemerals < EPHEMERALS_MAX:
                requests.create_ephemeral()
        elif what < 0.80:
            requests.get_register(register, synced=draw() < 0.15)
        elif what < 0.90:
            requests.get_latch(latch, synced=draw() < 0.15)
        elif what < 0.92:
            requests.get_parent()
        elif self._board.recent_ephemerals:
            ephemeral = self._rng.choice(self._board.recent_ephemerals)
            requests.get_ephemeral(ephemeral, synced=draw() < 0.15)


async def lay_out(board: Board, address: Address) -> None:
    """Makes the folders and the registers, in an ensemble that has none of them."""
    slot, host = address
    session = WireSession(board.next_session(), TIMEOUT_MS)
    await session.connect(slot, host, CLIENT_PORT)
    refused: list[int] = []

    def told(reply: client_wire.Reply | None) -> None:
        if reply is None or reply.error != 0:
            refused.append(NONE if reply is None else reply.error)

    for path in (ROOT, f"{ROOT}/registers", PARENT, QUEUE, EPHEMERALS):
        op = Create(path, b"")
        session.send(lambda xid, op=op: model_wire.write(xid, op), told)  # type: ignore[misc]
    for number in range(REGISTERS):
        _lay_register(board, session, number, told)
    if not await session.settled(STALL_S) or refused:
        raise LoadError(f"the folders could not be made: {refused}")
    session.drop()


def _lay_register(
    board: Board,
    session: WireSession,
    number: int,
    told: Callable[[client_wire.Reply | None], None],
) -> None:
    value = board.next_value()
    op = Create(register_path(number), b"%d" % value + PAD)
    invoked_us = now_us()

    def made(reply: client_wire.Reply | None) -> None:
        told(reply)
        if reply is None or reply.error != 0:
            return
        stat = model_wire.parse_write(op, reply.body)[0].stat
        assert stat is not None
        board.history.add(
            Record(
                *(Kind.CREATE, Space.REGISTER, session.number, session.node, number, value),
                *(NONE, NONE, invoked_us, now_us(), 0, reply.zxid),
                *(stat.czxid, stat.mzxid, stat.version, NONE),
            )
        )

    session.send(lambda xid: model_wire.write(xid, op), made)
