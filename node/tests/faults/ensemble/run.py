"""One run: founds an ensemble, loads it, lets one fault follow the other, and has the history judged.

What is random comes from the seed; when exactly a fault hits a busy process cannot be repeated.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from raftkeeper.testing import client_wire

from .board import EPHEMERALS, LATCHES, QUEUE, REGISTERS, Board
from .ensemble import Ensemble, NotWellError
from .faults import FAULTS, Fault, Stage
from .judge import Verdict, judge
from .kazoo_load import KazooLoad
from .lab import Lab
from .load import CLIENT_PORT, STALL_S, TIMEOUT_MS, Client, lay_out
from .node import NodeError
from .requests import Requests
from .sightings import Final
from .wire_session import NotConnectedError, SessionGoneError, WireSession, now_us

FOUNDERS = (1, 2, 3)
SLOTS = (1, 2, 3, 4, 5)
CLIENTS = 9
KAZOO_CLIENTS = 3
CALM_S = (1.0, 3.0)
"""Between two faults."""
OUTAGE_MAX_S = 15.0
"""Without an acknowledged write although a majority could: longer is a finding, not bad luck."""
LOAD_STOP_DEADLINE_S = 30.0
EXPIRY_DEADLINE_S = 60.0
LISTING_DEADLINE_S = 30.0


@dataclass(slots=True)
class Happened:
    """One fault of the run, in seconds of the run."""

    name: str
    began_s: float
    ended_s: float
    well_s: float
    gap_s: float
    """The longest time without an acknowledged write, from its beginning until all was well."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What a run has shown."""

    seed: int
    minutes: float
    happened: list[Happened]
    board: Board
    verdict: Verdict
    wrong: list[str]
    digests: str

    @property
    def good(self) -> bool:
        return not self.wrong and self.verdict.good


