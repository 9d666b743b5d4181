"""Runs one seed and says how it ended: what tests, the command line and the mutations share."""

import logging
import time
from dataclasses import dataclass, field

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


def run_seed(
    seed: int, *, level: str = "core", mutation: str = "", keep: str = "last"
) -> Outcome:
    """`keep`: "none", "last" (the end of the trace, if it fails) or "all"."""
    logging.getLogger("raftkeeper").setLevel(logging.CRITICAL)
    options = draw_options(seed)
    began = time.perf_counter()
    failure = None
    with switched_on(MUTATIONS[mutation] if mutation else None):
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
    if keep == "all" or (keep == "last" and failure is not None):
        outcome.options = options.lines()
        outcome.lines = list(world.trace.lines(None if keep == "all" else LAST_LINES))
    if keep == "all":
        outcome.digest = world.trace.digest()
    return outcome
