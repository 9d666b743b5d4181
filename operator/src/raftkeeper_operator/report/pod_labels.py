"""Labels that say who lives where: on pods for people, on volume claims for ever.

A claim is labelled as soon as its pod has said who it is, so that later, with no pod there to ask, nobody
has to guess whose data it holds.
"""

import asyncio

import structlog

from raftkeeper_operator.api import labels
from raftkeeper_operator.clients.errors import Conflict, KubeError, NotFound
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import PODS, VOLUME_CLAIMS, Resource
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.fields import Object, label, uid_of
from raftkeeper_operator.observe.observer import Observation

log = structlog.get_logger(__name__)


async def label_members(kube: Kube, seen: Observation) -> None:
    """Only where something is different. One that cannot be written is written next time."""
    ensemble = seen.snapshot.ensemble
    changes = []
    for pod in seen.snapshot.pods:
        node = pod.node
        if node is None or not node.member_id or node.state != "member" or pod.terminating:
            continue
        member = ensemble.member(node.member_id) if ensemble is not None else None
        wanted: dict[str, str | None] = {labels.MEMBER: str(node.member_id)}
        if ensemble is not None:
            votes = member is not None and member.votes
            # The budget counts by it, and until a vote is committed those that had one must all stay.
            if ensemble.settled or not votes:
                wanted[labels.VOTER] = "true" if votes else None
            wanted[labels.ROLE] = _role(ensemble, member)
        changes.append(_label(kube, PODS, seen.objects.get(PODS, pod.name), wanted))
        if node.damage:
            # One of its volumes may be a new one, on which nobody lives.
            continue
        for volume in seen.snapshot.volumes_of(pod.pool, pod.ordinal):
            if not volume.owned or volume.terminating:
                continue
            claim = seen.objects.get(VOLUME_CLAIMS, volume.name)
            living: dict[str, str | None] = {
                labels.MEMBER: str(node.member_id),
                labels.ENSEMBLE: node.cluster_id,
            }
            changes.append(_label(kube, VOLUME_CLAIMS, claim, living))
    await asyncio.gather(*changes)


def _role(ensemble: Ensemble, member: Member | None) -> str | None:
    if member is None:
        return None
    if member.id == ensemble.leader_id:
        return "leader"
    return "follower" if member.votes else member.role


async def _label(
    kube: Kube, resource: Resource, body: Object | None, wanted: dict[str, str | None]
) -> None:
    if body is None or all(label(body, key) == (value or "") for key, value in wanted.items()):
        return
    meta = body["metadata"]
    patch = {"metadata": {"uid": uid_of(body), "labels": wanted}}
    try:
        await kube.patch(resource, meta["namespace"], meta["name"], patch)
    except (Conflict, NotFound):
        return
    except KubeError as error:
        log.warning("labels.not_written", name=meta["name"], error=str(error))
