"""Effects on the founding ConfigMap: it is created once, and never overwritten without having been read."""

from raftkeeper_operator.act.effect import Scene
from raftkeeper_operator.build.founding import build_closed_founding, build_founding
from raftkeeper_operator.decide.plan import CloseFounding, CreateFounding, OpenFounding
from raftkeeper_operator.observe.fields import Object


async def create_founding(scene: Scene, action: CreateFounding) -> None:
    """Conflict when there is one already, whoever made it."""
    made = build_founding(scene.seen.blueprint, action.members, scene.hands.clock_ms())
    await scene.hands.kube.create(made)


async def open_founding(scene: Scene, action: OpenFounding) -> None:
    """Only as it was seen."""
    made = build_founding(scene.seen.blueprint, action.members, scene.hands.clock_ms())
    await _replace(scene, made, action.resource_version)


async def close_founding(scene: Scene, action: CloseFounding) -> None:
    """For ever."""
    made = build_closed_founding(scene.seen.blueprint, action.cluster_id)
    await _replace(scene, made, action.resource_version)


async def _replace(scene: Scene, made: Object, resource_version: str) -> None:
    made["metadata"]["resourceVersion"] = resource_version
    await scene.hands.kube.replace(made)
