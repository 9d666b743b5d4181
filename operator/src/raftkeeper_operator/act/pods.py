"""Effects on pods and volume claims. A UID names what was meant: never its successor of the same name."""

from raftkeeper_operator.act.effect import NotDone, Scene
from raftkeeper_operator.api import labels
from raftkeeper_operator.clients.keeper import KeeperError
from raftkeeper_operator.clients.resources import PODS, VOLUME_CLAIMS
from raftkeeper_operator.decide.plan import (
    AdoptVolume,
    DeletePod,
    DeleteVolume,
    Evict,
    GrowVolume,
    RetireVolume,
    UntieVolume,
)
from raftkeeper_operator.observe.ensemble import Ensemble
from raftkeeper_operator.observe.fields import Object, label, ordinal_of, part, uid_of
from raftkeeper_operator.observe.members import ask_members
from raftkeeper_operator.observe.volumes import ties


async def evict(scene: Scene, action: Evict) -> None:
    """Under the disruption budget. A pod that is gone, or whose name has a new life, is no error."""
    await scene.hands.kube.evict(scene.namespace, action.pod, uid=action.uid)


async def delete_pod(scene: Scene, action: DeletePod) -> None:
    """Without asking the budget: nobody is served by it."""
    await scene.hands.kube.delete(PODS, scene.namespace, action.pod, uid=action.uid)


async def retire_volume(scene: Scene, action: RetireVolume) -> None:
    """Labels only."""
    retention = scene.seen.blueprint.spec.storage.retention
    now_s = scene.hands.clock_ms() // 1000
    annotations = {labels.RETIRED_AT: str(now_s)}
    if retention.when_scaled == "Quarantine":
        annotations[labels.DELETE_AFTER] = str(now_s + retention.quarantine_for_ms // 1000)
    await _patch(
        scene,
        action.volume,
        action.uid,
        {"labels": {labels.RETIRED: "true"}, "annotations": annotations},
    )


async def adopt_volume(scene: Scene, action: AdoptVolume) -> None:
    """It is this cluster's from now on, and in use."""
    await _patch(
        scene,
        action.volume,
        action.uid,
        {
            "labels": {labels.CLUSTER_UID: scene.seen.blueprint.uid, labels.RETIRED: None},
            "annotations": {labels.RETIRED_AT: None, labels.DELETE_AFTER: None},
        },
    )


async def untie_volume(scene: Scene, action: UntieVolume) -> None:
    """Other owners than its StatefulSet or pod were made by somebody else, and stay."""
    claim = await _claim(scene, action.volume, action.uid)
    owners, tied = part(claim, "metadata", "ownerReferences") or [], ties(claim)
    rest = [owner for owner in owners if owner not in tied]
    await _patch(scene, action.volume, action.uid, {"ownerReferences": rest})


async def grow_volume(scene: Scene, action: GrowVolume) -> None:
    """Asks for more; the storage does the rest."""
    claim = await _claim(scene, action.volume, action.uid)
    await scene.hands.kube.patch(
        VOLUME_CLAIMS,
        scene.namespace,
        action.volume,
        {
            "metadata": {"resourceVersion": claim["metadata"]["resourceVersion"]},
            "spec": {"resources": {"requests": {"storage": str(action.bytes)}}},
        },
    )


async def delete_volume(scene: Scene, action: DeleteVolume) -> None:
    """Data goes for ever, so everything is asked once more: is it this claim, and is nobody on it?

    The leader is asked at this moment, not remembered. Only with the whole cluster on its way out nobody
    needs to be asked.
    """
    claim = await _claim(scene, action.volume, action.uid)
    if not scene.seen.snapshot.deleting:
        _refuse_if_inhabited(claim, await _membership(scene))
    await scene.hands.kube.delete(
        VOLUME_CLAIMS,
        scene.namespace,
        action.volume,
        uid=action.uid,
        version=claim["metadata"]["resourceVersion"],
    )


async def _membership(scene: Scene) -> Ensemble:
    access = scene.seen.access
    if access is None:
        raise NotDone("no member can be asked who is on this volume")
    try:
        census = await ask_members(scene.hands.keeper, access, scene.seen.endpoints)
    except KeeperError as error:
        raise NotDone(f"no member can be asked who is on this volume: {error}") from error
    if census.ensemble is None:
        raise NotDone("nobody leads, so nobody can say who is on this volume")
    return census.ensemble


def _refuse_if_inhabited(claim: Object, ensemble: Ensemble) -> None:
    """Its label says who lives on it. Before it has one its seat counts: somebody may just move in."""
    name = claim["metadata"]["name"]
    member = label(claim, labels.MEMBER)
    same = label(claim, labels.ENSEMBLE) in {"", ensemble.cluster_id}
    if member.isdecimal() and same and ensemble.member(int(member)) is not None:
        raise NotDone(f"volume {name} holds member {member}")
    known = member.isdecimal() and label(claim, labels.ENSEMBLE) == ensemble.cluster_id
    if not known and ordinal_of(name) >= 0 and ensemble.at(name.partition("-")[2]):
        raise NotDone(f"volume {name} has the seat of a member")


async def _claim(scene: Scene, name: str, uid: str) -> Object:
    claim = await scene.hands.kube.get(VOLUME_CLAIMS, scene.namespace, name)
    if claim is None or uid_of(claim) != uid:
        raise NotDone(f"volume {name} is another one by now")
    return claim


async def _patch(scene: Scene, name: str, uid: str, metadata: Object) -> None:
    claim = await _claim(scene, name, uid)
    version = claim["metadata"]["resourceVersion"]
    await scene.hands.kube.patch(
        VOLUME_CLAIMS,
        scene.namespace,
        name,
        {"metadata": {**metadata, "resourceVersion": version}},
    )
