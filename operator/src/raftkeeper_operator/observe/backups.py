"""Reads what is there of a cluster's backups: the resources, their Jobs, and the Jobs' last words."""

from collections.abc import Mapping

import pydantic
import structlog

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.backup import BackupScheduleSpec, BackupSpec
from raftkeeper_operator.build.backup_job import CONTAINER, job_name, removal_name
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import BACKUPS, JOBS, PODS, SCHEDULES
from raftkeeper_operator.observe.backup_picture import (
    BackupPicture,
    BackupSeen,
    JobSeen,
    ScheduleSeen,
)
from raftkeeper_operator.observe.fields import (
    Object,
    is_deleting,
    label,
    milliseconds,
    name_of,
    part,
    uid_of,
)
from raftkeeper_operator.observe.observer import Observation

log = structlog.get_logger(__name__)

Bodies = Mapping[str, Object]


async def read_backups(kube: Kube, seen: Observation) -> tuple[BackupPicture, Bodies, Bodies]:
    """The picture; and the backups and schedules it was made from, by name."""
    namespace, cluster = seen.blueprint.namespace, seen.blueprint.name
    backups = _of_cluster(await kube.list_objects(BACKUPS, namespace), cluster)
    schedules = _of_cluster(await kube.list_objects(SCHEDULES, namespace), cluster)
    jobs: dict[str, Object] = {}
    if backups:
        found = await kube.list_objects(JOBS, namespace, labels=f"{labels.CLUSTER}={cluster}")
        jobs = {name_of(job): job for job in found}
    seen_backups = [
        await _read_backup(kube, namespace, body, spec, jobs)
        for body in backups.values()
        if (spec := _backup_spec(body)) is not None
    ]
    return (
        BackupPicture(
            seen.snapshot.now_ms,
            _why_not(seen),
            tuple(seen_backups),
            tuple(one for body in schedules.values() if (one := _read_schedule(body))),
        ),
        backups,
        schedules,
    )


def _of_cluster(bodies: list[Object], cluster: str) -> dict[str, Object]:
    return {
        name_of(body): body
        for body in bodies
        if part(body, "spec", "cluster") == cluster and not is_deleting(body)
    }


def _why_not(seen: Observation) -> str:
    if seen.snapshot.deleting:
        return "the cluster is being deleted"
    if seen.snapshot.desired.hibernate:
        return "the cluster hibernates"
    return "" if seen.snapshot.ensemble is not None else "the cluster has no leader"


def _backup_spec(body: Object) -> BackupSpec | None:
    try:
        return BackupSpec.model_validate(body.get("spec") or {})
    except pydantic.ValidationError as error:
        # The API server checks the same, so it was made under another CRD.
        log.warning("backup.spec_unusable", backup=name_of(body), error=str(error))
        return None


async def _read_backup(
    kube: Kube, namespace: str, body: Object, spec: BackupSpec, jobs: Bodies
) -> BackupSeen:
    name, uid = name_of(body), uid_of(body)
    phase = str(part(body, "status", "phase") or "")
    job = _own(jobs.get(job_name(name)), uid)
    removal = _own(jobs.get(removal_name(name)), uid)
    words = ""
    if job is not None and phase == "Running" and _ended(job):
        words = await _last_words(kube, namespace, job)
    return BackupSeen(
        name,
        uid,
        milliseconds(part(body, "metadata", "creationTimestamp")),
        spec,
        phase,
        milliseconds(part(body, "status", "completedAt")),
        label(body, labels.SCHEDULE),
        _read_job(job, words) if job is not None else None,
        _read_job(removal, "") if removal is not None else None,
    )


def _own(job: Object | None, uid: str) -> Object | None:
    """A Job of a former backup of the same name is on its way out and does not count."""
    owners = part(job or {}, "metadata", "ownerReferences") or []
    return job if any(owner.get("uid") == uid for owner in owners) else None


def _ended(job: Object) -> str:
    """The condition with which it ended; '' while it runs."""
    for item in part(job, "status", "conditions") or []:
        if item.get("status") == "True" and item.get("type") in {"Complete", "Failed"}:
            return str(item["type"])
    return ""


def _read_job(job: Object, words: str) -> JobSeen:
    ended = _ended(job)
    if not words and ended == "Failed":
        conditions = part(job, "status", "conditions") or []
        words = next((str(c.get("message")) for c in conditions if c.get("type") == ended), "")
    return JobSeen(name_of(job), uid_of(job), bool(ended), ended == "Complete", words)


async def _last_words(kube: Kube, namespace: str, job: Object) -> str:
    """Of the newest of its pods that said any."""
    selector = f"batch.kubernetes.io/job-name={name_of(job)}"
    pods = await kube.list_objects(PODS, namespace, labels=selector)
    pods.sort(key=lambda pod: str(part(pod, "metadata", "creationTimestamp")))
    for pod in reversed(pods):
        for status in part(pod, "status", "containerStatuses") or []:
            words = part(status, "state", "terminated", "message")
            if status.get("name") == CONTAINER and words:
                return str(words)
    return ""


def _read_schedule(body: Object) -> ScheduleSeen | None:
    try:
        spec = BackupScheduleSpec.model_validate(body.get("spec") or {})
    except pydantic.ValidationError as error:
        log.warning("schedule.spec_unusable", schedule=name_of(body), error=str(error))
        return None
    return ScheduleSeen(
        name_of(body),
        uid_of(body),
        milliseconds(part(body, "metadata", "creationTimestamp")),
        spec,
        milliseconds(part(body, "status", "lastScheduledAt")),
    )