class Run:
    """`say` gets a line for each thing that happens."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        minutes: float,
        rate: float,
        say: Callable[[str], None],
        *,
        faults: Sequence[Fault] = FAULTS,
    ) -> None:
        self.board = Board()
        self.happened: list[Happened] = []
        self._lab = Lab(directory, SLOTS)
        self._seed = seed
        self._rng = random.Random(seed)
        self._minutes = minutes
        self._rate = rate
        self._faults = faults
        self._say = say
        self._clients: list[Client] = []
        self._wrong: list[str] = []

    async def go(self) -> Outcome:
        """The whole run. The nodes' data stays when something went wrong while it lasted."""
        # Millions of small values live to the end: looking through them all would stall the load.
        gc.disable()
        self._lab.build()
        async with aiohttp.ClientSession() as http:
            ensemble = Ensemble(self._lab, self.board, http)
            await ensemble.found(FOUNDERS)
            await lay_out(self.board, ensemble.addresses()[0])
            self.board.started_us = now_us()
            try:
                finals, digests = await self._load_and_break(ensemble)
            finally:
                for node in ensemble.nodes.values():
                    node.kill()
        if not self._wrong:
            self._lab.close()
        self._say("judging")
        verdict = judge(self.board.history, finals)
        return Outcome(
            *(self._seed, self._minutes, self.happened, self.board, verdict, self._wrong, digests)
        )

    async def _load_and_break(self, ensemble: Ensemble) -> tuple[list[Final], str]:
        kazoos = self._make_kazoos(ensemble)
        await asyncio.gather(*(asyncio.to_thread(kazoo.start) for kazoo in kazoos))
        self._clients = [
            Client(
                *(self.board, ensemble.addresses),
                *(random.Random(self._rng.random()), self._rate / CLIENTS),
            )
            for _ in range(CLIENTS)
        ]
        loads = [asyncio.create_task(client.run()) for client in self._clients]
        try:
            await self._break(ensemble, loads)
        except (NotWellError, NodeError) as error:
            self._wrong.append(str(error))
            self._say(f"WRONG: {error}")
        self.board.load_ended_s = int(self.board.elapsed_s())
        for client in self._clients:
            client.stop()
        await asyncio.gather(*(asyncio.to_thread(kazoo.stop) for kazoo in kazoos))
        async with asyncio.timeout(LOAD_STOP_DEADLINE_S):
            await asyncio.gather(*loads)
        self._check_lost_sessions()
        if self._wrong:
            return [], ""
        try:
            return await self._finish(ensemble)
        except (NotWellError, NodeError) as error:
            self._wrong.append(f"in the end: {error}")
            return [], ""

    def _check_lost_sessions(self) -> None:
        """No session may end before half its timeout without a word has passed.

        Half, because what its node heard of it reaches the leader later than it.
        """
        for lost in self.board.lost_sessions:
            if not lost.closing and lost.silence_s < TIMEOUT_MS / 2000:
                self._wrong.append(
                    f"session {lost.id:#x} was gone at {lost.moment_s:.1f} s, {lost.silence_s:.1f} s"
                    " after it was answered"
                )

    def _make_kazoos(self, ensemble: Ensemble) -> list[KazooLoad]:
        deliver = asyncio.get_running_loop().call_soon_threadsafe
        hosts = ",".join(f"{host}:{CLIENT_PORT}" for _, host in ensemble.addresses())
        return [
            KazooLoad(self.board, hosts, self._rng.random(), deliver) for _ in range(KAZOO_CLIENTS)
        ]

    async def _break(self, ensemble: Ensemble, loads: list[asyncio.Task[None]]) -> None:
        end_s = time.monotonic() + self._minutes * 60
        deck: list[Fault] = []
        while time.monotonic() < end_s:
            await asyncio.sleep(self._rng.uniform(*CALM_S))
            if not deck:
                deck = list(self._faults)
                self._rng.shuffle(deck)
            await self._one(ensemble, deck.pop())
            for load in loads:
                if load.done():
                    load.result()

    def _renew_clients(self) -> None:
        for client in self._clients:
            client.renew()
            client.abandoned.clear()

    async def _one(self, ensemble: Ensemble, fault: Fault) -> None:
        board = self.board
        notes: list[str] = []
        stage = Stage(ensemble, self._rng, notes.append, self._renew_clients)
        board.mark_gap()
        began_s = board.elapsed_s()
        try:
            await fault.body(stage)
            ended_s = board.elapsed_s()
            await ensemble.well()
        except NotWellError as error:
            raise NotWellError(f"{fault.name} ({'; '.join(notes)}): {error}") from error
        one = Happened(fault.name, began_s, ended_s, board.elapsed_s(), board.gap_s(), notes)
        self.happened.append(one)
        self._say(
            f"{began_s:7.1f} s  {': '.join((fault.name, *notes))}. {ended_s - began_s:.1f} s, well"
            f" {one.well_s - ended_s:.1f} s later; longest gap {one.gap_s:.2f} s;"
            f" {board.acknowledged_writes:,} writes"
        )
        if fault.majority and one.gap_s > OUTAGE_MAX_S:
            raise NotWellError(f"{fault.name}: no write was acknowledged for {one.gap_s:.1f} s")

    # ---- the end ---------------------------------------------------------------------------------

    async def _finish(self, ensemble: Ensemble) -> tuple[list[Final], str]:
        """All sessions are known to live or to be gone; then every node is read, behind a sync."""
        await ensemble.well(progress=False)
        for client in self._clients:
            await ensemble.until(client.connect_somewhere, "every client is connected")
        await self._wait_for_expiries(ensemble)
        finals = []
        for slot, host in ensemble.addresses():
            finals.append(await self._read_all(slot, host))
        digests = await self._compare_digests(ensemble)
        return finals, digests

    async def _wait_for_expiries(self, ensemble: Ensemble) -> None:
        """Sessions that were abandoned must end; each is then asked for, and must be gone."""
        left = [pair for client in self._clients for pair in client.abandoned]
        longest_us = max((session.contact_us for _, session in left), default=0)
        due_us = longest_us + TIMEOUT_MS * 1000 * 3 // 2

        async def over() -> bool:
            await self._keep_alive()
            return now_us() > due_us

        await ensemble.until(over, "abandoned sessions expire", EXPIRY_DEADLINE_S)
        for _, session in left:
            await ensemble.until(
                lambda session=session: self._is_gone(ensemble, session),  # type: ignore[misc]
                f"session {session.id:#x} is gone",
            )

    async def _keep_alive(self) -> None:
        for client in self._clients:
            if not client.session.connected:
                await client.connect_somewhere()
            client.requests.get_register(0)
            await client.session.settled(STALL_S)

    async def _is_gone(self, ensemble: Ensemble, session: WireSession) -> bool:
        slot, host = self._rng.choice(ensemble.addresses())
        try:
            await session.connect(slot, host, CLIENT_PORT)
        except SessionGoneError:
            Requests(self.board, session).expired()
            return True
        except NotConnectedError:
            return False
        # It lives on, which a late deadline allows: it must not be kept alive by asking.
        session.drop()
        due_us = now_us() + TIMEOUT_MS * 1000 * 3 // 2
        while now_us() < due_us:
            await self._keep_alive()
            await asyncio.sleep(CALM_S[0])
        return False

    async def _read_all(self, slot: int, host: str) -> Final:
        await self._keep_alive()
        session = WireSession(self.board.next_session(), TIMEOUT_MS)
        await session.connect(slot, host, CLIENT_PORT)
        requests = Requests(self.board, session)
        for number in range(REGISTERS):
            requests.get_register(number, synced=True)
        for number in range(LATCHES):
            requests.get_latch(number, synced=True)
        requests.get_parent()
        found: dict[str, frozenset[int]] = {}

        def list_names(path: str) -> None:
            def told(reply: client_wire.Reply | None) -> None:
                if reply is not None and reply.error == 0:
                    names = client_wire.parse_names(reply.body)
                    found[path] = frozenset(int(name.lstrip("ei-")) for name in names)

            session.send(lambda xid: client_wire.read(xid, client_wire.GET_CHILDREN, path), told)

        list_names(QUEUE)
        list_names(EPHEMERALS)
        if not await session.settled(LISTING_DEADLINE_S) or len(found) != 2:
            raise NotWellError(f"node {slot} cannot be read in the end")
        # The session is left to expire: closing it would be a write between two nodes' readings.
        session.drop()
        return Final(slot, found[QUEUE], found[EPHEMERALS])

    async def _compare_digests(self, ensemble: Ensemble) -> str:
        """Of the whole state, at the same index on all."""
        same: list[str] = []

        async def agree() -> bool:
            await self._keep_alive()
            answers = [await ensemble.status(slot) for slot in sorted(ensemble.placed)]
            digests = {
                (status["digest"]["index"], status["digest"]["value"])
                for status in answers
                if status is not None
            }
            same[:] = [f"index {index}: {digest}" for index, digest in sorted(digests)]
            if len({index for index, _ in digests}) == 1 and len(digests) > 1:
                raise NotWellError(f"states differ at the same index: {same}")
            return None not in answers and len(digests) == 1

        await ensemble.until(agree, "all nodes are at the same index")
        return same[0]
