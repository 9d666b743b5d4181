"""Tells what a step saw and did: status (only when it has changed), Event, labels, metrics.

Nothing here is needed for the next step, so none of it may stop one: what cannot be written is written
next time.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.api.conditions import Reason
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.clients.errors import Conflict, KubeError, NotFound
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import CLUSTERS
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.observe.fields import Object, condition, name_of, part, uid_of
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.report.acceptance import judge_acceptance
from raftkeeper_operator.report.backups import judge_backups, last_backup
from raftkeeper_operator.report.conditions import judge, judge_unseen, merge_conditions
from raftkeeper_operator.report.events import Events
from raftkeeper_operator.report.pod_labels import label_members
from raftkeeper_operator.report.status import Progress, build_status, describe_plan

log = structlog.get_logger(__name__)

VOLATILE_S = 30.0
"""How old figures may be that change with every write of a client; they alone set off no write sooner."""
VOLATILE = frozenset({"matchIndex", "lag", "clients"})
"""Those figures, of each member."""


class Reporter:
    """Of all clusters."""

    def __init__(
        self,
        kube: Kube,
        events: Events,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube = kube
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._written: dict[str, float] = {}
        self._blocked: dict[str, tuple[str, float]] = {}

    def forget(self, uid: str) -> None:
        """The cluster is gone."""
        self._events.forget(uid)
        self._written.pop(uid, None)
        self._blocked.pop(uid, None)

    async def report(self, seen: Observation, plan: Plan, report: Report | None) -> None:
        """After a step."""
        done = report is not None and report.result is Result.DONE
        refusal = ""
        if report is not None and report.result in {Result.REFUSED, Result.FAILED}:
            refusal = report.message
        if report is None or report.result is not Result.STALE:
            await self._events.tell(seen.body, plan, refusal)
        self._count(seen, plan, report)
        await label_members(self._kube, seen)
        await self._write(seen, Progress(plan, refusal, done), report)

    async def report_unusable(self, body: Object, message: str) -> None:
        """The spec could not be used, so nothing else was looked at; what was known of members stays."""
        plan = wait("SpecInvalid", message)
        await self._events.tell(body, plan)
        self._count_unusable(body)
        before, now_ms = part(body, "status") or {}, time.time_ns() // 1_000_000
        generation = int(part(body, "metadata", "generation") or 0)
        verdicts = judge_unseen(message)
        verdicts.append(judge_backups(None, condition(body, "BackupHealthy")))
        known = before.get("conditions") or []
        status = {
            **before,
            "observedGeneration": generation,
            "phase": "Blocked",
            "plan": describe_plan(plan, (), before, now_ms),
            "conditions": merge_conditions(known, verdicts, generation, now_ms),
        }
        if status != before:
            await self._put(body, status)

    async def _write(self, seen: Observation, progress: Progress, report: Report | None) -> None:
        before = part(seen.body, "status") or {}
        snapshot = seen.snapshot
        phase, verdicts = judge(snapshot, progress.plan)
        verdicts = judge_acceptance(verdicts, seen, report)
        verdicts.append(judge_backups(seen.backups, condition(seen.body, "BackupHealthy")))
        status = (
            build_status(seen, progress)
            | last_backup(seen.backups, before)
            | {
                "phase": phase,
                "conditions": merge_conditions(
                    before.get("conditions") or [], verdicts, snapshot.generation, snapshot.now_ms
                ),
            }
        )
        if status == before:
            return
        uid, now = uid_of(seen.body), self._clock()
        fresh = now - self._written.get(uid, float("-inf")) < VOLATILE_S
        if fresh and _lasting(status) == _lasting(before):
            return
        if await self._put(seen.body, status):
            self._written[uid] = now

    async def _put(self, body: Object, status: Mapping[str, Any]) -> bool:
        desired = {
            "apiVersion": CLUSTERS.api_version,
            "kind": CLUSTERS.kind,
            "metadata": {
                "namespace": part(body, "metadata", "namespace"),
                "name": name_of(body),
                # A successor of the same name has a status of its own.
                "uid": uid_of(body),
            },
            "status": status,
        }
        try:
            await self._kube.apply(desired, subresource="status")
        except (Conflict, NotFound):
            return False
        except KubeError as error:
            log.warning("status.not_written", cluster=name_of(body), error=str(error))
            return False
        return True

    def _count_unusable(self, body: Object) -> None:
        """Figures of a former look would be taken for today's; that nothing goes on is told instead."""
        cluster = (str(part(body, "metadata", "namespace")), name_of(body))
        self._metrics.forget(*cluster)
        self._metrics.blocked_seconds.labels(*cluster, "SpecInvalid").set(
            self._blocked_for(uid_of(body), "SpecInvalid")
        )

    def _blocked_for(self, uid: str, reason: str) -> float:
        known, since = self._blocked.get(uid, ("", 0.0))
        if known != reason:
            since = self._clock()
        self._blocked[uid] = (reason, since)
        return self._clock() - since

    def _count(self, seen: Observation, plan: Plan, report: Report | None) -> None:
        snapshot, metrics = seen.snapshot, self._metrics
        cluster = (snapshot.namespace, snapshot.name)
        if report is not None:
            metrics.actions.labels(plan.name, report.result.value).inc()
        ensemble = snapshot.ensemble
        metrics.ready.labels(*cluster).set(
            ensemble is not None and plan.reason != Reason.FOREIGN_ENSEMBLE
        )
        metrics.hibernated.labels(*cluster).set(snapshot.desired.hibernate)
        metrics.wanted.labels(*cluster).set(snapshot.desired.replicas)
        if ensemble is not None:
            metrics.voters.labels(*cluster).set(len(ensemble.voters))
        metrics.blocked_seconds.remove_by_labels(
            {"namespace": snapshot.namespace, "cluster": snapshot.name}
        )
        uid = uid_of(seen.body)
        # Sleep is what was asked for, and waits for nothing.
        if plan.action is None and plan.blocked_by and plan.reason != Reason.HIBERNATED:
            blocked_s = self._blocked_for(uid, plan.reason)
            metrics.blocked_seconds.labels(*cluster, plan.reason).set(blocked_s)
        else:
            self._blocked.pop(uid, None)


def _lasting(status: Mapping[str, Any]) -> Object:
    """Without the figures that change all the time."""
    members = [
        {key: value for key, value in row.items() if key not in VOLATILE}
        for row in status.get("members") or []
    ]
    return {**status, "members": members}
