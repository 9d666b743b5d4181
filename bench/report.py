"""Writes what was measured: docs/benchmarks.md for people, docs/benchmarks.json for programs.

It writes the figures as they are; an aim that is missed is listed with its figure, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aims import Verdict, judge
from idle import IdleResult
from million import MillionResult
from plan import Plan
from throughput import CellResult

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Report:
    """All of one run."""

    date: str
    command: str
    machine: dict[str, str]
    plan: Plan
    cells: list[CellResult]
    million: dict[str, MillionResult]
    idle: dict[str, IdleResult]


def write(report: Report, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "benchmarks.md").write_text(render_markdown(report))
    (directory / "benchmarks.json").write_text(json.dumps(asdict(report), indent=1) + "\n")


def render_markdown(report: Report) -> str:
    parts = [
        _head(report),
        _aims(judge(report.cells, report.million)),
        *(_operation(op, report.cells) for op in _operations(report.cells)),
        _million(report.million),
        _idle(report.idle),
        _reading(report.plan),
    ]
    return "\n".join(part for part in parts if part)


def _head(report: Report) -> str:
    rows = [(name, value) for name, value in report.machine.items()]
    return (
        "# Benchmarks: one node and a standalone ZooKeeper, side by side\n\n"
        f"Measured on {report.date} by `{report.command}`. The figures are as measured; an absolute\n"
        "figure holds for this machine and this hour only, the ratio for somewhat more.\n\n"
        + _table(("what", "this run"), rows)
    )


def _aims(verdicts: Iterable[Verdict]) -> str:
    rows = [
        (verdict.aim, f"{verdict.met} of {verdict.cells}", verdict.worst) for verdict in verdicts
    ]
    return "## Aims\n\n" + _table(("aim", "met in", "worst"), rows)


def _operations(cells: Sequence[CellResult]) -> list[str]:
    return list(dict.fromkeys(result.cell.op for result in cells))


_CELL_HEADER = (
    "connections x depth",
    "value",
    "node ops/s",
    "ZooKeeper ops/s",
    "times",
    "node p50 / p99 / p99.9 ms",
    "ZooKeeper p50 / p99 / p99.9 ms",
    "CPU µs per request, node / ZooKeeper",
    "errors",
)


def _operation(op: str, cells: Sequence[CellResult]) -> str:
    rows = [_cell_row(result) for result in cells if result.cell.op == op]
    return f"## {op}\n\n" + _table(_CELL_HEADER, rows)


def _cell_row(result: CellResult) -> tuple[str, ...]:
    node, zookeeper = result.medians["raftkeeper"], result.medians["zookeeper"]
    return (
        f"{result.cell.connections} x {result.cell.depth}",
        f"{result.cell.value_bytes} B",
        f"{node.per_second:,.0f}",
        f"{zookeeper.per_second:,.0f}",
        f"{result.times():.2f}",
        _latencies(node),
        _latencies(zookeeper),
        f"{node.cpu_us_per_request:.1f} / {zookeeper.cpu_us_per_request:.1f}",
        f"{node.errors} / {zookeeper.errors}",
    )


def _latencies(sample: object) -> str:
    names = ("p50_us", "p99_us", "p99_9_us")
    return " / ".join(f"{getattr(sample, name) / 1000:.2f}" for name in names)


def _million(results: dict[str, MillionResult]) -> str:
    if not results:
        return ""
    znodes = next(iter(results.values())).znodes
    rows = [
        (
            kind,
            _mib(one.resident_empty),
            _mib(one.resident_full),
            "" if one.live_heap is None else _mib(one.live_heap),
            f"{one.preload_s:.1f} s",
            f"{one.restart_after_kill_s:.2f} s",
            f"{one.restart_after_stop_s:.2f} s",
        )
        for kind, one in results.items()
    ]
    header = (
        "server",
        "resident, empty",
        "resident, full",
        "live heap",
        "creating them",
        "restart after SIGKILL until a read",
        "restart after SIGTERM until a read",
    )
    return f"## {znodes:,} znodes of 100 bytes\n\n" + _table(header, rows)


def _idle(results: dict[str, IdleResult]) -> str:
    if not results:
        return ""
    sessions = next(iter(results.values())).sessions
    rows = [
        (
            kind,
            f"{one.cpu_share * 100:.1f} %",
            f"{one.cpu_us_per_ping:.0f} µs",
            _mib(one.resident_with),
            f"{one.bytes_per_session / 1024:.1f} KiB",
            f"{one.pong_p99_us / 1000:.2f} ms",
            f"{one.open_s:.1f} s",
            str(one.lost),
        )
        for kind, one in results.items()
    ]
    header = ("server", "CPU", "CPU per ping", "resident", "more per session")
    header += ("ping p99", "opening them", "lost")
    return f"## {sessions:,} idle sessions that ping every 10 s\n\n" + _table(header, rows)


def _reading(plan: Plan) -> str:
    return (
        "## How it was measured\n\n"
        f"- Each figure is the median of {plan.turns} turns of {plan.measured_s:g} s after"
        f" {plan.warm_up_s:g} s of warm-up; the servers take turns cell by cell. Both were under load"
        f" for {plan.server_warm_up_s:g} s before the first cell.\n"
        "- A closed loop: every connection keeps *depth* requests outstanding, so a slow server is"
        " asked less. Latency is counted from the moment a request is put into the send buffer.\n"
        "- mixed: create 1 %, delete 1 %, set 8 %, get 45 %, list 45 % of 100 children whose names"
        " have 50 bytes. Gets and sets choose among 1,000 znodes.\n"
        "- Both servers and the load share the machine's processors; both sync every batch to the"
        " same disk. ZooKeeper runs with its defaults but for the heap and the limit of connections.\n"
        "- CPU is that of the server's process, user and system, all threads.\n"
    )


def _mib(count: float) -> str:
    return f"{count / MIB:,.0f} MiB"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
