"""Effects on StatefulSets, and on the record of their templates.

A pool is read, changed in one respect, and written back in the version that was decided on. So nothing
that somebody else has changed meanwhile is undone.
"""

import json
from collections.abc import Callable

from raftkeeper_operator.act.effect import NotDone, Scene
from raftkeeper_operator.act.ownership import create_owned, own
from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import pool_of_label
from raftkeeper_operator.build.pod_template import for_pool
from raftkeeper_operator.build.revisions import build_revisions
from raftkeeper_operator.build.stateful_set import build_stateful_set
from raftkeeper_operator.clients.resources import CONFIG_MAPS, STATEFUL_SETS
from raftkeeper_operator.decide.plan import (
    CreatePool,
    DeletePool,
    KeepVolumes,
    OrphanPool,
    RecordGood,
    RejectRevision,
    SetPoolReplicas,
    SetTemplate,
    UpdatePool,
)
from raftkeeper_operator.observe.fields import Object, label, part, version_of
from raftkeeper_operator.observe.kept import (
    GOOD,
    GOOD_LEVEL,
    REJECTED,
    TEMPLATE_PREFIX,
    WHY_REJECTED,
    templates_of,
)

RETENTION_POLICY = "persistentVolumeClaimRetentionPolicy"
MUTABLE = ("template", "updateStrategy", "minReadySeconds", RETENTION_POLICY)
"""Fields of a StatefulSet's spec that may change beside its replicas."""


async def create_pool(scene: Scene, action: CreatePool) -> None:
    """Conflict when there is one of the name."""
    template = await _keep_template(scene, action.revision)
    made = build_stateful_set(
        scene.seen.blueprint,
        action.zone or None,
        replicas=action.replicas,
        template=template,
        revision=action.revision,
        data_bytes=action.storage_bytes,
        log_bytes=action.log_bytes,
    )
    await create_owned(scene, made)


async def update_pool(scene: Scene, action: UpdatePool) -> None:
    """All but replicas, claims and the revision of the template."""
    seen = scene.seen.snapshot.pool(action.pool)
    if seen is None:
        raise NotDone(f"there is no StatefulSet {action.pool}")
    template = await _keep_template(scene, seen.revision)

    def change(body: Object) -> None:
        zone = pool_of_label(label(body, labels.POOL))
        wanted = build_stateful_set(
            scene.seen.blueprint, zone, replicas=0, template=template, revision=seen.revision
        )
        for kind in ("labels", "annotations"):
            mine = wanted["metadata"].get(kind) or {}
            body["metadata"][kind] = {**(body["metadata"].get(kind) or {}), **mine}
        body["metadata"]["ownerReferences"] = wanted["metadata"]["ownerReferences"]
        for name in MUTABLE:
            body["spec"][name] = wanted["spec"][name]

    await _change(scene, action.pool, action.resource_version, change)


async def set_replicas(scene: Scene, action: SetPoolReplicas) -> None:
    """More pods or fewer."""

    def change(body: Object) -> None:
        body["spec"]["replicas"] = action.replicas

    await _change(scene, action.pool, action.resource_version, change)


async def keep_volumes(scene: Scene, action: KeepVolumes) -> None:
    """Nothing else of the pool, and without its kept template: a cluster that is being deleted needs none."""

    def change(body: Object) -> None:
        before = body["spec"].get(RETENTION_POLICY) or {}
        body["spec"][RETENTION_POLICY] = {**before, "whenDeleted": "Retain"}

    await _change(scene, action.pool, action.resource_version, change)


async def set_template(scene: Scene, action: SetTemplate) -> None:
    """No pod is touched by it: the update strategy is OnDelete."""
    template = await _keep_template(scene, action.revision)

    def change(body: Object) -> None:
        zone = pool_of_label(label(body, labels.POOL))
        made = for_pool(scene.seen.blueprint, template, action.revision, zone)
        body["spec"]["template"] = made

    await _change(scene, action.pool, action.resource_version, change)


async def orphan_pool(scene: Scene, action: OrphanPool) -> None:
    """The StatefulSet goes, its pods stay."""
    await scene.hands.kube.orphan(STATEFUL_SETS, scene.namespace, action.pool, uid=action.uid)


async def delete_pool(scene: Scene, action: DeletePool) -> None:
    """As it was seen: empty. What it owns stays: with `whenDeleted: Delete` that would be volumes in
    quarantine. (Its ControllerRevisions stay too, some kilobytes that nobody reads.)
    """
    await scene.hands.kube.orphan(
        STATEFUL_SETS,
        scene.namespace,
        action.pool,
        uid=action.uid,
        version=action.resource_version,
    )


async def record_good(scene: Scene, action: RecordGood) -> None:
    """The good revision, perhaps a rejected one, and no templates but theirs and the wanted one."""
    wanted = scene.seen.template
    kept = {action.revision, action.rejected, wanted.revision}

    def change(data: dict[str, str]) -> None:
        if action.revision == wanted.revision:
            data.setdefault(TEMPLATE_PREFIX + action.revision, _as_text(wanted.template))
        data[GOOD] = action.revision
        data[GOOD_LEVEL] = str(action.level)
        data[REJECTED] = action.rejected
        if not action.rejected:
            data.pop(WHY_REJECTED, None)
        for key in list(data):
            if key.startswith(TEMPLATE_PREFIX) and key.removeprefix(TEMPLATE_PREFIX) not in kept:
                del data[key]

    await _record(scene, change, action.resource_version)


async def reject_revision(scene: Scene, action: RejectRevision) -> None:
    """It is not tried again until the spec asks for another."""

    def change(data: dict[str, str]) -> None:
        data[REJECTED] = action.revision
        data[WHY_REJECTED] = action.why

    await _record(scene, change, action.resource_version)


async def _change(
    scene: Scene, pool: str, resource_version: str, change: Callable[[Object], None]
) -> None:
    body = await scene.hands.kube.get(STATEFUL_SETS, scene.namespace, pool)
    if body is None or version_of(body) != resource_version:
        raise NotDone(f"StatefulSet {pool} is not as it was when this was decided")
    change(body)
    await scene.hands.kube.replace(body)


async def _keep_template(scene: Scene, revision: str) -> Object:
    """The template of a revision; the spec's own is written down before any pool has it."""
    kept = templates_of(await _revisions(scene))
    if revision in kept:
        return kept[revision]
    if revision != scene.seen.template.revision:
        raise NotDone(f"the template of revision {revision} was not kept")
    template = scene.seen.template.template

    def change(data: dict[str, str]) -> None:
        data[TEMPLATE_PREFIX + revision] = _as_text(template)

    await _record(scene, change)
    return template


def _as_text(template: Object) -> str:
    return json.dumps(template, sort_keys=True)


async def _revisions(scene: Scene) -> Object | None:
    return await own(scene, CONFIG_MAPS, scene.seen.blueprint.names.revisions_config)


async def _record(
    scene: Scene, change: Callable[[dict[str, str]], None], version: str | None = None
) -> None:
    """One change of the ConfigMap of revisions: as it is at this moment, or as it was in `version`."""
    blueprint, kube = scene.seen.blueprint, scene.hands.kube
    body = await _revisions(scene)
    if version is not None and version_of(body or {}) != version:
        raise NotDone("the record of revisions is not as it was when this was decided")
    data = dict(part(body or {}, "data") or {})
    before = dict(data)
    change(data)
    if body is None:
        await create_owned(scene, build_revisions(blueprint, data))
    elif data != before:
        await kube.replace({**body, "data": data})
