"""Throughput and latency, cell by cell: the servers take turns, so what drifts hits both alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import load
import servers
from load import Sample
from plan import VALUE_BYTES, Cell, Plan

Server = servers.Peer | servers.Ensemble

ZNODES = 1000
"""Gets and sets choose among these; few enough to be in every cache of both servers."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """Medians over the turns, and the turns themselves, by server."""

    cell: Cell
    medians: dict[str, Sample]
    turns: dict[str, list[Sample]]

    def times(self) -> float:
        """How many times ZooKeeper's throughput the node has."""
        return self.medians["raftkeeper"].per_second / self.medians["zookeeper"].per_second


def measure(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> list[CellResult]:
    """Starts a server of each kind, warms them up, and measures all cells of the plan."""
    peers = {kind: servers.make(kind, directory) for kind in servers.KINDS}
    return _measure_cells(program, peers, plan.cells, plan, say)


def measure_ensembles(
    program: Path, directory: Path, plan: Plan, say: Callable[[str], None]
) -> list[CellResult]:
    """The same with three servers of each kind, and the plan's cells for them."""
    peers = {kind: servers.make_ensemble(kind, directory) for kind in servers.KINDS}
    return _measure_cells(program, peers, plan.ensemble_cells, plan, say)


def _measure_cells(
    program: Path,
    peers: Mapping[str, Server],
    cells: Sequence[Cell],
    plan: Plan,
    say: Callable[[str], None],
) -> list[CellResult]:
    results = []
    try:
        for peer in peers.values():
            peer.start()
            _prepare(program, peer, plan)
        for number, cell in enumerate(cells, 1):
            result = _measure_cell(program, peers, cell, plan)
            results.append(result)
            say(f"{number}/{len(cells)} {cell.title}: {_in_short(result)}")
    finally:
        for peer in peers.values():
            peer.close()
    return results


def _prepare(program: Path, peer: Server, plan: Plan) -> None:
    for value_bytes in VALUE_BYTES:
        root = f"/bench-{value_bytes}"
        load.preload(program, peer, znodes=ZNODES, value_bytes=value_bytes, root=root)
    share_s = plan.server_warm_up_s / 3
    for op in ("get", "create", "mixed"):
        cell = Cell(op, 30, 16, VALUE_BYTES[0])
        load.measure(program, peer, cell, warm_up_s=0.1, measured_s=share_s)


def _measure_cell(program: Path, peers: Mapping[str, Server], cell: Cell, plan: Plan) -> CellResult:
    turns: dict[str, list[Sample]] = {kind: [] for kind in peers}
    for _ in range(plan.turns):
        for kind, peer in peers.items():
            sample = load.measure(
                program, peer, cell, warm_up_s=plan.warm_up_s, measured_s=plan.measured_s
            )
            turns[kind].append(sample)
    medians = {kind: _median(samples) for kind, samples in turns.items()}
    return CellResult(cell, medians, turns)


def _in_short(result: CellResult) -> str:
    node, zookeeper = (result.medians[kind] for kind in servers.KINDS)
    return (
        f"{node.per_second:,.0f} / {zookeeper.per_second:,.0f} = {result.times():.2f} times, "
        f"p99 {node.p99_us / 1000:.2f} / {zookeeper.p99_us / 1000:.2f} ms, "
        f"CPU {node.cpu_us_per_request:.1f} / {zookeeper.cpu_us_per_request:.1f} µs"
    )


def _median(samples: list[Sample]) -> Sample:
    """Each figure's own median; of errors, the sum: none of them may hide."""
    values = {
        field.name: statistics.median(getattr(sample, field.name) for sample in samples)
        for field in fields(Sample)
    }
    values["errors"] = sum(sample.errors for sample in samples)
    return Sample(**values)
