"""Nobody leads: why, who could come back, and what a person can do. Explains, and touches no membership."""

from collections.abc import Iterable

from raftkeeper_operator.decide.facts import Facts, Seat, quorum
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.decide.rollout import LEADERLESS_PATIENCE_MS
from raftkeeper_operator.observe.ensemble import Member, NodeStatus
from raftkeeper_operator.observe.snapshot import Pod


def refuse_foreign(facts: Facts) -> Plan | None:
    """The pods form another ensemble than the one this cluster founded: nothing of it may be changed."""
    ensemble = facts.snapshot.ensemble
    if ensemble is None or facts.cluster_id in {"", ensemble.cluster_id}:
        return None
    return wait(
        "ForeignEnsemble",
        f"the pods form ensemble {ensemble.cluster_id}, and this cluster is {facts.cluster_id}; "
        "find out where these volumes come from; the operator changes nothing meanwhile",
    )


def why_gone(facts: Facts, member: Member) -> str:
    """Why a voter cannot come back with its disk; '' when it can."""
    seat = Seat.of(member.pod)
    volume = facts.volume_at(seat)
    pod = facts.pod_at(seat)
    if pod is not None and pod.node is not None:
        node = pod.node
        if node.damage:
            return f"its disk is damaged: {node.damage}"
        if facts.has_other_disk(member):
            return "its disk was lost and is empty now"
        return ""
    if volume is None or volume.terminating:
        return "its volume is gone"
    if volume.lost:
        return f"its volume {volume.name} is lost"
    return ""


def why_away(pod: Pod | None) -> str:
    """Why a voter that could come back is not there at this moment; '' when it is."""
    if pod is None:
        return "its pod is not there"
    if pod.unschedulable:
        return f"no node takes its pod: {pod.unschedulable}"
    if pod.trouble:
        return f"its container does not run: {pod.trouble}"
    if pod.terminating:
        return "its pod is stopping"
    if pod.node is None:
        return "it does not answer"
    return ""


def remembered_voters(facts: Facts) -> tuple[Member, ...]:
    """Those of the last membership that a leader confirmed."""
    return tuple(member for member in facts.snapshot.remembered.members if member.votes)


def logged_voters(facts: Facts) -> tuple[Member, ...]:
    """Those of the newest membership in the log of any node that answers. Not all of it need be committed,
    and a leader that was not heard of may have made it.
    """
    newest = max(_logs(facts), key=lambda node: node.config_index, default=None)
    return tuple(member for member in newest.config if member.votes) if newest else ()


def known_voters(facts: Facts) -> tuple[Member, ...]:
    """Everybody who may have a vote, as far as anybody knows."""
    known = {member.id: member for member in (*logged_voters(facts), *remembered_voters(facts))}
    return tuple(known[member_id] for member_id in sorted(known))


def majority_is_lost(facts: Facts) -> bool:
    """Nobody that is left can ever be elected, with the disks that can come back.

    A node that answers counts by the membership in its own log, and gets no vote of one that knows more.
    Where a voter does not answer, the membership that the last leader named counts too.
    """
    nodes = _logs(facts)
    remembered = remembered_voters(facts)
    telling = {node.member_id for node in nodes}
    is_silent = any(v.id not in telling and not why_gone(facts, v) for v in remembered)
    if is_silent and len(_left(facts, remembered)) >= quorum(len(remembered)):
        return False
    candidates = [node for node in nodes if not node.damage]
    return bool(remembered or nodes) and not any(_can_win(facts, n, nodes) for n in candidates)


def _logs(facts: Facts) -> list[NodeStatus]:
    """The nodes that tell what is in their logs of this cluster's ensemble."""
    nodes = [pod.node for pod in facts.snapshot.pods if pod.node is not None]
    return [node for node in nodes if node.cluster_id == facts.cluster_id and node.config]


def _left(facts: Facts, voters: Iterable[Member]) -> list[Member]:
    return [voter for voter in voters if not why_gone(facts, voter)]


def _can_win(facts: Facts, node: NodeStatus, nodes: Iterable[NodeStatus]) -> bool:
    """Whether enough would vote for it. One whose log is not known would."""
    ends = {other.member_id: (other.last_term, other.last_index) for other in nodes}
    voters = [member for member in node.config if member.votes]
    own = (node.last_term, node.last_index)
    votes = sum(ends.get(voter.id, own) <= own for voter in _left(facts, voters))
    return votes >= quorum(len(voters))


def evidence(facts: Facts) -> tuple[str, ...]:
    """A line for each voter that is not there."""
    lines = []
    for voter in known_voters(facts):
        why = why_gone(facts, voter) or why_away(facts.snapshot.pod(voter.pod))
        if why:
            lines.append(f"{voter.pod} (member {voter.id}): {why}")
    return tuple(lines)


def explain_leaderless(facts: Facts) -> Plan | None:
    """What keeps the ensemble from having a leader."""
    if facts.snapshot.ensemble is not None:
        return None
    if not facts.cluster_id:
        return _explain_bootstrap(facts)
    lines = evidence(facts)
    if majority_is_lost(facts):
        return wait(
            "QuorumLost",
            f"a majority of the voters is lost for good: {'; '.join(lines)}; bring one of the volumes "
            "back, ask for a recovery (status.recovery says who knows most), or restore a backup",
            *lines,
        )
    since_ms = facts.snapshot.remembered.leaderless_since_ms
    if lines:
        return wait("NoQuorum", f"nobody leads: {'; '.join(lines)}", *lines, recheck_ms=2_000)
    if since_ms and facts.snapshot.now_ms - since_ms >= LEADERLESS_PATIENCE_MS:
        return wait(
            "NoLeader",
            "all voters answer and nobody leads: can they reach each other on the peer port?",
            recheck_ms=2_000,
        )
    return wait("NoLeader", "no leader is known; an election takes seconds", recheck_ms=1_000)


def _explain_bootstrap(facts: Facts) -> Plan:
    lines = []
    for seat in facts.homes:
        pod = facts.pod_at(seat)
        why = why_away(pod) or (pod.node.reason if pod is not None and pod.node else "")
        if why:
            lines.append(f"{seat.pod}: {why}")
    message = "; ".join(lines) or "the pods are up and elect a leader"
    return wait("Bootstrapping", f"the ensemble is being founded: {message}", *lines)
