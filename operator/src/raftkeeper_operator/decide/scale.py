"""As many members as the spec asks for, in the zones it asks for: one at a time, whatever is to change.

Growing and shrinking, moving between zones and leaving one are the same two steps: add a missing seat,
remove an extra one. Which comes first keeps the number of voters between the old and the new one, or one
above it.
"""

from collections import Counter
from collections.abc import Iterator

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.gate import removal_blockers
from raftkeeper_operator.decide.leadership import best_successor
from raftkeeper_operator.decide.plan import (
    AdoptVolume,
    DeleteVolume,
    Drain,
    Plan,
    RemoveMember,
    SetPoolReplicas,
    Transfer,
    Undrain,
    act,
    wait,
)
from raftkeeper_operator.decide.repair import add_learner, explain_retained, retained_at
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.snapshot import Pod

DRAIN_PATIENCE_MS = 20_000
"""How long a member that goes may take to send its clients elsewhere. Those left are closed when its pod
stops, which costs them a reconnect."""


def scale(facts: Facts) -> Plan | None:
    """One step towards the wanted seats. With a learner on its way there is nothing to begin."""
    ensemble = facts.settled
    if ensemble is None or len(ensemble.voters) < len(ensemble.members):
        return None
    seated = facts.seated(ensemble)
    voting = {seat for seat, members in seated.items() if any(m.votes for m in members)}
    missing = [seat for seat in facts.wanted if seat not in seated]
    extra = voting - set(facts.wanted)
    if extra and (len(voting) > facts.desired.replicas or not missing):
        return _shrink(facts, ensemble, seated, extra)
    if missing:
        return _grow(facts, ensemble, seated, missing)
    return None


# ---- more ------------------------------------------------------------------------------------------


def _grow(
    facts: Facts,
    ensemble: Ensemble,
    seated: dict[Seat, tuple[Member, ...]],
    missing: list[Seat],
) -> Plan | None:
    """The emptiest pool first; a seat that has a pod already before one that has none. One whose place a
    retained volume takes up keeps nobody from another.
    """
    taken = {seat: one for seat in missing if (one := retained_at(facts, ensemble, seat))}
    # A pool gets its pods in order.
    first = {seat.pool: seat.ordinal for seat in reversed(taken) if facts.pod_at(seat) is None}
    missing = [
        seat
        for seat in missing
        if seat not in taken and seat.ordinal < first.get(seat.pool, seat.ordinal + 1)
    ]
    if not missing:
        seat, volume = next(iter(taken.items()))
        return explain_retained(seat, volume)
    crowd = Counter(seat.pool for seat in seated)
    missing = sorted(
        missing,
        key=lambda seat: (
            facts.snapshot.pool(seat.pool) is None,
            facts.pod_at(seat) is None,
            crowd[seat.pool],
            seat.ordinal,
        ),
    )
    return _fill(facts, ensemble, missing[0])


def _fill(facts: Facts, ensemble: Ensemble, seat: Seat) -> Plan | None:
    pod = facts.pod_at(seat)
    if pod is not None:
        return _join(facts, ensemble, seat, pod)
    pool = facts.snapshot.pool(seat.pool)
    if pool is None or pool.replicas > seat.ordinal:
        return wait("PodMissing", f"{seat.pod} is not there yet", target=seat.pod)
    for volume in facts.volumes_at(seat):
        if volume.terminating:
            return wait("VolumeDeleting", f"volume {volume.name} is being deleted", target=seat.pod)
        if not facts.volume_is_free(volume, ensemble):
            return wait(
                "VolumeInUse",
                f"volume {volume.name} holds member {volume.member_id}, and {seat.pod} needs its name",
                target=seat.pod,
            )
        if facts.desired.when_scaled is WhenScaled.RETAIN:
            # Nobody's, or its seat would have been left out: its pod says whether that is so.
            if volume.retired_ms:
                why = f"{volume.name} was kept, is nobody's, and is used by {seat.pod}"
                return act(AdoptVolume(volume.name, volume.uid), "Adopting", why, volume.name)
            continue
        return act(
            DeleteVolume(volume.name, volume.uid),
            "WipingVolume",
            f"{seat.pod} begins a new life; its volume {volume.name} holds a former one",
            volume.name,
        )
    return act(
        SetPoolReplicas(pool.name, pool.replicas + 1, pool.resource_version),
        "ScalingUp",
        f"{len(ensemble.voters)} of {facts.desired.replicas} members; the next is {seat.pod}",
        pool.name,
    )


def _join(facts: Facts, ensemble: Ensemble, seat: Seat, pod: Pod) -> Plan | None:
    if pod.terminating:
        return wait("PodStopping", f"{pod.name} is stopping", target=pod.name)
    if pod.node is not None and pod.node.state == "waiting":
        why = f"{len(ensemble.voters)} of {facts.desired.replicas} members"
        return add_learner(facts, ensemble, seat, pod, why)
    if pod.unschedulable:
        return wait(
            "PodUnschedulable", f"no node takes {pod.name}: {pod.unschedulable}", target=pod.name
        )
    trouble = pod.trouble or (pod.node.reason if pod.node else "") or "it does not answer yet"
    return wait("PodNotReady", f"{pod.name} is to be added: {trouble}", target=pod.name)


