"""One step of one cluster: look, decide, act once, report. Says when to look again."""

from dataclasses import replace

import structlog

from raftkeeper_operator.act.executor import Executor, Report, Result
from raftkeeper_operator.app.backups import look_after_backups
from raftkeeper_operator.app.cluster_loop import Outcome
from raftkeeper_operator.app.health import Key
from raftkeeper_operator.app.refusals import Refusals
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import CLUSTERS
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import Plan, Release
from raftkeeper_operator.observe.fields import uid_of
from raftkeeper_operator.observe.observer import Observer, SpecUnusable
from raftkeeper_operator.report.reporter import Reporter

log = structlog.get_logger(__name__)

AT_ONCE_S = 0.0
"""After an effect: usually there is a next one."""
BLOCKED_S = 2.0
"""While something is waited for that may happen unheard: members have no way to wake the operator."""
REFUSED_S = 3.0
FAILED_S = 5.0
IDLE_S = 30.0
"""When all is well: for what no event tells, such as a member that lost contact."""
ASLEEP_S = 60.0
"""Nothing happens in a cluster that hibernates or is paused, and a change of its spec is heard of."""
UNUSABLE_S = 60.0

QUIET = frozenset({"Hibernated", "Paused"})


class ClusterStep:
    """The step, with all it needs."""

    def __init__(
        self, kube: Kube, observer: Observer, executor: Executor, reporter: Reporter
    ) -> None:
        self._kube = kube
        self._observer = observer
        self._executor = executor
        self._reporter = reporter
        self._uids: dict[Key, str] = {}
        self._refusals = Refusals()

    async def __call__(self, key: Key) -> Outcome:
        """Look, decide, act once, report."""
        try:
            seen = await self._observer.observe(*key)
        except SpecUnusable as error:
            return await self._explain(key, error)
        if seen is None:
            self._forget(key)
            return Outcome(AT_ONCE_S, finished=True)
        self._uids[key] = uid_of(seen.body)
        refused = self._refusals.of(key, seen.snapshot.generation)
        seen = replace(seen, snapshot=replace(seen.snapshot, refused=refused))
        plan = decide(seen.snapshot)
        report = None
        if plan.action is not None:
            report = await self._executor.act(seen, plan.action)
        if isinstance(plan.action, Release):
            self._forget(key)
            return Outcome(AT_ONCE_S, finished=True)
        seen, backups_rest_s = await look_after_backups(self._kube, seen)
        await self._reporter.report(seen, plan, report)
        least_s = self._refusals.note(key, plan, report)
        return Outcome(max(least_s, min(_pause_s(plan, report), backups_rest_s)), least_s)

    async def _explain(self, key: Key, error: SpecUnusable) -> Outcome:
        body = await self._kube.get(CLUSTERS, *key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            # What cannot be read cannot keep a cluster from being deleted either.
            self._forget(key)
            return Outcome(AT_ONCE_S, finished=True)
        log.warning("step.spec_unusable", namespace=key[0], cluster=key[1], error=str(error))
        await self._reporter.report_unusable(body, str(error))
        return Outcome(UNUSABLE_S)

    def _forget(self, key: Key) -> None:
        uid = self._uids.pop(key, "")
        self._refusals.forget(key)
        self._observer.forget(uid)
        self._reporter.forget(uid)


def _pause_s(plan: Plan, report: Report | None) -> float:
    if report is not None:
        pauses = {Result.REFUSED: REFUSED_S, Result.FAILED: FAILED_S}
        return pauses.get(report.result, AT_ONCE_S)
    if plan.recheck_ms:
        return min(plan.recheck_ms / 1000, IDLE_S)
    if plan.reason in QUIET:
        return ASLEEP_S
    return BLOCKED_S if plan.blocked_by else IDLE_S
