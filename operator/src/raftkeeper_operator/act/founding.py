"""Effects on the founding ConfigMap: it is created once, and never overwritten without having been read."""

from dataclasses import replace

from raftkeeper_operator.act.effect import NotDone, Scene
from raftkeeper_operator.act.ownership import create_owned
from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import MEMBER_COMPONENT
from raftkeeper_operator.build.founding import (
    build_closed_founding,
    build_founding,
    build_ordered_founding,
)
from raftkeeper_operator.clients.resources import PODS, VOLUME_CLAIMS
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import (
    CloseFounding,
    CreateFounding,
    OpenFounding,
    OrderRecovery,
)
from raftkeeper_operator.decide.quorum import majority_is_lost
from raftkeeper_operator.observe.fields import Object, label, name_of, uid_of
from raftkeeper_operator.observe.members import ask_members
from raftkeeper_operator.observe.snapshot import RecoveryOrder
from raftkeeper_operator.observe.volumes import is_member_claim


async def create_founding(scene: Scene, action: CreateFounding) -> None:
    """Conflict when there is one already."""
    now_ms = scene.hands.clock_ms()
    made = build_founding(scene.seen.blueprint, action.members, now_ms, action.recovery)
    await create_owned(scene, made)


async def open_founding(scene: Scene, action: OpenFounding) -> None:
    """Only as it was seen."""
    made = build_founding(scene.seen.blueprint, action.members, scene.hands.clock_ms())
    await _replace(scene, made, action.resource_version)


async def close_founding(scene: Scene, action: CloseFounding) -> None:
    """For ever."""
    made = build_closed_founding(scene.seen.blueprint, action.cluster_id, action.recovery)
    await _replace(scene, made, action.resource_version)


async def order_recovery(scene: Scene, action: OrderRecovery) -> None:
    """Nothing is harder to take back, so everything that it was decided on is asked once more."""
    await _refuse_if_more_is_there(scene, action)
    await _refuse_if_alive(scene)
    order = RecoveryOrder(action.epoch, action.survivor)
    made = build_ordered_founding(scene.seen.blueprint, action.cluster_id, order.text, action.pods)
    await _replace(scene, made, action.resource_version)


async def _refuse_if_more_is_there(scene: Scene, action: OrderRecovery) -> None:
    """What came since the look may hold what was thought to be lost."""
    selector = f"{labels.CLUSTER}={scene.seen.blueprint.name}"
    kube, namespace = scene.hands.kube, scene.namespace
    pods = await kube.list_objects(PODS, namespace, labels=selector)
    claims = await kube.list_objects(VOLUME_CLAIMS, namespace, labels=selector)
    found = [pod for pod in pods if label(pod, labels.COMPONENT) == MEMBER_COMPONENT]
    found += [claim for claim in claims if is_member_claim(claim)]
    known = {*action.pods, *action.volumes}
    if new := [name_of(item) for item in found if uid_of(item) not in known]:
        raise NotDone(f"{', '.join(sorted(new))} came since the look")


async def _refuse_if_alive(scene: Scene) -> None:
    access, snapshot = scene.seen.access, scene.seen.snapshot
    if access is None:
        raise NotDone("no member can be asked whether somebody leads")
    census = await ask_members(scene.hands.keeper, access, scene.seen.endpoints)
    pods = tuple(replace(pod, node=census.nodes.get(pod.name)) for pod in snapshot.pods)
    facts = Facts(replace(snapshot, pods=pods, ensemble=census.ensemble))
    if facts.snapshot.ensemble is not None:
        raise NotDone("somebody leads")
    if not majority_is_lost(facts):
        raise NotDone("a majority of the voters can come back")


async def _replace(scene: Scene, made: Object, resource_version: str) -> None:
    made["metadata"]["resourceVersion"] = resource_version
    await scene.hands.kube.replace(made)
