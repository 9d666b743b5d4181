"""One client that writes all the time and remembers what it was promised.

Each of its writes makes one znode, so that each can be looked for at the end. What had no answer is
asked for behind a `sync` on the next connection: from then on it counts as done, or as not done, and a
write that turns up after that is an error.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .wire import NODE_EXISTS, OK, Client, Expired, Unknown

FOLDER = "/load"
# Every so many writes also change one znode, whose value then counts.
SET_EVERY = 5
RECONNECT_PAUSE_S = 0.05
RECONNECT_PAUSE_MAX_S = 0.5
# Errors beyond these are counted and not kept: the first ones tell the story.
ERRORS_KEPT_MAX = 20


@dataclass(slots=True)
class Record:
    """What a client has seen."""

    acknowledged: set[str] = field(default_factory=set)
    sent: int = 0
    unknown: int = 0
    """Writes without an answer, each settled later."""
    landed: int = 0
    """Those of them that had been done."""
    reconnects: int = 0
    refused: int = 0
    """Attempts to connect that nobody took."""
    expired: int = 0
    errors: list[str] = field(default_factory=list)
    error_count: int = 0
    gap_max_ms: int = 0
    last_set: int = 0
    last_set_sent: int = 0

    def error(self, text: str) -> None:
        self.error_count += 1
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(f"{time.strftime('%H:%M:%S')} {text}")


class Writer:
    """Writes into a folder of its own until it is told to stop."""

    def __init__(self, client: Client, name: str, pause_s: float) -> None:
        self.folder = f"{FOLDER}/{name}"
        self.register = f"{FOLDER}/{name}-register"
        self.record = Record()
        self.stopping = False
        self._client = client
        self._pause_s = pause_s
        self._last_answer = 0.0

    async def run(self) -> None:
        """Until `stopping`; then the session is ended."""
        await self._connect()
        for path in (FOLDER, self.folder, self.register):
            await self._prepare(path)
        self._last_answer = time.monotonic()
        while not self.stopping:
            started = time.monotonic()
            await self._write_one()
            await asyncio.sleep(max(0.0, self._pause_s - (time.monotonic() - started)))
        await self._client.close()

    async def _write_one(self) -> None:
        self.record.sent += 1
        number = self.record.sent
        if number % SET_EVERY == 0:
            self.record.last_set_sent = number
            await self._until_answered(
                lambda: self._client.set_data(self.register, str(number).encode())
            )
            self.record.last_set = number
        name = f"n{number:07d}"
        path = f"{self.folder}/{name}"
        while True:
            try:
                code = await self._client.create(path, name.encode())
            except Unknown:
                self.record.unknown += 1
                if await self._settle(path):
                    self.record.landed += 1
                    break
                if self.stopping:
                    return
                continue
            if code == OK:
                break
            if code == NODE_EXISTS:
                self.record.error(f"{path} is there, though a synced read had said that it is not")
                return
            self.record.error(f"create {path}: {code}")
            return
        self.record.acknowledged.add(name)
        self._note_answer()

    async def _settle(self, path: str) -> bool:
        """Whether a write whose answer was lost has been done."""
        while True:
            try:
                await self._connect()
                return await self._client.exists(path)
            except Unknown:
                continue

    async def _until_answered(self, ask: Callable[[], Awaitable[int]]) -> None:
        while True:
            try:
                code = await ask()
            except Unknown:
                await self._connect()
                continue
            if code != OK:
                self.record.error(f"set: {code}")
            return

    async def _prepare(self, path: str) -> None:
        while True:
            try:
                code = await self._client.create(path, b"0")
            except Unknown:
                await self._connect()
                continue
            if code not in {OK, NODE_EXISTS}:
                self.record.error(f"create {path}: {code}")
            return

    async def _connect(self) -> None:
        pause = RECONNECT_PAUSE_S
        self.record.reconnects += 1
        while True:
            try:
                await self._client.connect()
                return
            except Expired:
                self.record.expired += 1
            except OSError:
                self.record.refused += 1
                await asyncio.sleep(pause)
                pause = min(pause * 2, RECONNECT_PAUSE_MAX_S)

    def _note_answer(self) -> None:
        now = time.monotonic()
        gap = round((now - self._last_answer) * 1000)
        if gap > self.record.gap_max_ms:
            self.record.gap_max_ms = gap
        self._last_answer = now
