"""Whose an object is: the operator takes over, overwrites and deletes nothing that it did not make."""

from raftkeeper_operator.act.effect import ForeignObject, NotDone, Scene
from raftkeeper_operator.api import labels
from raftkeeper_operator.clients.errors import Conflict
from raftkeeper_operator.clients.resources import Resource, resource_of
from raftkeeper_operator.observe.fields import Object, is_owned, label, name_of


async def own(scene: Scene, resource: Resource, name: str) -> Object | None:
    """The object as it is now, if it is this cluster's; None when there is none."""
    found = await scene.hands.kube.get(resource, scene.namespace, name)
    blueprint = scene.seen.blueprint
    if found is None or is_owned(found, blueprint.uid):
        return found
    what = f"{resource.kind} {name} is there and does not belong to this cluster"
    if label(found, labels.CLUSTER) == blueprint.name:
        # What is written to it would go with it.
        raise NotDone(
            f"{what}, but to a former one of its name; delete it if it does not go by itself"
        )
    raise ForeignObject(f"{what}; delete it, or give the cluster another name")


async def create_owned(scene: Scene, body: Object) -> None:
    """A new object; Conflict when there is one already that is ours."""
    try:
        await scene.hands.kube.create(body)
    except Conflict:
        await own(scene, resource_of(body["kind"]), name_of(body))
        raise
