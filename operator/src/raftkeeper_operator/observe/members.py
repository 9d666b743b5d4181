"""Asking the members: each for itself, then the leader for the membership.

The membership comes from a leader that has made sure by a read index that it still leads, or not at all.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raftkeeper_operator.clients.keeper import KeeperAccess, KeeperClient, KeeperError
from raftkeeper_operator.observe.ensemble import Ensemble, Member, NodeStatus
from raftkeeper_operator.observe.fields import part


@dataclass(frozen=True, slots=True)
class Census:
    """What was heard."""

    nodes: Mapping[str, NodeStatus]
    """By pod; those that did not answer are missing."""
    silent: Mapping[str, str]
    """By pod: why there is no answer."""
    ensemble: Ensemble | None = None
    leader_pod: str = ""


async def ask_members(
    keeper: KeeperClient, access: KeeperAccess, endpoints: Mapping[str, str]
) -> Census:
    """All pods at once, then the leader with the highest term."""
    nodes: dict[str, NodeStatus] = {}
    silent: dict[str, str] = {}
    answers = await asyncio.gather(
        *(keeper.status(access, endpoint) for endpoint in endpoints.values()),
        return_exceptions=True,
    )
    leaders: list[tuple[int, str, dict[str, Any]]] = []
    for pod, answer in zip(endpoints, answers, strict=True):
        if isinstance(answer, KeeperError):
            silent[pod] = str(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            nodes[pod] = read_status(answer)
            if nodes[pod].role == "leader":
                leaders.append((nodes[pod].term, pod, answer))
    for _, pod, status in sorted(leaders, key=lambda item: -item[0]):
        try:
            answer = await keeper.members(access, endpoints[pod])
        except KeeperError:
            continue
        return Census(nodes, silent, read_ensemble(answer, status), pod)
    return Census(nodes, silent)


def read_status(answer: Mapping[str, Any]) -> NodeStatus:
    """From /v1/status. A node of another version may leave fields out."""
    number, text = _reader(answer)
    free, log_free = (part(answer, "disk", key) for key in ("free_bytes", "log_free_bytes"))
    return NodeStatus(
        state=str(part(answer, "identity", "state") or "starting"),
        member_id=int(part(answer, "identity", "member_id") or 0),
        cluster_id=str(part(answer, "identity", "cluster_id") or ""),
        incarnation=str(part(answer, "identity", "incarnation") or ""),
        role=text("role"),
        leader_id=number("leader_id"),
        version=text("version"),
        feature_level=number("feature_level"),
        ensemble_feature_level=number("ensemble_feature_level"),
        term=number("term"),
        last_term=number("last_term"),
        last_index=number("last_index"),
        commit_index=number("commit_index"),
        config_index=number("config_index"),
        draining=bool(answer.get("draining")),
        damage=text("damage"),
        writes_refused=str(part(answer, "disk", "writes_refused") or ""),
        diverged=text("diverged"),
        free_bytes=-1 if free is None else int(free),
        log_free_bytes=-1 if log_free is None else int(log_free),
        clients=number("clients"),
        snapshot_running=bool(part(answer, "snapshot", "running")),
        reason=text("reason"),
        recovery_epoch=int(part(answer, "identity", "recovery_epoch") or 0),
        config=tuple(_read_member(row, 0) for row in answer.get("config") or []),
    )


def read_ensemble(answer: Mapping[str, Any], status: Mapping[str, Any]) -> Ensemble:
    """From the leader's /v1/members and its own status."""
    number, _ = _reader(answer)
    leader_id = number("leader_id")
    return Ensemble(
        cluster_id=str(part(status, "identity", "cluster_id") or ""),
        config_index=number("config_index"),
        term=number("term"),
        commit_index=number("commit_index"),
        leader_id=leader_id,
        next_id=number("next_id"),
        is_joint=bool(answer.get("is_joint")),
        transferring=bool(status.get("transferring_to")),
        members=tuple(_read_member(row, leader_id) for row in answer.get("members") or []),
        recovery_epoch=int(part(status, "identity", "recovery_epoch") or 0),
    )


def _read_member(row: Mapping[str, Any], leader_id: int) -> Member:
    number, text = _reader(row)
    leads = number("id") == leader_id
    role = text("role")
    return Member(
        id=number("id"),
        role="outgoing" if role == "leaving" else role,
        address=text("address"),
        incarnation=text("incarnation"),
        zone=text("zone"),
        priority=number("priority"),
        # The leader has everything, and does not send itself anything to hear of.
        caught_up=leads or bool(row.get("caught_up")),
        active=leads or bool(row.get("active")),
        match_index=number("match_index"),
        last_contact_ms=number("last_contact_ms"),
    )


def _reader(answer: Mapping[str, Any]) -> Any:
    def number(key: str) -> int:
        return int(answer.get(key) or 0)

    def text(key: str) -> str:
        return str(answer.get(key) or "")

    return number, text
