"""The JSON of /v1/status and /v1/members: what a node knows, without asking anybody.

Fields are only added, never renamed or taken away: programs read them.
"""

import os
from pathlib import Path
from typing import Any

from raftkeeper.admin import reports
from raftkeeper.admin.node_port import NodePort
from raftkeeper.admin.ports import MemberView
from raftkeeper.server.feature_level import describe_quotas
from raftkeeper.server.view import NodeParts

API_VERSION = 1


def build_status(port: NodePort) -> dict[str, Any]:
    """Everything of /v1/status. It is there from the first moment of the process on."""
    view = port.view
    identity = view.identity
    report: dict[str, Any] = {
        "api": API_VERSION,
        "version": view.version,
        "feature_level": view.config.ensemble.feature_level_max,
        "uptime_ms": view.uptime_ms,
        "host": view.host_name,
        "identity": {
            "state": _identity_state(port),
            "cluster_id": identity.cluster_id.hex() if identity and identity.member_id else "",
            "member_id": identity.member_id if identity else 0,
            "incarnation": identity.incarnation.hex() if identity else "",
            "recovery_epoch": identity.recovery_epoch if identity else 0,
        },
        "ready": not view.not_serving(),
        "damage": view.damage,
        "reason": view.not_serving(),
        "client_address": f"{view.config.client.listen}:{view.config.client.port}",
    }
    parts = view.parts
    if parts is None:
        return {**report, "role": _role_without_data(port), "leader_id": 0}
    status = port.status()
    index, _, digest = parts.engine.digest()
    return {
        **report,
        "role": status.role,
        "leader_id": status.leader_id,
        "leader_age_ms": parts.driver.leadership.leader_age_ms,
        "term": status.term,
        "commit_index": status.commit_index,
        "applied_index": status.applied_index,
        "last_index": status.last_index,
        "last_term": parts.core.log.last_term,
        **_levels(port),
        "config_index": status.config_index,
        "config": [describe_member(member) for member in port.members()],
        "next_id": port.next_id(),
        "is_joint": status.is_joint,
        "transferring_to": status.transferring,
        "draining": parts.driver.draining,
        "read_only": status.read_only,
        "diverged": status.diverged,
        "zxid": f"0x{parts.engine.last_zxid:x}",
        "digest": {"index": index, "value": f"{digest:016x}"},
        "clients": len(parts.clients.by_conn),
        "disk": _disk(port, parts),
        "snapshot": {
            "running": parts.snapshotter.running,
            "last_index": parts.snapshotter.last_index,
            "last_ms": parts.snapshotter.last_ms,
            "taken": parts.snapshotter.taken,
            "failed": parts.snapshotter.failed,
        },
    }


def describe_member(member: MemberView) -> dict[str, Any]:
    """What the membership says of a member; the same on every node."""
    return {
        "id": member.id,
        "role": member.role,
        "address": member.address,
        "zone": member.zone,
        "priority": member.priority,
        "incarnation": member.incarnation.hex(),
    }


def build_members(port: NodePort) -> dict[str, Any]:
    """The members with what is known of their progress; on the leader that is all of it."""
    status = port.status()
    rows = [
        {
            **describe_member(member),
            "match_index": member.match_index,
            "state": member.state,
            "caught_up": member.caught_up,
            "active": member.active,
            "last_contact_ms": member.last_contact_ms,
            "link_up": member.link_up,
            "unfit": member.unfit,
        }
        for member in port.members()
    ]
    return {
        "leader_id": status.leader_id,
        "term": status.term,
        "config_index": status.config_index,
        "commit_index": status.commit_index,
        "is_joint": status.is_joint,
        "next_id": port.next_id(),
        "members": rows,
    }


def _levels(port: NodePort) -> dict[str, Any]:
    """What is in use, and whether it suffices for what is configured."""
    wanted, in_use = port.view.config.features.enforce_quotas, port.status().level_in_use
    return {
        "ensemble_feature_level": in_use,
        "quota_enforcement": describe_quotas(wanted=wanted, in_use=in_use),
    }


def _role_without_data(port: NodePort) -> str:
    if port.view.damage:
        return "damaged"
    return "waiting" if _is_waiting(port) else "starting"


def _is_waiting(port: NodePort) -> bool:
    identity = port.view.identity
    return identity is not None and identity.member_id == 0


def _identity_state(port: NodePort) -> str:
    if port.view.identity is None:
        return "starting"
    return "waiting" if _is_waiting(port) else "member"


def _disk(port: NodePort, parts: NodeParts) -> dict[str, Any]:
    config = reports.configuration(port.view)
    path = port.view.config.storage.data_dir
    return {
        "writes_refused": parts.writer.full,
        "log_bytes": config["dataLogSize"],
        "snapshot_bytes": config["dataDirSize"],
        "free_bytes": _free_bytes(path),
        "log_free_bytes": _free_bytes(path / "log"),
        "log_first_index": parts.core.first_index,
    }


def _free_bytes(path: Path) -> int:
    try:
        room = os.statvfs(path)
    except OSError:
        return -1
    return room.f_bavail * room.f_frsize
