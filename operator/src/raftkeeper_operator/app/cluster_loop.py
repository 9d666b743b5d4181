"""One cluster's task: look, decide, act, report, wait; for as long as the cluster exists.

There is exactly one for each cluster, which is what keeps two steps of a cluster apart. It never raises
and never ends by itself before the cluster does: a step that fails is tried again, later each time.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from raftkeeper_operator.app.health import Key, Progress
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.wakeups import Wakeups

log = structlog.get_logger(__name__)

STEPS_AT_ONCE = 8
"""Of all clusters together; the others wait their turn, so that fifty do not ask the API at once."""
STEP_DEADLINE_S = 120.0
"""Of one step. Its calls have shorter ones; this is for what nobody thought of."""
SPACING_S = 0.25
"""Between two steps, however many wake-ups there are: changes come in bursts."""
BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went."""

    next_s: float
    """When to look again if nothing is heard."""
    least_s: float = 0.0
    """Not before, whatever is heard meanwhile."""
    finished: bool = False
    """The cluster is gone, or the operator has nothing left to do for it."""


class Step(Protocol):
    """Look, decide, act once, report."""

    async def __call__(self, key: Key) -> Outcome: ...


class ClusterLoops:
    """What the tasks of all clusters share."""

    def __init__(self, step: Step, wakeups: Wakeups, progress: Progress, metrics: Metrics) -> None:
        self._step = step
        self._wakeups = wakeups
        self._progress = progress
        self._metrics = metrics
        self._turns = asyncio.Semaphore(STEPS_AT_ONCE)
        self._running: set[Key] = set()
        self._leaving = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def running(self) -> frozenset[Key]:
        return frozenset(self._running)

    async def leave(self, patience_s: float) -> None:
        """The operator ends: every task ends after the step it is in. Waits for them, not for ever."""
        self._leaving.set()
        for key in self._running:
            self._wakeups.event(key).set()
        try:
            await asyncio.wait_for(self._empty.wait(), patience_s)
        except TimeoutError:
            log.warning("operator.steps_cut_off", clusters=len(self._running))

    async def run(self, key: Key, stopped: Callable[[], Awaitable[object]]) -> None:
        """Until the cluster is gone. `stopped` waits until somebody wants the task to end: it then
        looks at once, and ends when there is nothing left to do.
        """
        wake = self._wakeups.event(key)
        self._running.add(key)
        self._empty.clear()
        self._progress.attend(key)
        self._metrics.clusters.set(len(self._running))
        stopping = asyncio.ensure_future(_wake_when(stopped, wake))
        try:
            await self._repeat(key, wake)
        finally:
            stopping.cancel()
            self._running.discard(key)
            if not self._running:
                self._empty.set()
            self._progress.leave(key)
            self._wakeups.forget(key)
            self._metrics.clusters.set(len(self._running))
            self._metrics.forget(*key)

    async def _repeat(self, key: Key, wake: asyncio.Event) -> None:
        failures = 0
        while not self._leaving.is_set():
            wake.clear()
            outcome = await self._try(key)
            if outcome is not None and outcome.finished:
                return
            failures = 0 if outcome is not None else failures + 1
            if outcome is not None:
                await self._rest(wake, outcome.next_s, max(outcome.least_s, SPACING_S))
            else:
                # News does not shorten the pause after a failure.
                backoff_s = _backoff_s(failures)
                await self._rest(wake, backoff_s, backoff_s)

    async def _rest(self, wake: asyncio.Event, pause_s: float, least_s: float) -> None:
        """Until it is time or something is heard, but for so long at least."""
        try:
            await asyncio.wait_for(self._leaving.wait(), least_s)
            return
        except TimeoutError:
            pass
        try:
            await asyncio.wait_for(wake.wait(), max(0.0, pause_s - least_s))
        except TimeoutError:
            self._metrics.wakeups.labels("clock").inc()

    async def _try(self, key: Key) -> Outcome | None:
        """None when it failed."""
        async with self._turns:
            self._progress.begin(key)
            try:
                with self._metrics.step_seconds.time():
                    async with asyncio.timeout(STEP_DEADLINE_S):
                        outcome = await self._step(key)
            except Exception as error:
                self._metrics.steps.labels("failed").inc()
                namespace, name = key
                log.error(
                    "step.failed",
                    namespace=namespace,
                    cluster=name,
                    error=f"{type(error).__name__}: {error}",
                    exc_info=not isinstance(error, TimeoutError),
                )
                return None
            else:
                self._metrics.steps.labels("done").inc()
                return outcome
            finally:
                self._progress.end(key)


async def _wake_when(stopped: Callable[[], Awaitable[object]], wake: asyncio.Event) -> None:
    await stopped()
    wake.set()


def _backoff_s(failures: int) -> float:
    """Doubling up to a minute, each a little different, so that clusters do not fail in step."""
    pause_s: float = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(failures - 1, 10))
    return pause_s * random.uniform(0.8, 1.2)
