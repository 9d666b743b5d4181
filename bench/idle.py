"""What thousands of sessions cost that do nothing but ping."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import load
import processes
import servers
from plan import Plan

TIMEOUT_MS = 30_000
"""Each session pings every third of it."""


@dataclass(frozen=True, slots=True)
class IdleResult:
    """One server with all sessions open."""

    sessions: int
    open_s: float
    cpu_share: float
    """CPUs in use while the sessions only ping: 0.01 is one per cent of one CPU."""
    cpu_us_per_ping: float
    resident_before: int
    resident_with: int
    pong_p99_us: float
    lost: int

    @property
    def bytes_per_session(self) -> float:
        return (self.resident_with - self.resident_before) / self.sessions


def measure(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> dict[str, IdleResult]:
    results = {}
    for kind in servers.KINDS:
        results[kind] = _measure_one(program, directory, kind, plan)
        say(f"{plan.idle_sessions:,} idle sessions on {kind}: {results[kind]}")
    return results


def _measure_one(program: Path, directory: Path, kind: str, plan: Plan) -> IdleResult:
    with servers.make(kind, directory) as peer:
        before = processes.resident_bytes(peer.pid)
        with load.idle_sessions(
            program,
            peer,
            sessions=plan.idle_sessions,
            seconds=plan.idle_s,
            timeout_ms=TIMEOUT_MS,
        ) as records:
            opened = next(records)
            cpu_s, began = processes.cpu_seconds(peer.pid), time.monotonic()
            done = next(records)
            cpu_s, lasted_s = processes.cpu_seconds(peer.pid) - cpu_s, time.monotonic() - began
            resident = processes.resident_bytes(peer.pid)
        return IdleResult(
            sessions=opened["sessions"],
            open_s=opened["seconds_to_open"],
            cpu_share=cpu_s / lasted_s,
            cpu_us_per_ping=cpu_s * 1e6 / max(done["pongs"], 1),
            resident_before=before,
            resident_with=resident,
            pong_p99_us=done["pong_us"]["p99"],
            lost=done["lost_connections"],
        )
