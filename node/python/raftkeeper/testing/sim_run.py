"""Runs one seed and says how it ended: what tests, the command line and the mutations share."""

import logging
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from raftkeeper.testing import (  # noqa: F401  they register themselves
    sim_answer_mutations,
    sim_node_mutations,
)
from raftkeeper.testing.sim_failure import SimFailure
from raftkeeper.testing.sim_mutations import MUTATIONS, switched_on
from raftkeeper.testing.sim_options import draw_options
from raftkeeper.testing.sim_world import World

LAST_LINES = 60
LEVELS = ("core", "node")
"""`core`: Raft core and storage. `node`: whole nodes, with the real driver and engine, and clients."""


@dataclass(slots=True)
class Outcome:
    """How one seed ended."""

    seed: int
    level: str
    failure: SimFailure | None
    steps: int
    simulated_ms: int
    took_s: float
    counts: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    options: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        how = "ok" if self.failure is None else str(self.failure)
        return f"seed {self.seed} ({self.level}): {how}"


def _drop(_logger: object, _method: str, _event: MutableMapping[str, Any]) -> str:
    raise structlog.DropEvent


@contextmanager
def _silence() -> Iterator[None]:
    """The nodes' own log lines say the same as the trace, and cost more than the simulation."""
    storage = logging.getLogger("raftkeeper.storage")
    before, level = structlog.get_config(), storage.level
    structlog.configure(
        processors=[_drop],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )
    storage.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        structlog.configure(**before)
        storage.setLevel(level)


def run_seed(seed: int, *, level: str = "core", mutation: str = "", keep: str = "last") -> Outcome:
    """`keep`: "none", "last" (the end of the trace, if it fails) or "all"."""
    options = draw_options(seed)
    began = time.perf_counter()
    failure = None
    with _silence(), switched_on(MUTATIONS[mutation] if mutation else None):
        world = World(options, level=level)
        try:
            world.run()
        except SimFailure as broken:
            failure = broken
            world.say("FAILED", str(broken))
    outcome = Outcome(
        seed=seed,
        level=level,
        failure=failure,
        steps=world.loop.steps,
        simulated_ms=world.loop.now_us // 1000,
        took_s=time.perf_counter() - began,
        counts=dict(world.trace.counts),
    )
    if keep != "none":
        outcome.options = options.lines()
    if keep == "all" or (keep == "last" and failure is not None):
        outcome.lines = list(world.trace.lines(None if keep == "all" else LAST_LINES))
    if keep == "all":
        outcome.digest = world.trace.digest()
    return outcome
