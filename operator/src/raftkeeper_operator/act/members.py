"""Effects on the ensemble. Membership changes go to the leader that the decision was made from, compare the
config index, and bear an operation id, so a repetition, or a second operator, cannot do them twice.
"""

from raftkeeper_operator.act.effect import NotDone, Scene
from raftkeeper_operator.clients.keeper import Change, KeeperAccess
from raftkeeper_operator.decide.plan import (
    Action,
    AddLearner,
    Drain,
    Promote,
    RemoveMember,
    Replace,
    Transfer,
    Undrain,
    UpdateMember,
    operation_id,
)
from raftkeeper_operator.observe.fields import part, uid_of


async def add_learner(scene: Scene, action: AddLearner) -> None:
    """A node that waits, in this life of its disk."""
    access, leader = _leader(scene)
    await scene.hands.keeper.add_learner(
        access,
        leader,
        _change(scene, action, action.config_index),
        address=action.address,
        incarnation=action.incarnation,
        zone=action.zone,
    )


async def promote(scene: Scene, action: Promote) -> None:
    access, leader = _leader(scene)
    change = _change(scene, action, action.config_index)
    await scene.hands.keeper.promote(access, leader, change, action.member_id)


async def replace(scene: Scene, action: Replace) -> None:
    access, leader = _leader(scene)
    change = _change(scene, action, action.config_index)
    await scene.hands.keeper.replace(access, leader, change, action.old, action.new)


async def remove(scene: Scene, action: RemoveMember) -> None:
    access, leader = _leader(scene)
    change = _change(scene, action, action.config_index)
    await scene.hands.keeper.remove(access, leader, change, action.member_id)


async def update(scene: Scene, action: UpdateMember) -> None:
    access, leader = _leader(scene)
    change = _change(scene, action, action.config_index)
    details = {"zone": action.zone}
    await scene.hands.keeper.update(access, leader, change, action.member_id, details)


async def transfer(scene: Scene, action: Transfer) -> None:
    """Nothing happens if `leaving` does not lead any more: then it is done."""
    if action.leaving == action.to:
        return
    access, leader = _leader(scene)
    await scene.hands.keeper.transfer(
        access,
        leader,
        leaving=action.leaving,
        to=action.to,
        operation_id=_operation_id(scene, action),
    )


async def drain(scene: Scene, action: Drain) -> None:
    """That very pod: its successor of the same name serves clients that have just come."""
    access, endpoint = _pod(scene, action.pod, action.uid)
    await scene.hands.keeper.drain(access, endpoint)


async def undrain(scene: Scene, action: Undrain) -> None:
    access, endpoint = _pod(scene, action.pod, action.uid)
    await scene.hands.keeper.undrain(access, endpoint)


def _leader(scene: Scene) -> tuple[KeeperAccess, str]:
    access, pod = scene.seen.access, scene.seen.census.leader_pod
    endpoint = scene.seen.endpoints.get(pod, "")
    if access is None or not endpoint:
        raise NotDone("nobody leads")
    return access, endpoint


def _pod(scene: Scene, pod: str, uid: str) -> tuple[KeeperAccess, str]:
    access, endpoint = scene.seen.access, scene.seen.endpoints.get(pod, "")
    seen = scene.seen.snapshot.pod(pod)
    if access is None or not endpoint or seen is None or seen.uid != uid:
        raise NotDone(f"{pod} cannot be asked")
    return access, endpoint


def _change(scene: Scene, action: Action, config_index: int) -> Change:
    return Change(config_index, _operation_id(scene, action))


def _operation_id(scene: Scene, action: Action) -> str:
    body = scene.seen.body
    generation = int(part(body, "metadata", "generation") or 0)
    return operation_id(uid_of(body), generation, action)
