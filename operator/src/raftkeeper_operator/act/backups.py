"""Effects of decisions about backups: Jobs, backups of schedules, statuses. Each is safe to repeat."""

from dataclasses import dataclass, field
from typing import Any

from raftkeeper_operator.api import labels
from raftkeeper_operator.build.backup_job import (
    build_backup_job,
    build_removal_job,
    file_name,
    job_name,
)
from raftkeeper_operator.clients.errors import Conflict
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import BACKUPS, Resource
from raftkeeper_operator.decide.backups import (
    BackupAction,
    CreateBackup,
    FinishBackup,
    RemoveBackup,
    RemoveFile,
    StartBackup,
)
from raftkeeper_operator.observe.backup_picture import BackupPicture
from raftkeeper_operator.observe.backups import Bodies
from raftkeeper_operator.observe.fields import Object, name_of, part, uid_of
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.report.conditions import Verdict, merge_conditions
from raftkeeper_operator.report.status import timestamp

RESULT_FIELDS = {
    "index": "index",
    "term": "term",
    "znodes": "znodes",
    "bytes": "bytes",
    "sha256": "sha256",
    "location": "location",
}
"""What the Job says, and where it stands in the status."""


@dataclass(frozen=True, slots=True)
class BackupScene:
    """What an effect acts on."""

    kube: Kube
    seen: Observation
    picture: BackupPicture
    backups: Bodies
    schedules: Bodies
    scheduled: dict[str, Object] = field(default_factory=dict)
    """What the status of a schedule has to say of a backup that this step made for it."""

    @property
    def now_ms(self) -> int:
        return self.picture.now_ms


async def act_on_backup(scene: BackupScene, action: BackupAction) -> None:
    """Does it. A Conflict or NotFound means that the world has moved on: look again."""
    match action:
        case StartBackup():
            await _start(scene, action)
        case FinishBackup():
            await _finish(scene, action)
        case CreateBackup():
            await _create(scene, action)
        case RemoveFile():
            spec = _spec_of(scene, action.backup)
            blueprint = scene.seen.blueprint
            await scene.kube.create(
                build_removal_job(
                    blueprint, scene.seen.working_template, action.backup, action.uid, spec
                )
            )
        case RemoveBackup():
            namespace = scene.seen.blueprint.namespace
            await scene.kube.delete(BACKUPS, namespace, action.backup, uid=action.uid)


def _spec_of(scene: BackupScene, name: str) -> Any:
    return next(backup.spec for backup in scene.picture.backups if backup.name == name)


async def _start(scene: BackupScene, action: StartBackup) -> None:
    pods = tuple(sorted(pod.name for pod in scene.seen.snapshot.pods if pod.node is not None))
    spec = _spec_of(scene, action.backup)
    job = build_backup_job(
        scene.seen.blueprint, scene.seen.working_template, action.backup, action.uid, spec, pods
    )
    try:
        await scene.kube.create(job)
    except Conflict:
        # Ours, of a step that ended before the status was written; a stranger's is seen as none.
        pass
    status = {
        "phase": "Running",
        "jobName": job_name(action.backup),
        "startedAt": timestamp(scene.now_ms),
    }
    verdict = ("Complete", "False", "BackupRunning", "its Job runs")
    await put_status(
        scene.kube, BACKUPS, scene.backups[action.backup], status, verdict, now_ms=scene.now_ms
    )


async def _finish(scene: BackupScene, action: FinishBackup) -> None:
    body = scene.backups[action.backup]
    before = part(body, "status") or {}
    kept = {key: before[key] for key in ("jobName", "startedAt") if key in before}
    status: Object = {**kept, "completedAt": timestamp(scene.now_ms)}
    if action.result is None:
        status |= {"phase": "Failed", "message": action.message[:1024]}
        verdict = ("Complete", "False", "BackupFailed", action.message)
    else:
        found = {key: action.result.get(said) for key, said in RESULT_FIELDS.items()}
        status |= {key: value for key, value in found.items() if value is not None}
        status |= {"phase": "Succeeded", "file": file_name(action.backup)}
        if isinstance(action.result.get("zxid"), int):
            status["zxid"] = hex(action.result["zxid"])
        message = f"{status.get('znodes')} znodes, {status.get('bytes')} bytes"
        verdict = ("Complete", "True", "BackupStored", message)
    await put_status(scene.kube, BACKUPS, body, status, verdict, now_ms=scene.now_ms)


async def _create(scene: BackupScene, action: CreateBackup) -> None:
    """The backup first; the schedule's status says when, and may be written by the next step."""
    schedule = next(s for s in scene.picture.schedules if s.name == action.schedule)
    spec = schedule.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    body = {
        "apiVersion": labels.API_VERSION,
        "kind": BACKUPS.kind,
        "metadata": {
            "name": action.backup,
            "namespace": scene.seen.blueprint.namespace,
            "labels": {
                labels.SCHEDULE: action.schedule[:63],
                labels.CLUSTER: scene.seen.blueprint.name,
            },
        },
        "spec": {key: spec[key] for key in ("cluster", "destination", "timeout")},
    }
    try:
        await scene.kube.create(body)
    except Conflict:
        # Made by a step that ended before it could write the status.
        pass
    scene.scheduled[action.schedule] = {
        "lastScheduledAt": timestamp(action.due_ms),
        "lastBackup": action.backup,
    }


async def put_status(
    kube: Kube,
    resource: Resource,
    body: Object,
    status: Object,
    verdict: Verdict,
    *,
    now_ms: int,
) -> None:
    """Writes a status with its one condition, unless it is there already."""
    before = part(body, "status") or {}
    generation = int(part(body, "metadata", "generation") or 0)
    status = status | {
        "observedGeneration": generation,
        "conditions": merge_conditions(
            part(before, "conditions") or [], [verdict], generation, now_ms
        ),
    }
    if status == before:
        return
    await kube.apply(
        {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "namespace": part(body, "metadata", "namespace"),
                "name": name_of(body),
                # A successor of the same name has a status of its own.
                "uid": uid_of(body),
            },
            "status": status,
        },
        subresource="status",
    )
    body["status"] = status