# ---- fewer -----------------------------------------------------------------------------------------


def _shrink(
    facts: Facts,
    ensemble: Ensemble,
    seated: dict[Seat, tuple[Member, ...]],
    extra: set[Seat],
) -> Plan:
    """Those that are down first, then the most crowded pool; the leader if it has to be."""
    crowd = Counter(seat.pool for seat in seated)
    tops = {seat.pool: seat for seat in sorted(extra, key=lambda seat: seat.ordinal)}
    choice = []
    for seat in tops.values():
        voter = next(member for member in seated[seat] if member.votes)
        leads = voter.id == ensemble.leader_id
        choice.append(((facts.healthy(voter), -crowd[seat.pool], leads, seat.pod), seat, voter))
    _, seat, voter = min(choice, key=lambda item: item[0])
    if blockers := removal_blockers(facts, ensemble, voter):
        return wait(
            "MemberDown",
            f"{seat.pod} is to go, but not now: {blockers[0]}",
            *blockers,
            target=seat.pod,
        )
    return let_go(facts, ensemble, seat, voter, extra)


def let_go(facts: Facts, ensemble: Ensemble, seat: Seat, voter: Member, extra: set[Seat]) -> Plan:
    """Transfer, drain, remove: each its own step. The pod goes when the membership is without it."""
    if voter.id == ensemble.leader_id:
        going = {facing.pod for facing in extra}
        successor = best_successor(
            facts, ensemble, lambda member: member.pod not in going
        ) or best_successor(facts, ensemble, lambda _: True)
        if successor is None:
            return wait("NoSuccessor", f"{seat.pod} leads, and nobody can take over")
        return act(
            Transfer(voter.id, successor.id, ensemble.term),
            "TransferringLeadership",
            f"{seat.pod} leads and is to go; {successor.pod} takes over",
            seat.pod,
        )
    pod = facts.pod_of(voter)
    serves = pod is not None and (pod.ready or facts.healthy(voter))
    if pod is not None and pod.node is not None and serves and not pod.node.draining:
        return act(
            Drain(pod.name, pod.uid, voter.id),
            "Draining",
            f"{pod.name} is to go and sends its {pod.node.clients} clients to the others",
            pod.name,
        )
    if pod is not None and pod.node is not None and not _waited(facts):
        # While it is ready its Service sends it clients, and the disruption budget counts it as one of those
        # that must stay: with it gone a drain could take one of the last two.
        left = f"{pod.node.clients} clients left" if pod.node.clients else ""
        left = left or ("not become unready yet" if pod.ready and pod.node.draining else "")
        if left:
            return wait(
                "DrainingClients",
                f"{pod.name} is drained and has {left}",
                f"clients leave {pod.name}",
                target=pod.name,
                recheck_ms=1_000,
            )
    return act(
        RemoveMember(voter.id, ensemble.config_index),
        "ScalingDown",
        f"member {voter.id} of {seat.pod} is removed; its pod goes afterwards",
        seat.pod,
    )


def _waited(facts: Facts) -> bool:
    remembered = facts.snapshot.remembered
    return (
        remembered.plan_reason == "DrainingClients"
        and facts.snapshot.now_ms - remembered.plan_since_ms >= DRAIN_PATIENCE_MS
    )


def keep_clients(facts: Facts) -> Plan | None:
    """A scale-down that was taken back leaves nobody drained."""
    for seat in facts.wanted:
        pod = facts.pod_at(seat)
        if pod is None or pod.node is None or not pod.node.draining or pod.terminating:
            continue
        return act(
            Undrain(pod.name, pod.uid, pod.node.member_id),
            "Undraining",
            f"{pod.name} stays after all and takes clients again",
            pod.name,
        )
    return None


# ---- pods without members --------------------------------------------------------------------------


def shrink_pools(facts: Facts) -> Plan | None:
    """The highest pod of a pool is no member and not wanted: what a removal leaves behind."""
    ensemble = facts.settled
    return facts.first_possible(_superfluous(facts, ensemble)) if ensemble is not None else None


def _superfluous(facts: Facts, ensemble: Ensemble) -> Iterator[Plan]:
    for pool in facts.snapshot.pools:
        if not pool.replicas or pool.deleting:
            continue
        seat = facts.highest(pool)
        if seat in facts.wanted or ensemble.at(seat.pod):
            continue
        yield act(
            SetPoolReplicas(pool.name, pool.replicas - 1, pool.resource_version),
            "ShrinkingPool",
            f"{seat.pod} is no member any more; its pod goes",
            pool.name,
        )
