"""Writes what was measured: docs/benchmarks.md for people, docs/benchmarks.json for programs.

It writes the figures as they are; an aim that is missed is listed with its figure, never left out. A
run of some parts only takes the others from the last report, each with the date it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import behind
from aims import Verdict, judge, judge_behind, judge_ensembles
from behind import BehindResult
from idle import IdleResult
from load import Sample
from million import MillionResult
from plan import Cell, Plan
from throughput import CellResult

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """When and of what the figures of one part are."""

    date: str
    command: str
    machine: dict[str, str]
    turns: int
    measured_s: float
    warm_up_s: float
    server_warm_up_s: float

    @classmethod
    def by(cls, plan: Plan, *, date: str, command: str, machine: dict[str, str]) -> Measured:
        return cls(
            date,
            command,
            machine,
            plan.turns,
            plan.measured_s,
            plan.warm_up_s,
            plan.server_warm_up_s,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What there is of each part; `parts` tells of those that were measured."""

    parts: dict[str, Measured]
    cells: list[CellResult] = field(default_factory=list)
    ensembles: list[CellResult] = field(default_factory=list)
    behind: dict[str, BehindResult] = field(default_factory=dict)
    million: dict[str, MillionResult] = field(default_factory=dict)
    idle: dict[str, IdleResult] = field(default_factory=dict)


FIELDS = {
    "throughput": "cells",
    "ensemble": "ensembles",
    "behind": "behind",
    "million": "million",
    "idle": "idle",
}
"""Parts in the order of the report, and where their figures are in it."""


