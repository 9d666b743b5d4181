"""Kills a server under a write load, again and again, and checks after each restart that nothing that
was acknowledged is lost, nothing is invented, and ephemerals live as long as their sessions.

    cd node && python -m tests.faults.kill --rounds 100 [--seed N] [--server zookeeper]

What is random comes from the seed, which is printed first; the moment at which a kill hits a busy
process cannot be repeated. Ends with 0, or with 1 and what was wrong; then the server's directory stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

from tests.compat.peers import Peer, PeerError, PeerSettings, RaftKeeper

from .departures import Departures
from .session import ConnectionLostError, Session, WrongReplyError
from .torn import tear_tail
from .watcher import Watcher
from .writer import ROOT, Tally, Writer

SETTINGS = PeerSettings(
    min_session_timeout_ms=1_000,
    environment={
        "RAFTKEEPER__SNAPSHOT__EVERY_ENTRIES": "200",
        "RAFTKEEPER__SNAPSHOT__RETAIN": "2",
        "RAFTKEEPER__STORAGE__SEGMENT_BYTES": str(9 << 20),
    },
)
"""Snapshots and new segments often enough for kills to hit them too."""

WRITERS = 6
SESSION_TIMEOUT_MS = 12_000
"""Of sessions that must outlive every restart."""
SHORT_TIMEOUT_MS = 6_000
"""Of sessions that may be left to expire: still longer than a restart on a busy machine."""
LOAD_S = (0.05, 1.0)
LONG_LOAD_S = (1.0, 3.0)
LONG_LOAD_SHARE = 0.2
"""Of rounds that last long enough for snapshots, which are looked for every second."""
START_KILL_SHARE = 0.1
"""Of rounds in which the server is killed once more while it starts."""
START_KILL_S = (0.05, 1.5)
LEAVE_SHARE = 0.15
"""Of writers that leave their session in a round."""
CLOSE_AMID_SHARE = 0.15
"""Of writers that close their session amid the load."""
TORN_SHARE = 0.3
"""Of restarts that find half a block at the end of the log, as after a power cut."""
QUIET_EVERY = 20
"""Rounds after which the server is left alone until all abandoned sessions have expired."""
EXPIRY_DEADLINE_S = 30.0
EXPIRY_LOOK_S = 0.2


@dataclass(slots=True)
class Run:
    """One run: a server, its writers, and all that is remembered of them."""

    peer: Peer
    rng: random.Random
    tally: Tally = field(default_factory=Tally)
    writers: list[Writer] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    departures: Departures = field(default_factory=Departures)
    watcher: Watcher = field(default_factory=Watcher)
    kills: int = 0
    torn: int = 0
    slowest_start_s: float = 0.0

    async def begin(self) -> None:
        """Starts the server and opens all sessions."""
        await self._start()
        for number in range(WRITERS):
            writer = Writer(f"w{number}", random.Random(self.rng.random()), self.tally)
            self.writers.append(writer)
            await self._open(writer)

    async def round(self) -> None:
        """Load, kill, restart, check."""
        auditor = self._session("auditor", SESSION_TIMEOUT_MS)
        await auditor.connect()
        await self.watcher.watch(auditor, ROOT)
        await self._let_some_leave(auditor)
        await self._load_and_kill()
        with contextlib.suppress(ConnectionLostError):
            await auditor.wait_closed()
        if self.rng.random() < START_KILL_SHARE:
            await self._kill_while_starting()
        if isinstance(self.peer, RaftKeeper) and self.rng.random() < TORN_SHARE:
            self.torn += tear_tail(self.peer.data_directory, self.rng)
        await self._start()
        await asyncio.gather(
            *(writer.attach_and_settle(self._session(writer.name)) for writer in self.writers)
        )
        await self._check_departures()

    async def quiet(self) -> None:
        """Waits until every abandoned session has expired."""
        end_s = _now_s() + EXPIRY_DEADLINE_S
        while self.departures.waiting:
            if _now_s() > end_s:
                raise WrongReplyError(f"{self.departures.waiting} abandoned sessions do not expire")
            await asyncio.sleep(EXPIRY_LOOK_S)
            # A request of each session that lives on: it must not expire meanwhile.
            await asyncio.gather(*(writer.session.ping() for writer in self.writers))
            await self._check_departures()

    async def end(self) -> None:
        """Closes every socket there was, those of a round that failed in its middle too."""
        for session in self.sessions:
            await session.drop()

    async def _load_and_kill(self) -> None:
        writes = []
        for writer in self.writers:
            closes = self.rng.random() < CLOSE_AMID_SHARE
            close_after = self.rng.randrange(2_000) if closes else None
            writes.append(asyncio.create_task(writer.write_until_lost(close_after)))
        lasts_s = LONG_LOAD_S if self.rng.random() < LONG_LOAD_SHARE else LOAD_S
        await asyncio.sleep(self.rng.uniform(*lasts_s))
        self.peer.kill()
        self.kills += 1
        await asyncio.gather(*writes)

    async def _kill_while_starting(self) -> None:
        starting = asyncio.create_task(asyncio.to_thread(self.peer.start))
        await asyncio.sleep(self.rng.uniform(*START_KILL_S))
        self.peer.kill()
        self.kills += 1
        # A server that was quick is up, and killed all the same: its start has then not failed.
        with contextlib.suppress(PeerError):
            await starting

    async def _start(self) -> None:
        started_s = time.monotonic()
        await asyncio.to_thread(self.peer.start)
        self.slowest_start_s = max(self.slowest_start_s, time.monotonic() - started_s)

    async def _let_some_leave(self, auditor: Session) -> None:
        for writer in self.writers:
            if self.rng.random() >= LEAVE_SHARE:
                continue
            if self.rng.random() < 0.5:
                await writer.session.close()
                self.departures.closed(writer.session, writer.ephemerals)
            else:
                paths = writer.ephemeral_paths()
                await writer.session.drop()
                self.departures.abandoned(writer.session, writer.ephemerals, paths)
            writer.forget_session()
            await self._open(writer)
        await self.departures.check(auditor, _now_s())

    async def _open(self, writer: Writer) -> None:
        session = self._session(writer.name)
        await session.connect()
        await writer.open(session)

    def _session(self, name: str, timeout_ms: int | None = None) -> Session:
        timeout_ms = timeout_ms or self.rng.choice((SESSION_TIMEOUT_MS, SHORT_TIMEOUT_MS))
        session = Session(name, self.peer.port, timeout_ms)
        self.sessions.append(session)
        return session

    async def _check_departures(self) -> None:
        asked_s = _now_s()
        await self.departures.check(self.writers[0].session, asked_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def check(peer: Peer, rounds: int, seed: int) -> Run:
    """All rounds; raises what was wrong. The peer is not running before, and is after."""
    run = Run(peer, random.Random(seed))
    try:
        await run.begin()
        for number in range(1, rounds + 1):
            await run.round()
            if number % QUIET_EVERY == 0 or number == rounds:
                await run.quiet()
            print(f"round {number}/{rounds}: {summary(run)}", flush=True)
    finally:
        await run.end()
    return run


def summary(run: Run) -> str:
    tally = run.tally
    return (
        f"{run.kills} kills, {run.torn} torn tails, {tally.acknowledged:,} acknowledged writes all there; unanswered:"
        f" {tally.unanswered_applied:,} took effect, {tally.unanswered_lost:,} did not;"
        f" {len(run.departures.all)} sessions left, {run.watcher.events:,} events,"
        f" slowest start {run.slowest_start_s:.1f} s"
    )
