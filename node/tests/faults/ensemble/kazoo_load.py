"""Clients of the library that applications use: threads that set and get registers through kazoo.

Slower than the pipelining ones and without their insight (the library does not tell a reply's zxid),
but with the reconnecting and pinging of real life.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    ConnectionClosedError,
    ConnectionLoss,
    OperationTimeoutError,
    SessionExpiredError,
    SystemErrorException,
)
from kazoo.handlers.threading import KazooTimeoutError

from .board import REGISTERS, Board, register_path
from .history import (
    BAD_VERSION,
    FOREVER_US,
    NONE,
    OK,
    SYSTEM_ERROR,
    UNANSWERED,
    Kind,
    Record,
    Space,
)
from .requests import PAD
from .wire_session import now_us

PAUSE_S = 0.02
ANSWER_DEADLINE_S = 5.0
START_DEADLINE_S = 30.0
LOST = (
    ConnectionLoss,
    ConnectionClosedError,
    SessionExpiredError,
    OperationTimeoutError,
    KazooTimeoutError,
)


class KazooLoad:
    """One thread with one client of all nodes. Records go to the loop's thread by `deliver`."""

    def __init__(
        self, board: Board, hosts: str, seed: float, deliver: Callable[..., object]
    ) -> None:
        logging.getLogger("kazoo").setLevel(logging.CRITICAL)
        self._board = board
        self._rng = random.Random(seed)
        self._deliver = deliver
        self._client = KazooClient(hosts, timeout=10.0)
        self._sessions: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kazoo-load", daemon=True)

    def start(self) -> None:
        self._client.start(timeout=START_DEADLINE_S)
        self._thread.start()

    def stop(self) -> None:
        """Blocks until the thread has ended."""
        self._stop.set()
        self._thread.join(ANSWER_DEADLINE_S * 3)
        self._client.stop()
        self._client.close()

    def _run(self) -> None:
        versions: dict[int, int] = {}
        while not self._stop.wait(PAUSE_S):
            if self._client.client_id is None:
                continue
            number = self._rng.randrange(REGISTERS)
            draw = self._rng.random()
            if draw < 0.4:
                self._get(number, versions)
            else:
                expected = versions.get(number, NONE) if draw < 0.6 else NONE
                self._set(number, expected, versions)

    def _set(self, number: int, expected: int, versions: dict[int, int]) -> None:
        value = self._board.next_value()
        session, invoked_us = self._session(), now_us()
        error, returned_us, stat = OK, FOREVER_US, None
        try:
            data = b"%d" % value + PAD
            asked: Any = self._client.set_async(register_path(number), data, expected)
            stat = asked.get(timeout=ANSWER_DEADLINE_S)
            versions[number] = stat.version
        except BadVersionError:
            error = BAD_VERSION
            versions.pop(number, None)
        except SystemErrorException:
            error = SYSTEM_ERROR
        except LOST:
            error = UNANSWERED
        if error != UNANSWERED:
            returned_us = now_us()
        told = (0, 0, 0, 0) if stat is None else (stat.mzxid, stat.czxid, stat.mzxid, stat.version)
        record = Record(
            *(Kind.SET, Space.REGISTER, session, 0, number, value, NONE, expected),
            *(invoked_us, returned_us, error, *told, NONE),
        )
        self._deliver(self._take_write, record)

    def _get(self, number: int, versions: dict[int, int]) -> None:
        session, invoked_us = self._session(), now_us()
        try:
            asked: Any = self._client.get_async(register_path(number))
            data, stat = asked.get(timeout=ANSWER_DEADLINE_S)
        except LOST:
            return
        versions[number] = stat.version
        value = int(data.split(b" ", 1)[0])
        record = Record(
            *(Kind.GET, Space.REGISTER, session, 0, number, value, NONE, NONE),
            *(invoked_us, now_us(), OK, 0, stat.czxid, stat.mzxid, stat.version, NONE),
        )
        self._deliver(self._take_read, record)

    def _take_write(self, record: Record) -> None:
        self._board.take(record, write=record.error != SYSTEM_ERROR)

    def _take_read(self, record: Record) -> None:
        self._board.take(record, write=False)

    def _session(self) -> int:
        """The run's number of the session that the client has now."""
        (identity, _) = self._client.client_id or (0, b"")
        if identity not in self._sessions:
            self._sessions[identity] = self._board.next_session()
        return self._sessions[identity]
