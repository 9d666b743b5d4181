"""What the operator must never do, as checks of an effect just before it is done. They break, or let it pass."""

from typing import TYPE_CHECKING

from tests.model.ensemble import Broken, Refused
from tests.model.kubernetes import ModelClaim, ModelPod, why_damaged

from raftkeeper_operator.decide.facts import Facts, Seat, quorum
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.ensemble import Member

if TYPE_CHECKING:
    from tests.model.world import World


def check_removal(world: "World", member: Member) -> None:
    """A voter that is there goes only when everybody else is there as well. One whose seat is wanted goes
    only when its disk is lost or damaged.
    """
    voters = {voter.id for voter in world.ensemble.members if voter.votes}
    down = voters - world.ensemble.up - {member.id}
    if member.id in world.ensemble.up and down:
        raise Broken(f"member {member.id} is removed beside {sorted(down)}, which are down")
    if Seat.of(member.pod) in Facts(world.observe()).wanted and is_well(world, member):
        raise Broken(f"member {member.id} of {member.pod} is removed, and its disk is well")


def check_commitment(world: "World", pod: ModelPod) -> None:
    """A voter that is being removed may be needed for that, until it is committed."""
    ensemble, member = world.ensemble, world.member_of(pod)
    before = {one.id for one in ensemble.before[0] if one.votes} if ensemble.before else set()
    if ensemble.view() is not None and member in before - {one.id for one in ensemble.members}:
        raise Broken(f"{pod.name} was taken down before its removal was committed")


def is_well(world: "World", member: Member) -> bool:
    """Its disk is there and whole, wherever it can be mounted."""
    claims = world.kube.claims
    data, log = claims.get(f"data-{member.pod}"), claims.get(f"log-{member.pod}")
    if data is None or data.disk.incarnation != member.incarnation:
        return False
    mine = [data] if log is None else [data, log]
    if world.kube.log_volumes and log is None:
        return False
    gone = any(claim.lost or claim.terminating for claim in mine)
    return not gone and not why_damaged(data, log)


def check_deletion(world: "World", claim: ModelClaim, *, late: bool) -> None:
    """No volume of a member; and none of a former one that is to be retained."""
    ensemble = world.ensemble
    named = {member.id for member in ensemble.members}
    named |= {member.id for member in ensemble.before[0]} if ensemble.before else set()
    disk = claim.disk
    if claim.is_log:
        disks = [other.disk for other in world.kube.claims.values() if not other.is_log]
        whose = [disk for disk in disks if disk.incarnation == claim.written_by]
        disk = whose[0] if whose else disk
    if disk.member_id in named and disk.cluster_id == ensemble.cluster_id:
        if late:
            raise Refused("a member lives on it")
        raise Broken(f"volume {claim.name} of member {disk.member_id} is deleted")
    # Where a voter waits for its lost disk to be replaced nobody has to be asked.
    seat = claim.name.partition("-")[2]
    is_free = not any(member.pod == seat for member in ensemble.members)
    is_retained = is_free and world.desired.when_scaled is WhenScaled.RETAIN and not late
    if is_retained and disk.member_id and not claim.lost and not is_damaged(world, claim):
        raise Broken(f"volume {claim.name} is deleted, and is to be retained")


def is_damaged(world: "World", claim: ModelClaim) -> bool:
    """Together with the other volume of its seat it is no disk."""
    seat = claim.name.partition("-")[2]
    data, log = world.kube.claims.get(f"data-{seat}"), world.kube.claims.get(f"log-{seat}")
    return data is None or bool(why_damaged(data, log)) or (log is None) is world.kube.log_volumes


def check_drains(world: "World") -> None:
    """At no moment may a drain that the budget allows take the majority, while everybody is there."""
    if world.kube.budget is None or not world.desired.pod_disruption_budget or not world.allowed():
        return
    ensemble = world.ensemble
    pods = [pod for pod in world.kube.pods.values() if pod.counted and pod.ready_since_ms]
    going = {world.member_of(pod) for pod in pods}
    for members in (ensemble.members, ensemble.before[0] if ensemble.before else ()):
        voters = {one.id for one in members if one.votes}
        if len(voters) < 2 or not voters <= ensemble.up or not going & voters:
            continue
        if len(voters) - 1 < quorum(len(voters)):
            raise Broken(f"a drain may take one of {len(voters)} voters")
