"""Who should lead: on request, and where the spec prefers it. Leadership moves only between healthy voters."""

from collections.abc import Callable

from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.gate import LEADER_SETTLE_MS, change_blockers
from raftkeeper_operator.decide.plan import Plan, Transfer, UpdateMember, act, wait
from raftkeeper_operator.observe.ensemble import Ensemble, Member


def best_successor(
    facts: Facts, ensemble: Ensemble, eligible: Callable[[Member], bool]
) -> Member | None:
    """The healthy voter that should lead next: one that stays, in a preferred zone, by priority, with the
    longest log.
    """
    candidates = [
        member
        for member in ensemble.voters
        if member.id != ensemble.leader_id and facts.healthy(member) and eligible(member)
    ]
    preferred = facts.desired.leader_zones
    return max(
        candidates,
        key=lambda m: (
            stays(facts, m),
            m.zone in preferred,
            m.priority,
            m.match_index,
            -m.id,
        ),
        default=None,
    )


def answer_request(facts: Facts) -> Plan | None:
    """A person asked for another leader."""
    request = facts.snapshot.transfer_request
    ensemble = facts.snapshot.ensemble
    if request is None or ensemble is None:
        return None
    if blockers := change_blockers(ensemble):
        return wait("ChangeInProgress", f"leadership: {blockers[0]}", *blockers)
    leader = ensemble.member(ensemble.leader_id)
    if leader is not None and request.pod == leader.pod:
        successor: Member | None = leader
    else:
        successor = best_successor(facts, ensemble, lambda member: request.pod in {"", member.pod})
    if successor is None:
        wished = request.pod or "a healthy voter"
        return wait(
            "NoSuccessor",
            f"{wished} was asked to lead and cannot: it must be a voter, ready and caught up",
            target=request.pod,
        )
    return act(
        Transfer(ensemble.leader_id, successor.id, ensemble.term, request.token),
        "TransferringLeadership",
        f"{successor.pod} was asked to lead",
        successor.pod,
    )


def place_leader(facts: Facts) -> Plan | None:
    """Back to a preferred zone, when everybody is well and has been for a while."""
    ensemble = facts.snapshot.ensemble
    preferred = facts.desired.leader_zones
    if ensemble is None or not preferred or change_blockers(ensemble):
        return None
    leader = ensemble.member(ensemble.leader_id)
    if leader is None or leader.zone in preferred:
        return None
    if not all(facts.healthy(voter) for voter in ensemble.voters) or facts.terminating:
        return None
    if facts.snapshot.now_ms - ensemble.leader_since_ms < LEADER_SETTLE_MS:
        return None
    successor = best_successor(
        facts, ensemble, lambda member: member.zone in preferred and stays(facts, member)
    )
    if successor is None:
        return None
    return act(
        Transfer(leader.id, successor.id, ensemble.term),
        "PlacingLeader",
        f"{successor.pod} is in zone {successor.zone}, where the leader shall be",
        successor.pod,
    )


def stays(facts: Facts, member: Member) -> bool:
    """One that is to go would have to hand over at once, and so on for ever."""
    pod = facts.pod_of(member)
    is_drained = pod is not None and pod.node is not None and pod.node.draining
    is_wanted = Seat.of(member.pod) in facts.wanted or not facts.is_ours(member)
    return is_wanted and not is_drained


def book_zones(facts: Facts) -> Plan | None:
    """The membership says in which zone a member really is. A node knows it only where its pool has a
    zone; and what is booked counts more than its configuration.
    """
    ensemble = facts.snapshot.ensemble
    if ensemble is None or change_blockers(ensemble):
        return None
    for member in ensemble.members:
        pod = facts.pod_of(member)
        if pod is None or not (zone := facts.zone_of(pod)) or zone == member.zone:
            continue
        return act(
            UpdateMember(member.id, zone, ensemble.config_index),
            "BookingZone",
            f"member {member.id} of {member.pod} is in zone {zone}",
            member.pod,
        )
    return None
