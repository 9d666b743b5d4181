"""What the node aims at against ZooKeeper, and how far a run is from it. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from behind import BY_LOG, BY_SNAPSHOT, BehindResult, p99_times
from million import MillionResult
from throughput import CellResult

READS_TIMES = 2.5
WRITES_TIMES = 1.5
P99_SHARE = 0.5
CPU_SHARE = 1 / 3
ENSEMBLE_WRITES_TIMES = 2.0
ENSEMBLE_CPU_SHARE = 0.5
BEHIND_P99_TIMES = 2.0
MEMORY_SHARE = 0.5
RESTART_SHARE = 0.5

FEW_CONNECTIONS = 10
"""With so few, batches are small, and what is aimed at is to be slower in nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim over all the cells it is about."""

    aim: str
    met: int
    cells: int
    worst: str


def judge(cells: Sequence[CellResult], million: dict[str, MillionResult]) -> list[Verdict]:
    many = [result for result in cells if result.cell.connections > FEW_CONNECTIONS]
    few = [result for result in cells if result.cell.connections <= FEW_CONNECTIONS]
    reads = [result for result in many if result.cell.op in {"get", "mixed"}]
    writes = [result for result in many if result.cell.op in {"set", "create"}]
    verdicts = [
        _at_least(f"gets and mixed at least {READS_TIMES} times", reads, READS_TIMES),
        _at_least(f"sets and creates at least {WRITES_TIMES} times", writes, WRITES_TIMES),
        _at_least("with 1 and 10 connections at least as many requests", few, 1.0),
        _at_most("p99 at most half", many, P99_SHARE, p99_share),
        _at_most("with 1 and 10 connections p99 at most the same", few, 1.0, p99_share),
        _at_most("CPU per request at most a third", list(cells), CPU_SHARE, cpu_share),
    ]
    if million:
        node, zookeeper = million["raftkeeper"], million["zookeeper"]
        heap = zookeeper.live_heap or 0
        verdicts += [
            _one(
                "resident memory at most half of ZooKeeper's live heap",
                node.resident_full / max(heap, 1),
                MEMORY_SHARE,
            ),
            _one(
                "restart after SIGKILL in at most half the time",
                node.restart_after_kill_s / zookeeper.restart_after_kill_s,
                RESTART_SHARE,
            ),
        ]
    return [verdict for verdict in verdicts if verdict.cells]


def judge_ensembles(cells: Sequence[CellResult]) -> list[Verdict]:
    """Three nodes beside three of ZooKeeper."""
    many = [result for result in cells if result.cell.connections > FEW_CONNECTIONS]
    few = [result for result in cells if result.cell.connections <= FEW_CONNECTIONS]
    reads = [result for result in many if result.cell.op in {"get", "mixed"}]
    writes = [result for result in many if result.cell.op in {"set", "create"}]
    writes_aim = f"sets and creates at least {ENSEMBLE_WRITES_TIMES:g} times"
    verdicts = [
        _at_least(f"gets and mixed at least {READS_TIMES} times", reads, READS_TIMES),
        _at_least(writes_aim, writes, ENSEMBLE_WRITES_TIMES),
        _at_least("with 1 and 10 connections at least as many requests", few, 1.0),
        _at_most("p99 at most half", many, P99_SHARE, p99_share),
        _at_most("with 1 and 10 connections p99 at most the same", few, 1.0, p99_share),
        _at_most("CPU per request at most half", list(cells), ENSEMBLE_CPU_SHARE, cpu_share),
    ]
    return [verdict for verdict in verdicts if verdict.cells]


def judge_behind(results: dict[str, BehindResult]) -> list[Verdict]:
    """A member that comes back far behind."""
    return [
        _one(
            f"p99 of the others not doubled while one catches up, {way.title}",
            p99_times(results[way.title]),
            BEHIND_P99_TIMES,
        )
        for way in (BY_LOG, BY_SNAPSHOT)
        if way.title in results
    ]


def p99_share(result: CellResult) -> float:
    """The node's p99 as a share of ZooKeeper's."""
    medians = result.medians
    return medians["raftkeeper"].p99_us / max(medians["zookeeper"].p99_us, 1e-9)


def cpu_share(result: CellResult) -> float:
    """The node's CPU time per request as a share of ZooKeeper's."""
    medians = result.medians
    zookeeper = max(medians["zookeeper"].cpu_us_per_request, 1e-9)
    return medians["raftkeeper"].cpu_us_per_request / zookeeper


def _at_least(aim: str, cells: Sequence[CellResult], times: float) -> Verdict:
    met = sum(result.times() >= times for result in cells)
    worst = min(cells, key=CellResult.times, default=None)
    text = "" if worst is None else f"{worst.times():.2f} ({worst.cell.title})"
    return Verdict(aim, met, len(cells), text)


def _at_most(
    aim: str, cells: Sequence[CellResult], share: float, of: Callable[[CellResult], float]
) -> Verdict:
    met = sum(of(result) <= share for result in cells)
    worst = max(cells, key=of, default=None)
    text = "" if worst is None else f"{of(worst):.2f} ({worst.cell.title})"
    return Verdict(aim, met, len(cells), text)


def _one(aim: str, value: float, share: float) -> Verdict:
    return Verdict(aim, int(value <= share), 1, f"{value:.2f}")
