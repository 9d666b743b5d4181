"""What is measured: cells of the comparison, and how long each takes. Values only, no processes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

CONNECTIONS = (1, 10, 30, 300)
DEPTHS = (1, 16)
VALUE_BYTES = (100, 1024)
OPERATIONS = ("get", "set", "create", "mixed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One load; each server gets it in turn."""

    op: str
    connections: int
    depth: int
    value_bytes: int

    @property
    def title(self) -> str:
        return f"{self.op} {self.connections}x{self.depth} {self.value_bytes} B"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one run of the bench does."""

    name: str
    cells: tuple[Cell, ...]
    """For one server of each kind."""
    ensemble_cells: tuple[Cell, ...]
    """For three servers of each kind."""
    turns: int
    """Measurements of each cell on each server; the median counts."""
    warm_up_s: float
    measured_s: float
    server_warm_up_s: float
    """Load on each server before the first cell: a JVM compiles what it has seen often."""
    million_znodes: int
    idle_sessions: int
    idle_s: float


def plan_quick() -> Plan:
    """Two minutes: is anything far off? Its figures are for nobody to quote."""
    cells = tuple(Cell(op, 30, depth, 100) for op, depth in product(OPERATIONS, DEPTHS))
    return Plan(
        name="quick",
        cells=cells,
        ensemble_cells=tuple(Cell(op, 30, 1, 100) for op in OPERATIONS),
        turns=1,
        warm_up_s=0.5,
        measured_s=1.0,
        server_warm_up_s=3.0,
        million_znodes=100_000,
        idle_sessions=1_000,
        idle_s=10.0,
    )


def plan_default() -> Plan:
    """All connections and depths with 100 bytes; 1 KB with 30 connections. About 15 minutes."""
    small = [
        Cell(op, connections, depth, 100)
        for op, connections, depth in product(OPERATIONS, CONNECTIONS, DEPTHS)
    ]
    large = [Cell(op, 30, depth, 1024) for op, depth in product(OPERATIONS, DEPTHS)]
    return Plan(
        name="default",
        cells=tuple(small + large),
        ensemble_cells=tuple(
            Cell(op, connections, 1, 100) for op, connections in product(OPERATIONS, CONNECTIONS)
        ),
        turns=3,
        warm_up_s=0.5,
        measured_s=1.5,
        server_warm_up_s=15.0,
        million_znodes=1_000_000,
        idle_sessions=10_000,
        idle_s=30.0,
    )


def plan_all() -> Plan:
    """The whole grid, each cell for longer. About an hour."""
    cells = tuple(
        Cell(op, connections, depth, value_bytes)
        for value_bytes, op, connections, depth in product(
            VALUE_BYTES, OPERATIONS, CONNECTIONS, DEPTHS
        )
    )
    return Plan(
        name="all",
        cells=cells,
        ensemble_cells=tuple(cell for cell in cells if cell.value_bytes == VALUE_BYTES[0]),
        turns=5,
        warm_up_s=1.0,
        measured_s=3.0,
        server_warm_up_s=20.0,
        million_znodes=1_000_000,
        idle_sessions=10_000,
        idle_s=60.0,
    )
