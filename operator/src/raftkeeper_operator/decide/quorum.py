"""Nobody leads: why, who could come back, and what a person can do. Explains, and touches no membership."""

from raftkeeper_operator.decide.facts import Facts, Seat, quorum
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.decide.rollout import LEADERLESS_PATIENCE_MS
from raftkeeper_operator.observe.ensemble import Member
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
    nodes = [pod.node for pod in facts.snapshot.pods if pod.node is not None]
    ours = [node for node in nodes if node.cluster_id == facts.cluster_id and node.config]
    newest = max(ours, key=lambda node: node.config_index, default=None)
    return tuple(member for member in newest.config if member.votes) if newest else ()


def known_voters(facts: Facts) -> tuple[Member, ...]:
    """Everybody who may have a vote, as far as anybody knows."""
    known = {member.id: member for member in (*logged_voters(facts), *remembered_voters(facts))}
    return tuple(known[member_id] for member_id in sorted(known))


def majority_is_lost(facts: Facts) -> bool:
    """Fewer than a majority of the voters can come back with their disks: of those that the last leader
    named, and of those that a log names.
    """
    memberships = [voters for voters in (remembered_voters(facts), logged_voters(facts)) if voters]
    return bool(memberships) and all(_is_lost(facts, voters) for voters in memberships)


def _is_lost(facts: Facts, voters: tuple[Member, ...]) -> bool:
    left = sum(not why_gone(facts, voter) for voter in voters)
    return left < quorum(len(voters))


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
