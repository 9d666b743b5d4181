"""The backups of a cluster, beside its one plan: look, do what is due, say so. Stops nothing else.

Whatever goes wrong here is told and tried again at the next step; a cluster is looked after just the same.
"""

import time
from dataclasses import replace

import structlog

from raftkeeper_operator.act.backups import BackupScene, act_on_backup, put_status
from raftkeeper_operator.app.health import Key
from raftkeeper_operator.clients.errors import Conflict, KubeError, NotFound
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import BACKUPS, SCHEDULES
from raftkeeper_operator.decide.backups import decide_backups, next_due_ms
from raftkeeper_operator.observe.backup_picture import BackupPicture
from raftkeeper_operator.observe.backups import read_backups
from raftkeeper_operator.observe.fields import name_of, part
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.report.backups import judge_waiting, schedule_report

log = structlog.get_logger(__name__)

NOTHING_DUE_S = 3_600.0
RUNNING_S = 5.0
"""A Job's end is heard of; this is for when it is not."""


async def look_after_backups(kube: Kube, seen: Observation) -> tuple[Observation, float]:
    """What was seen, with the backups; and for how long nothing is due, in seconds."""
    if seen.snapshot.deleting or seen.snapshot.desired.paused:
        return seen, NOTHING_DUE_S
    try:
        picture, backups, schedules = await read_backups(kube, seen)
        scene = BackupScene(kube, seen, picture, backups, schedules)
        acted = await _act(scene)
        if not acted:
            await _report(scene)
    except KubeError as error:
        log.warning("backups.failed", cluster=seen.blueprint.name, error=str(error))
        return seen, RUNNING_S
    return replace(seen, backups=picture), 0.0 if acted else _rest_s(picture)


async def _act(scene: BackupScene) -> bool:
    actions = decide_backups(scene.picture)
    for action in actions:
        try:
            await act_on_backup(scene, action)
        except (Conflict, NotFound) as error:
            log.info("backups.stale", action=repr(action), error=str(error))
        else:
            log.info("backups.acted", cluster=scene.seen.blueprint.name, action=repr(action))
    if actions:
        await _report_schedules(scene)
    return bool(actions)


async def _report(scene: BackupScene) -> None:
    picture = scene.picture
    for backup in picture.backups:
        body = scene.backups[backup.name]
        if backup.phase in {"", "Pending"} and (found := judge_waiting(picture)):
            status, verdict = found
            await put_status(scene.kube, BACKUPS, body, status, verdict, now_ms=picture.now_ms)
    await _report_schedules(scene)


async def _report_schedules(scene: BackupScene) -> None:
    for schedule in scene.picture.schedules:
        body = scene.schedules[schedule.name]
        before = {**(part(body, "status") or {}), **scene.scheduled.get(schedule.name, {})}
        status, verdict = schedule_report(scene.picture, schedule, before)
        await put_status(scene.kube, SCHEDULES, body, status, verdict, now_ms=scene.picture.now_ms)


def _rest_s(picture: BackupPicture) -> float:
    if any(backup.phase == "Running" or backup.removal is not None for backup in picture.backups):
        return RUNNING_S
    due = [next_due_ms(schedule, picture.now_ms) for schedule in picture.schedules]
    soonest = min((moment for moment in due if moment), default=0)
    if not soonest:
        return NOTHING_DUE_S
    return min(NOTHING_DUE_S, max(1.0, (soonest - picture.now_ms) / 1000))


async def explain_orphans(kube: Kube, namespaces: tuple[str, ...], clusters: set[Key]) -> None:
    """Backups and schedules of a cluster that does not exist are nobody's: say so in their status."""
    now_ms = time.time_ns() // 1_000_000
    for resource, kind in ((BACKUPS, "Complete"), (SCHEDULES, "Scheduled")):
        for namespace in namespaces or ("",):
            for body in await kube.list_objects(resource, namespace):
                space = str(part(body, "metadata", "namespace"))
                cluster = str(part(body, "spec", "cluster"))
                status = part(body, "status") or {}
                if (space, cluster) in clusters or status.get("phase") in {"Succeeded", "Failed"}:
                    continue
                message = f"there is no RaftKeeperCluster {cluster} in namespace {space}"
                verdict = (kind, "False", "ClusterNotFound", message)
                try:
                    await put_status(kube, resource, body, dict(status), verdict, now_ms=now_ms)
                except (Conflict, NotFound):
                    log.info("backups.orphan_gone", name=name_of(body))