def write(report: Report, directory: Path) -> None:
    """Both files; parts that this run has not measured stay as they were."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "benchmarks.json"
    if path.exists():
        report = completed(report, read(path.read_text()))
    (directory / "benchmarks.md").write_text(render_markdown(report))
    path.write_text(json.dumps(asdict(report), indent=1) + "\n")


def completed(new: Report, old: Report) -> Report:
    """The new parts, and the old ones where there are no new."""
    missing = [part for part in old.parts if part not in new.parts]
    fields_of_old = {FIELDS[part]: getattr(old, FIELDS[part]) for part in missing}
    parts = {part: new.parts.get(part) or old.parts.get(part) for part in FIELDS}
    known = {part: measured for part, measured in parts.items() if measured}
    return replace(new, parts=known, **fields_of_old)


def read(text: str) -> Report:
    """A report as `write` has left it."""
    raw = json.loads(text)
    return Report(
        parts={part: Measured(**measured) for part, measured in raw["parts"].items()},
        cells=[_read_cell(one) for one in raw["cells"]],
        ensembles=[_read_cell(one) for one in raw["ensembles"]],
        behind={kind: _read_behind(one) for kind, one in raw["behind"].items()},
        million={kind: MillionResult(**one) for kind, one in raw["million"].items()},
        idle={kind: IdleResult(**one) for kind, one in raw["idle"].items()},
    )


def _read_cell(raw: dict[str, Any]) -> CellResult:
    return CellResult(
        cell=Cell(**raw["cell"]),
        medians={kind: Sample(**one) for kind, one in raw["medians"].items()},
        turns={kind: [Sample(**one) for one in turns] for kind, turns in raw["turns"].items()},
    )


def _read_behind(raw: dict[str, Any]) -> BehindResult:
    windows = {name: [Sample(**one) for one in raw[name]] for name in ("before", "during", "after")}
    return BehindResult(raw["znodes"], raw["catch_up_s"], **windows)


def render_markdown(report: Report) -> str:
    sections = [
        _head(report),
        _aims("Aims of one node", judge(report.cells, report.million)),
        _aims(
            "Aims of three nodes",
            [*judge_ensembles(report.ensembles), *judge_behind(report.behind)],
        ),
        *_operations("One node", report.cells),
        *_operations("Three nodes", report.ensembles),
        _behind(report.behind),
        _million(report.million),
        _idle(report.idle),
        _reading(report.parts),
    ]
    return "\n".join(section for section in sections if section)


def _head(report: Report) -> str:
    newest = max(report.parts.values(), key=lambda measured: measured.date)
    of_parts = {"node", "processor", "other load"}
    rows = [(name, value) for name, value in newest.machine.items() if name not in of_parts]
    measured = [
        (
            part,
            one.date,
            one.machine["processor"],
            f"`{one.command}`",
            one.machine["node"],
            one.machine.get("other load", "not noted"),
        )
        for part, one in report.parts.items()
    ]
    return (
        "# Benchmarks: RaftKeeper and ZooKeeper, side by side\n\n"
        "The figures are as measured; an absolute figure holds for this machine and this hour only,\n"
        "the ratio for somewhat more.\n\n"
        + _table(("part", "measured on", "processor", "by", "node", "other load"), measured)
        + "\n"
        + _table(("what", "this machine"), rows)
    )


def _aims(title: str, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = [
        (verdict.aim, f"{verdict.met} of {verdict.cells}", verdict.worst) for verdict in verdicts
    ]
    return f"## {title}\n\n" + _table(("aim", "met in", "worst"), rows)


def _operations(title: str, cells: Sequence[CellResult]) -> list[str]:
    operations = dict.fromkeys(result.cell.op for result in cells)
    return [_operation(f"{title}: {op}", op, cells) for op in operations]


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


def _operation(title: str, op: str, cells: Sequence[CellResult]) -> str:
    rows = [_cell_row(result) for result in cells if result.cell.op == op]
    return f"## {title}\n\n" + _table(_CELL_HEADER, rows)


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


def _behind(results: dict[str, BehindResult]) -> str:
    if not results:
        return ""
    znodes = next(iter(results.values())).znodes
    rows = [
        (
            kind,
            f"{one.catch_up_s:.1f} s",
            *(
                f"{behind.median(samples, 'p99_us') / 1000:.2f} ms"
                f" at {behind.median(samples, 'per_second'):,.0f}/s"
                for samples in (one.before, one.during, one.after)
            ),
            f"{behind.p99_times(one):.2f}",
            str(sum(sample.errors for sample in one.before + one.during + one.after)),
        )
        for kind, one in results.items()
    ]
    header = ("ensemble", "caught up in", "p99 before", "p99 meanwhile", "p99 after", "times")
    header += ("errors",)
    return (
        f"## Three nodes: a member comes back {znodes:,} znodes behind\n\n"
        + _table(header, rows)
        + f"\nThe load ({behind.CELL.title}) is on the other two. Each p99 is the median of windows of"
        f" {behind.WINDOW_S:g} s. The member was stopped before the znodes were created and is started"
        " again; by log with the node's defaults, by snapshot where one is taken every"
        " 32 MiB of log. It has caught up when it serves with all that there was when it was started."
        " The column *times* is meanwhile over before.\n"
    )


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


def _reading(parts: dict[str, Measured]) -> str:
    turns = [
        f"- {part}: each figure is the median of {one.turns} turns of {one.measured_s:g} s after"
        f" {one.warm_up_s:g} s of warm-up; the servers take turns cell by cell. Both were under load"
        f" for {one.server_warm_up_s:g} s before the first cell.\n"
        for part, one in parts.items()
        if part in {"throughput", "ensemble"}
    ]
    return (
        "## How it was measured\n\n"
        + "".join(turns)
        + "- A closed loop: every connection keeps *depth* requests outstanding, so a slow server is"
        " asked less. Latency is counted from the moment a request is put into the send buffer.\n"
        "- mixed: create 1 %, delete 1 %, set 8 %, get 45 %, list 45 % of 100 children whose names"
        " have 50 bytes. Gets and sets choose among 1,000 znodes.\n"
        "- All servers and the load share the machine's processors; all sync every batch to the"
        " same disk. ZooKeeper runs with its defaults but for the heap and the limit of connections.\n"
        "- Three nodes: connections go to each of the three in turn, leader or not.\n"
        "- CPU is that of the server's process, user and system, all threads; of three, the sum.\n"
        "- How long writes stand still when the leader goes is in [failover.md](failover.md).\n"
    )


def _mib(count: float) -> str:
    return f"{count / MIB:,.0f} MiB"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
