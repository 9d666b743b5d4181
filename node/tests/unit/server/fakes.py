"""Fakes of what the server stands on: an engine, a log writer, a transport, a clock.

Small and strict: they do what the contract says and record what they were told.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any


class FakeClock:
    """Time stands still until it is moved."""

    def __init__(self) -> None:
        self.us = 1_000_000

    def now_us(self) -> int:
        return self.us

    def wall_ms(self) -> int:
        return 1_700_000_000_000 + self.us // 1000


class FakeEngine:
    """Echoes what it is fed; bytes that start with `W` are writes, answered when applied."""

    def __init__(self) -> None:
        self.next_conn = 1
        self.fed: list[tuple[int, bytes]] = []
        self.touched: list[int] = []
        self.gone: list[int] = []
        self.certified: list[tuple[int, str, bool]] = []
        self.gathered: list[tuple[int, bytes]] = []
        self.actions: list[tuple[int, int, str]] = []
        self.replies: list[tuple[int, bytes]] = []
        self.applied: list[tuple[int, bytes]] = []
        self.applied_index = 0
        self.last_zxid = 0
        self.bootstrapped = False
        self.refusing = ""
        self.ticks = 0
        self.collected = 0
        self.leading = True
        self.leaderless = False
        self.enforces = False

    @property
    def wants(self) -> int:
        return (1 if self.gathered else 0) | (2 if self.actions else 0)

    def connect(self, address: str, now_us: int) -> int:
        self.next_conn += 1
        return self.next_conn

    def certify(self, conn: int, subject: str, *, is_super: bool) -> None:
        self.certified.append((conn, subject, is_super))

    def feed(self, conn: int, data: bytes, now_us: int) -> bytes:
        self.fed.append((conn, data))
        if data.startswith(b"W"):
            self.gathered.append((conn, data))
            return b""
        return data

    def touch(self, conn: int) -> None:
        self.touched.append(conn)

    def disconnect(self, conn: int) -> None:
        self.gone.append(conn)

    def take_actions(self) -> list[tuple[int, int, str]]:
        actions, self.actions = self.actions, []
        return actions

    def take_batch(self, now_ms: int) -> bytes | None:
        if not self.gathered:
            return None
        batch = b";".join(b"%d=%b" % item for item in self.gathered)
        self.gathered = []
        return batch

    def apply(self, index: int, payload: bytes, now_us: int) -> None:
        assert index == self.applied_index + 1, "entries are applied in order"
        self.applied_index = index
        self.applied.append((index, payload))
        if payload == b"bootstrap":
            self.bootstrapped = True
        elif payload:
            for item in payload.split(b";"):
                conn, _, data = item.partition(b"=")
                self.replies.append((int(conn), data.lower()))

    def take_replies(self) -> list[tuple[int, bytes]]:
        replies, self.replies = self.replies, []
        return replies

    def tick(self, now_us: int) -> None:
        self.ticks += 1

    def collect(self, now_ms: int) -> int:
        return self.collected

    def refuse_writes(self, reason: str) -> None:
        self.refusing = reason

    def enforce_quotas(self, enforces: bool) -> None:
        self.enforces = enforces

    def lead(self, leading: bool, now_us: int) -> None:
        self.leading = leading

    def no_leader(self, lost: bool, now_us: int) -> None:
        self.leaderless = lost


class FakeWriter:
    """A log whose fsyncs end when the test says so."""

    def __init__(self) -> None:
        self.under_way: list[tuple[int, Any, Sequence[Any]]] = []
        self.written: list[tuple[int, Any, Sequence[Any]]] = []
        self.restarts: list[tuple[int, int]] = []
        self.full = ""
        self.space = 1 << 30
        self.bytes_written = 0
        self.error: Exception | None = None
        self._durable = 0

    @property
    def idle(self) -> bool:
        return not self.under_way

    def room(self) -> int:
        return self.space

    def write(
        self,
        number: int,
        hard_state: object,
        entries: Sequence[Any],
        *,
        restart: tuple[int, int] | None = None,
    ) -> None:
        if restart is not None:
            self.restarts.append(restart)
        self.under_way.append((number, hard_state, entries))
        self.written.append((number, hard_state, entries))

    def finish(self) -> None:
        """Everything under way is durable; the driver is told by its next poll."""
        if self.under_way:
            self._durable = self.under_way[-1][0]
            self.under_way = []

    def poll(self) -> int | None:
        if self.error is not None:
            raise self.error
        durable, self._durable = self._durable, 0
        return durable or None

    def tick(self) -> None:
        pass

    def fsync_us(self) -> list[int]:
        return []

    def read(self, first: int, last: int) -> Any:
        raise AssertionError("nothing is cold in these tests")


class FakeTransport(asyncio.Transport):
    """Keeps what is written; `stuck` means the peer reads nothing."""

    def __init__(self, peername: tuple[str, int] = ("10.0.0.1", 5000)) -> None:
        super().__init__({"peername": peername, "socket": FakeSocket()})
        self.sent = b""
        self.unsent = 0
        self.stuck = False
        self.reading = True
        self.closing = False
        self.aborted = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        self.sent += data
        if self.stuck:
            self.unsent += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        assert self.reading, "paused twice"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "resumed twice"
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol


class FakeSocket:
    """Remembers its options; what a kernel holds of it is what it holds of `real`."""

    def __init__(self) -> None:
        self.options: list[tuple[int, int, int]] = []
        self.real: socket.socket | None = None

    def fileno(self) -> int:
        return -1 if self.real is None else self.real.fileno()

    def setsockopt(self, level: int, name: int, value: int) -> None:
        self.options.append((level, name, value))
