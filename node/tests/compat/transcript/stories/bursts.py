"""Bursts by chance: many requests of one session in flight at once, reads behind writes and events."""

from __future__ import annotations

from ..run import Run
from .chance import BURST_STEPS, Walk

SEED = 3
BURSTS = 20


def story(run: Run) -> None:
    walk = Walk(run, SEED)
    for _ in range(BURSTS):
        walk.burst(BURST_STEPS)
