"""Two clients that write all the time and note when: one that reconnects at once, and kazoo.

Both stay with one node, which survives. What they note is when each write was sent and acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError
from tests.faults.ensemble.wire_session import (
    NotConnectedError,
    SessionGoneError,
    WireSession,
    now_us,
)
from tests.faults.kill import model_wire
from tests.faults.kill.model import Create, SetData

from raftkeeper.testing import client_wire

TIMEOUT_MS = 30_000
"""Of sessions: longer than any failover that is measured."""
RETRY_S = 0.005
"""Between two attempts of the raw client to connect: hardly any of what is measured."""
ANSWER_DEADLINE_S = 60.0
NODE_EXISTS = -110
DEADLINE_S = 90.0
LOOK_S = 0.01
WARM_WRITES = 50
"""Acknowledged before a leader goes."""


class Write(NamedTuple):
    """One acknowledged write."""

    sent_us: int
    acknowledged_us: int


@dataclass(slots=True)
class Writes:
    """What a client notes. Lists are only appended to, so that another thread may look."""

    acknowledged: list[Write] = field(default_factory=list)
    failed_us: list[int] = field(default_factory=list)
    """When a write was told to have failed, or its connection broke."""

    def first_sent_after(self, moment_us: int) -> Write | None:
        """The first one that was sent after the moment and acknowledged."""
        found = None
        for write in reversed(self.acknowledged):
            if write.sent_us < moment_us:
                break
            found = write
        return found

    def longest_gap_us(self, from_us: int) -> int:
        """Between two acknowledged writes, the first of them the last one before the moment."""
        longest, later = 0, 0
        for write in reversed(self.acknowledged):
            if later:
                longest = max(longest, later - write.acknowledged_us)
            if write.acknowledged_us < from_us:
                break
            later = write.acknowledged_us
        return longest

    def failed_since(self, moment_us: int) -> int:
        return sum(moment >= moment_us for moment in self.failed_us)


class RawClient:
    """One write at a time on one connection; reconnects without waiting."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.writes = Writes()
        self._path = f"/{name}"
        self._address = (host, port)
        self._session = WireSession(0, TIMEOUT_MS)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._connect()
        create = Create(self._path, b"")
        self._session.send(lambda xid: model_wire.write(xid, create), self._check_created)
        await self._session.settled(ANSWER_DEADLINE_S)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._session.drop()

    async def _run(self) -> None:
        op = SetData(self._path, b"x" * 100, -1)
        while True:
            if not self._session.connected:
                await self._connect()
            sent_us = now_us()

            def told(reply: client_wire.Reply | None, sent_us: int = sent_us) -> None:
                if reply is not None and reply.error == 0:
                    self.writes.acknowledged.append(Write(sent_us, now_us()))
                else:
                    self.writes.failed_us.append(now_us())

            self._session.send(lambda xid: model_wire.write(xid, op), told)
            await self._session.settled(ANSWER_DEADLINE_S)

    async def _connect(self) -> None:
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            while not self._session.connected:
                try:
                    await self._session.connect(0, *self._address)
                except NotConnectedError:
                    await asyncio.sleep(RETRY_S)
                except SessionGoneError:
                    self._session = WireSession(0, TIMEOUT_MS)

    @staticmethod
    def _check_created(reply: client_wire.Reply | None) -> None:
        if reply is None or reply.error not in {0, NODE_EXISTS}:
            raise NotConnectedError("the znode to write could not be made")


class KazooWriter:
    """A thread with kazoo as an application uses it, with its own ways to reconnect."""

    def __init__(self, name: str, host: str, port: int) -> None:
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)
        self.writes = Writes()
        self._path = f"/{name}"
        self._client = KazooClient(f"{host}:{port}", timeout=TIMEOUT_MS / 1000)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._client.start(timeout=ANSWER_DEADLINE_S)
        self._client.ensure_path(self._path)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(ANSWER_DEADLINE_S)
        self._client.stop()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            sent_us = now_us()
            try:
                answer: Any = self._client.set_async(self._path, b"x" * 100)
                answer.get(timeout=ANSWER_DEADLINE_S)
            except (KazooException, KazooTimeoutError):
                self.writes.failed_us.append(now_us())
                self._stopping.wait(RETRY_S)
            else:
                self.writes.acknowledged.append(Write(sent_us, now_us()))


@contextlib.asynccontextmanager
async def writing_at(host: str, port: int) -> AsyncIterator[tuple[Writes, Writes]]:
    """Both clients write there, and have for a while: what the raw one notes, and what kazoo does."""
    raw = RawClient("raw", host, port)
    kazoo = KazooWriter("kazoo", host, port)
    await raw.start()
    await asyncio.to_thread(kazoo.start)
    try:
        for client in (raw, kazoo):
            await until(lambda w=client.writes: len(w.acknowledged) >= WARM_WRITES, "warm")  # type: ignore[misc]
        yield raw.writes, kazoo.writes
    finally:
        await raw.stop()
        await asyncio.to_thread(kazoo.stop)


async def gap_ms(writes: Writes, gone_us: int) -> float:
    """From the moment at which the leader goes to the first acknowledged write sent afterwards."""
    await until(lambda: writes.first_sent_after(gone_us) is not None, "a write is acknowledged")
    write = writes.first_sent_after(gone_us)
    assert write is not None
    return (write.acknowledged_us - gone_us) / 1000


async def until(condition: Callable[[], bool], what: str) -> None:
    """Looks again and again; TimeoutError after the deadline."""
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"not within {DEADLINE_S:.0f} s: {what}")
        await asyncio.sleep(LOOK_S)
