"""What the four-letter commands, metrics and health say of a node's place in the ensemble.

In ZooKeeper's words, which monitoring knows: a learner is an `observer`. A node that is alone has no
figures of an ensemble.
"""

from typing import Any

from raftkeeper.server.view import NodeParts, NodeView

NO_LEADER = "no leader is known here: a majority of the voters must run and reach each other"

DRAINING = "this node is being drained: clients are sent to the others"

_MODES = {"leader": "leader", "follower": "follower", "learner": "observer"}

_PEER_STATES = {
    "leader": "leading - broadcast",
    "follower": "following - broadcast",
    "observer": "observing - broadcast",
}


def describe_mode(view: NodeView) -> str:
    """ZooKeeper's word for the node's role; a sole voter is `standalone`."""
    parts = view.parts
    if parts is None:
        return "starting"
    if not parts.core.members:
        return "standalone"
    if parts.engine.read_only:
        return "read-only"
    return _MODES.get(parts.driver.status().role, "looking")


def ensemble_figures(view: NodeView, parts: NodeParts) -> dict[str, int | str]:
    """ZooKeeper's figures of a member of an ensemble; those of the leader count its followers."""
    if not parts.core.members:
        return {}
    mode = describe_mode(view)
    figures: dict[str, int | str] = {"peer_state": _PEER_STATES.get(mode, "looking")}
    if mode != "leader":
        return figures
    others = [member for member in parts.driver.members() if member.id != view.member_id]
    voters = [member for member in others if member.role != "learner"]
    learners = [member for member in others if member.role == "learner"]
    figures |= {
        "followers": sum(bool(member.active) for member in voters),
        "learners": sum(bool(member.active) for member in others),
        "synced_followers": sum(bool(member.caught_up) for member in voters),
        "synced_non_voting_followers": 0,
        "synced_observers": sum(bool(member.caught_up) for member in learners),
        "pending_syncs": 0,
    }
    return figures


def why_not_ready(view: NodeView) -> str:
    """Why clients should go elsewhere, '' when they need not: it serves, and a quorum is there."""
    reason = view.not_serving()
    if reason or view.parts is None:
        return reason
    if view.parts.driver.draining:
        return DRAINING
    return "" if view.parts.driver.status().leader_id else NO_LEADER


def describe_readiness(view: NodeView) -> dict[str, Any]:
    """The fields of /health/ready that an ensemble adds."""
    parts = view.parts
    if parts is None:
        return {"leader_id": 0, "has_quorum": False}
    leader_id = parts.driver.status().leader_id
    return {"leader_id": leader_id, "has_quorum": bool(leader_id)}


def member_progress(parts: NodeParts) -> list[tuple[int, int, int]]:
    """(member, match index, entries behind) of the others, on the leader."""
    commit = parts.core.commit_index
    return [
        (member.id, member.match_index, max(0, commit - member.match_index))
        for member in parts.driver.members()
        if member.match_index is not None and member.id != parts.core.config.member_id
    ]
