"""Actions that do not help, of each cluster: refused, failed, or undone by somebody as often as they are done.

The first rule that can act does, so one that acts in vain would keep all later ones from helping, for ever. After
some tries in a row its action is left out of the decisions for a while (`Snapshot.refused`), then tried once more.

A memory of the process, and none that anything leans on: a new operator tries it all again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.app.health import Key
from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.decide.refusals import key_of
from raftkeeper_operator.observe.snapshot import Refusal

log = structlog.get_logger(__name__)

FREE_REPEATS = 3
"""So often in a row the same may be done without a pause: a conflict is decided anew."""
REPEAT_FIRST_S = 1.0
REPEAT_MAX_S = 30.0
"""More than that and it does not help, or somebody else undoes it at once: each time later, and told."""

TRIES = 5
"""So often an action may fail; a conflict or a busy member is over by then."""
UNDONE_TRIES = 8
"""So often in a row it may succeed and be needed again. Nothing of ours repeats itself like that."""
ASIDE_FIRST_S = 30.0
ASIDE_MAX_S = 120.0
"""For so long it is left out, twice as long each time: what was in its way may be gone unheard."""
FORGET_S = 600.0
"""A failure so long ago has nothing to do with one of today."""
REFUSALS_MAX = 32
"""Of one cluster. More are forgotten, the oldest first, and found anew."""


@dataclass
class _Trouble:
    """Of one action."""

    failures: int = 0
    failed_at: float = 0.0
    aside_s: float = 0.0
    until: float = 0.0
    refusal: Refusal | None = None


@dataclass
class _Cluster:
    generation: int = -1
    last: str = ""
    in_a_row: int = 0
    """How often the last action was decided for."""
    done_in_a_row: int = 0
    troubles: dict[str, _Trouble] = field(default_factory=dict)


class Refusals:
    """Of all clusters."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clusters: dict[Key, _Cluster] = {}

    def of(self, key: Key, generation: int) -> tuple[Refusal, ...]:
        """What is to be left out now. Another spec is another chance for everything."""
        cluster = self._clusters.setdefault(key, _Cluster())
        if cluster.generation != generation:
            cluster.generation = generation
            cluster.troubles.clear()
        now = self._clock()
        return tuple(t.refusal for t in cluster.troubles.values() if t.refusal and now < t.until)

    def forget(self, key: Key) -> None:
        self._clusters.pop(key, None)

    def note(self, key: Key, plan: Plan, report: Report | None) -> float:
        """How a step went; for how many seconds the next has to wait at least."""
        cluster = self._clusters.setdefault(key, _Cluster())
        name = key_of(plan.action) if plan.action is not None else ""
        if name != cluster.last:
            cluster.last, cluster.in_a_row, cluster.done_in_a_row = name, 0, 0
        if plan.action is None or report is None:
            return 0.0
        is_done = report.result is Result.DONE
        cluster.in_a_row += 1
        cluster.done_in_a_row = cluster.done_in_a_row + 1 if is_done else 0
        is_undone = cluster.done_in_a_row >= UNDONE_TRIES
        if is_done and not is_undone:
            cluster.troubles.pop(name, None)
        else:
            self._blame(key, cluster, name, report, is_undone=is_undone)
        return _pause_s(key, plan, cluster.in_a_row)

    def _blame(
        self, key: Key, cluster: _Cluster, name: str, report: Report, *, is_undone: bool
    ) -> None:
        now = self._clock()
        trouble = cluster.troubles.pop(name, _Trouble())
        if now - trouble.failed_at > FORGET_S:
            trouble = _Trouble()
        cluster.troubles[name] = trouble
        trouble.failures, trouble.failed_at = trouble.failures + 1, now
        if len(cluster.troubles) > REFUSALS_MAX:
            del cluster.troubles[next(iter(cluster.troubles))]
        if trouble.failures < TRIES and not is_undone:
            return
        message = report.message or "it fails"
        if is_undone:
            message = f"done {cluster.done_in_a_row} times in a row, and undone each time; by whom?"
        trouble.aside_s = min(ASIDE_MAX_S, trouble.aside_s * 2 or ASIDE_FIRST_S)
        trouble.until = now + trouble.aside_s
        trouble.refusal = Refusal(name, message, foreign=report.foreign)
        log.warning(
            "step.set_aside",
            namespace=key[0],
            cluster=key[1],
            action=name,
            error=message,
            next=f"everything else goes on; this is tried again in {trouble.aside_s:g} s",
        )


def _pause_s(key: Key, plan: Plan, in_a_row: int) -> float:
    """0 unless the same is done again and again."""
    over = in_a_row - FREE_REPEATS
    if over <= 0:
        return 0.0
    log.warning(
        "step.repeated",
        namespace=key[0],
        cluster=key[1],
        action=repr(plan.action),
        times=in_a_row,
        next="is another operator at work, or does somebody undo it?",
    )
    return float(min(REPEAT_MAX_S, REPEAT_FIRST_S * 2 ** min(over - 1, 10)))
