"""ZooKeeper's AdminServer commands: their names, aliases and JSON fields.

Only those that read. Resetting counters, snapshots and restores stay out of a port without a
password; `crst`, `srst` and `csnp` do the first two as four-letter commands.
"""

from collections.abc import Callable
from typing import Any

from raftkeeper.admin import reports
from raftkeeper.server.view import NodeParts, NodeView

Fields = dict[str, Any]
Report = Callable[[NodeView, NodeParts], Fields]


def find_command(name: str) -> tuple[str, Report, bool] | None:
    """The full name, the report, and whether it needs a serving node; by name or alias."""
    for full_name, (aliases, report, needs_data) in COMMANDS.items():
        if name == full_name or name in aliases:
            return full_name, report, needs_data
    return None


def _configuration(view: NodeView, _parts: NodeParts) -> Fields:
    values = reports.configuration(view)
    return {
        "client_port": values["clientPort"],
        "data_dir": values["dataDir"],
        "data_log_dir": values["dataLogDir"],
        "tick_time": values["tickTime"],
        "max_client_cnxns": values["maxClientCnxns"],
        "min_session_timeout": values["minSessionTimeout"],
        "max_session_timeout": values["maxSessionTimeout"],
        "server_id": values["serverId"],
        "client_port_listen_backlog": values["clientPortListenBacklog"],
    }


def _connections(_view: NodeView, parts: NodeParts) -> Fields:
    rows = [
        {
            "remote_socket_address": row["peer"],
            "interest_ops": 1,
            "outstanding_requests": row["queued"],
            "packets_received": row["received"],
            "packets_sent": row["sent"],
            "session_id": row["session"],
            "last_operation": row["last_op"],
            "session_timeout": row["timeout_ms"],
            "last_cxid": row["last_cxid"],
            "last_zxid": row["last_zxid"],
            "last_latency": row["last_latency"],
            "min_latency": row["min_latency"],
            "avg_latency": row["avg_latency"],
            "max_latency": row["max_latency"],
        }
        for row in reports.connections(parts)
    ]
    return {"connections": rows, "secure_connections": []}


def _directories(view: NodeView, _parts: NodeParts) -> Fields:
    values = reports.configuration(view)
    return {"datadir_size": values["dataDirSize"], "logdir_size": values["dataLogSize"]}


def _dump(view: NodeView, parts: NodeParts) -> Fields:
    now_ms = view.clock.wall_ms()
    expiry: dict[str, list[int]] = {}
    for session, _, left_ms in parts.engine.sessions():
        expiry.setdefault(str(now_ms + left_ms), []).append(session)
    ephemerals = {str(session): paths for session, paths in parts.engine.ephemerals()}
    return {"expiry_time_to_session_ids": expiry, "session_id_to_ephemeral_paths": ephemerals}


def _environment(view: NodeView, _parts: NodeParts) -> Fields:
    return dict(reports.environment(view))


def _read_only(_view: NodeView, parts: NodeParts) -> Fields:
    return {"read_only": reports.is_read_only(parts)}


def _last_snapshot(_view: NodeView, parts: NodeParts) -> Fields:
    snapshots = parts.snapshotter
    return {"zxid": f"0x{snapshots.last_zxid:x}", "timestamp": snapshots.last_ms // 1000}


def _leader(view: NodeView, parts: NodeParts) -> Fields:
    status = parts.driver.status()
    members = {member.id: member for member in parts.driver.members()}
    leader = members.get(status.leader_id)
    own = status.leader_id == status.member_id
    host = leader.address.rpartition(":")[0] if leader is not None else ""
    return {
        "is_leader": own,
        "leader_id": status.leader_id,
        "leader_ip": host or (view.config.client.listen if own else ""),
    }


def _voting_view(_view: NodeView, parts: NodeParts) -> Fields:
    membership = parts.core.membership
    servers = {
        str(member.id): {"server_addresses": [member.address], "learner_type": "PARTICIPANT"}
        for member in membership.members
        if member.id in membership.voters
    }
    return {"current_config": servers}


def _monitor(view: NodeView, parts: NodeParts) -> Fields:
    return dict(reports.monitor(view, parts))


def _ruok(_view: NodeView, _parts: NodeParts) -> Fields:
    return {}


def _server_stats(view: NodeView, parts: NodeParts) -> Fields:
    stats = reports.server_stats(view, parts)
    figures = reports.read_figures(parts)
    return {
        "version": stats["version"],
        "read_only": reports.is_read_only(parts),
        "server_stats": {name: value for name, value in stats.items() if name != "version"},
        "client_response": {
            "last_buffer_size": figures.get("last_client_response_size", -1),
            "min_buffer_size": figures.get("min_client_response_size", -1),
            "max_buffer_size": figures.get("max_client_response_size", -1),
        },
        "node_count": stats["node_count"],
    }


def _stats(view: NodeView, parts: NodeParts) -> Fields:
    return {**_server_stats(view, parts), **_connections(view, parts)}


def _watches(_view: NodeView, parts: NodeParts) -> Fields:
    watched = {str(session): paths for session, paths in parts.engine.watches()}
    return {"session_id_to_watched_paths": watched}


def _watches_by_path(_view: NodeView, parts: NodeParts) -> Fields:
    by_path: dict[str, list[int]] = {}
    for session, paths in parts.engine.watches():
        for path in paths:
            by_path.setdefault(path, []).append(session)
    return {"path_to_session_ids": by_path}


def _watch_summary(_view: NodeView, parts: NodeParts) -> Fields:
    connections, paths, watches = parts.engine.watch_counts()
    return {"num_connections": connections, "num_paths": paths, "num_total_watches": watches}


COMMANDS: dict[str, tuple[tuple[str, ...], Report, bool]] = {
    "configuration": (("conf", "config"), _configuration, False),
    "connections": (("cons",), _connections, True),
    "dirs": ((), _directories, False),
    "dump": ((), _dump, True),
    "environment": (("env", "envi"), _environment, False),
    "is_read_only": (("isro",), _read_only, True),
    "last_snapshot": (("lsnp",), _last_snapshot, False),
    "leader": (("lead",), _leader, True),
    "monitor": (("mntr",), _monitor, True),
    "ruok": ((), _ruok, False),
    "server_stats": (("srvr",), _server_stats, True),
    "stats": (("stat",), _stats, True),
    "voting_view": ((), _voting_view, False),
    "watch_summary": (("wchs",), _watch_summary, True),
    "watches": (("wchc",), _watches, True),
    "watches_by_path": (("wchp",), _watches_by_path, True),
}
