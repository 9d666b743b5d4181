"""Memory with a million znodes, and the time until a restarted server answers a read."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import load
import processes
import servers
from plan import Plan

ROOT = "/million"
VALUE_BYTES = 100
READ_DEADLINE_S = 60.0
SETTLE_S = 3.0
"""A snapshot that the preload set off may still be under way."""


@dataclass(frozen=True, slots=True)
class MillionResult:
    """One server; memory in bytes, times in seconds."""

    znodes: int
    preload_s: float
    resident_empty: int
    resident_full: int
    live_heap: int | None
    """After a full collection; only for a server in a JVM."""
    restart_after_kill_s: float
    restart_after_stop_s: float
    resident_restarted: int


def measure(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> dict[str, MillionResult]:
    """One server after the other: together they would compete for memory."""
    results = {}
    for kind in servers.KINDS:
        results[kind] = _measure_one(program, directory, kind, plan.million_znodes)
        say(f"{plan.million_znodes:,} znodes on {kind}: {results[kind]}")
    return results


def _measure_one(program: Path, directory: Path, kind: str, znodes: int) -> MillionResult:
    with servers.make(kind, directory, java_heap=servers.HEAP_LARGE) as peer:
        empty = processes.resident_bytes(peer.pid)
        preload_s = load.preload(program, peer, znodes=znodes, value_bytes=VALUE_BYTES, root=ROOT)
        time.sleep(SETTLE_S)
        full = processes.resident_bytes(peer.pid)
        heap = servers.live_heap_bytes(peer.pid) if kind == "zookeeper" else None
        last = f"{ROOT}/d{(znodes - 1) // 1000}/n{znodes - 1}"
        peer.kill()
        after_kill_s = _start_until_read(peer, last)
        peer.stop()
        after_stop_s = _start_until_read(peer, last)
        return MillionResult(
            znodes=znodes,
            preload_s=preload_s,
            resident_empty=empty,
            resident_full=full,
            live_heap=heap,
            restart_after_kill_s=after_kill_s,
            restart_after_stop_s=after_stop_s,
            resident_restarted=processes.resident_bytes(peer.pid),
        )


def _start_until_read(peer: servers.Peer, path: str) -> float:
    """Seconds from the start of the process until a client has read the last znode."""
    started = time.monotonic()
    peer.start()
    with socket.create_connection((peer.host, peer.port), READ_DEADLINE_S) as connection:
        connection.sendall(_framed(struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, b"", False)))
        _read_frame(connection)
        name = path.encode()
        connection.sendall(_framed(struct.pack(">iii", 1, 4, len(name)) + name + b"\0"))
        error = struct.unpack_from(">i", _read_frame(connection), 12)[0]
    if error != 0:
        raise LookupError(f"{path} was answered with error {error} after the restart")
    return time.monotonic() - started


def _framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def _read_frame(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        length = struct.unpack(">i", stream.read(4))[0]
        return stream.read(length)
