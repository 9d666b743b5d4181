"""Runs the load generator and looks at the server's process while it runs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import processes
from plan import Cell
from servers import REPOSITORY, Peer

CRATE = REPOSITORY / "bench" / "load"
BUILD_DEADLINE_S = 600.0
LOAD_DEADLINE_S = 600.0


class Target(Protocol):
    """What is put under load: one server, an ensemble, or some of its members."""

    @property
    def address(self) -> str:
        """`host:port,…`; connections go to each in turn."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Whose CPU time counts."""


class LoadError(Exception):
    """The load generator failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one cell on one server."""

    per_second: float
    p50_us: float
    p99_us: float
    p99_9_us: float
    max_us: float
    silence_ms: float
    cpu_us_per_request: float
    """CPU time of the server's process, all threads, user and system; of an ensemble, all processes."""
    server_cpus: float
    load_cpus: float
    """How many CPUs the load generator used: near 1, it is what holds the server back."""
    errors: int


def build() -> Path:
    """Compiles the generator if it is not compiled yet; returns the program."""
    subprocess.run(
        [
            "cargo",
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--manifest-path",
            CRATE / "Cargo.toml",
        ],
        check=True,
        timeout=BUILD_DEADLINE_S,
    )
    target = Path(os.environ.get("CARGO_TARGET_DIR", CRATE / "target"))
    return target / "release" / "raftkeeper-load"


def measure(
    program: Path, peer: Target, cell: Cell, *, warm_up_s: float, measured_s: float
) -> Sample:
    """Puts one cell's load on a server whose znodes are there already."""
    arguments = {
        "op": cell.op,
        "connections": cell.connections,
        "depth": cell.depth,
        "value-bytes": cell.value_bytes,
        "warm-up": warm_up_s,
        "seconds": measured_s,
        "root": f"/bench-{cell.value_bytes}",
    }
    edges: list[tuple[float, float]] = []
    with _running(program, "run", peer, arguments) as (process, records):
        for record in records:
            if "window" in record:
                servers_s = processes.cpu_seconds(*peer.pids)
                edges.append((servers_s, processes.cpu_seconds(process.pid)))
                continue
            return _sample(record, edges, measured_s)
    raise LoadError(f"{cell.title}: the load ended without a result")


def preload(program: Path, peer: Target, *, znodes: int, value_bytes: int, root: str) -> float:
    """Creates znodes as fast as the server takes them; returns the seconds it took."""
    arguments = {"znodes": znodes, "value-bytes": value_bytes, "root": root}
    with _running(program, "preload", peer, arguments) as (_, records):
        for record in records:
            return float(record["seconds"])
    raise LoadError("the preload ended without a result")


@contextmanager
def idle_sessions(
    program: Path, peer: Peer, *, sessions: int, seconds: float, timeout_ms: int
) -> Iterator[Iterator[dict[str, Any]]]:
    """Sessions that only ping; yields two records: all are open, and the sum at the end."""
    arguments = {"connections": sessions, "seconds": seconds, "timeout-ms": timeout_ms}
    with _running(program, "idle", peer, arguments) as (_, records):
        yield records


def _sample(record: dict[str, Any], edges: list[tuple[float, float]], measured_s: float) -> Sample:
    (server_opens, load_opens), (server_closes, load_closes) = edges
    server_s = server_closes - server_opens
    latency = record["latency_us"]
    return Sample(
        per_second=record["per_second"],
        p50_us=latency["p50"],
        p99_us=latency["p99"],
        p99_9_us=latency["p99_9"],
        max_us=latency["max"],
        silence_ms=record["longest_silence_ms"],
        cpu_us_per_request=server_s * 1e6 / max(record["requests"], 1),
        server_cpus=server_s / measured_s,
        load_cpus=(load_closes - load_opens) / measured_s,
        errors=sum(record["errors"].values()) + record["lost_connections"],
    )


@contextmanager
def _running(
    program: Path, mode: str, peer: Target, arguments: dict[str, object]
) -> Iterator[tuple[subprocess.Popen[str], Iterator[dict[str, Any]]]]:
    command = [str(program), mode, "--hosts", peer.address]
    for name, value in arguments.items():
        command += [f"--{name}", str(value)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield process, map(json.loads, process.stdout)
        process.stdout.read()
        if process.wait(LOAD_DEADLINE_S) != 0:
            raise LoadError(f"{' '.join(command)}: {process.stderr.read().strip()}")
    except (StopIteration, ValueError) as error:
        raise LoadError(f"{' '.join(command)}: {process.stderr.read().strip()}") from error
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()
