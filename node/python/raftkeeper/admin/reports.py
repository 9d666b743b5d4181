"""What can be reported of a node, as plain values: shared by four-letter commands and HTTP.

Names are ZooKeeper's, without the `zk_` in front, so that dashboards made for it go on working.
Formatting is the callers' business; nothing here changes anything.
"""

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

from raftkeeper.admin.ensemble_report import describe_mode, ensemble_figures
from raftkeeper.server.feature_level import describe_quotas
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.view import NodeParts, NodeView, engine_built_on

Value = int | float | str

LATENCY_NAMES = {"latency_read_us": "readlatency", "latency_write_us": "updatelatency"}


def describe_version(view: NodeView) -> str:
    """The version line: first the ZooKeeper version whose behaviour this is, then our own.

    Exporters parse `<number>.<number>.<number>-<rest>, built on <date>`.
    """
    return f"3.9.4-raftkeeper-{view.version}, built on {engine_built_on()}"


def is_read_only(parts: NodeParts) -> bool:
    """Writes are refused: for want of disk, or of a leader."""
    return bool(parts.writer.full) or parts.engine.read_only


def read_figures(parts: NodeParts) -> dict[str, Any]:
    """The engine's gauges and counters by name; who was refused at the door counts with the rest."""
    figures = parts.engine.statistics()
    refused = int(figures.get("connection_rejected", 0))
    return {**figures, "connection_rejected": refused + parts.door.rejected}


def monitor(view: NodeView, parts: NodeParts) -> dict[str, Value]:
    """Everything of `mntr`, in its order, without the prefix."""
    figures = read_figures(parts)
    values: dict[str, Value] = {
        "version": describe_version(view),
        "server_state": describe_mode(view),
    }
    values.update(ensemble_figures(view, parts))
    values["quota_enforcement"] = describe_quotas(
        wanted=view.config.features.enforce_quotas, in_use=parts.core.membership.level
    )
    values.update(plain_figures(figures))
    values.update(process_figures(view, parts))
    for name, histogram in histograms_ms(parts).items():
        values.update(summary(name, histogram))
    for name, short in LATENCY_NAMES.items():
        latencies = engine_histogram(figures, name)
        if latencies is not None:
            values.update(advanced_summary(short, latencies))
    return values


def plain_figures(figures: dict[str, Any]) -> dict[str, Value]:
    """Those that are one number; the parts of histograms are shown as such, elsewhere."""
    return {
        name: value
        for name, value in figures.items()
        if isinstance(value, (int, float)) and not name.startswith("latency_")
    }


def process_figures(view: NodeView, parts: NodeParts) -> dict[str, Value]:
    """Figures of the process, the door, the log and the snapshots."""
    driver, snapshots, door = parts.driver.figures, parts.snapshotter, parts.door
    return {
        "uptime": view.uptime_ms,
        "open_file_descriptor_count": open_files(),
        "max_file_descriptor_count": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "outstanding_tls_handshake": door.handshakes,
        "unsuccessful_handshake": door.handshakes_failed,
        "tls_handshake_exceeded": door.handshakes_waited,
        "quorum_size": len(parts.core.membership.voters),
        "commit_count": driver.entries_applied,
        "proposal_count": driver.batches,
        "snap_count": snapshots.taken,
        "snapshot_error_count": snapshots.failed,
        "resident_memory_bytes": resident_bytes(),
        "loop_stalls": driver.late_ticks,
        "feature_level": view.config.ensemble.feature_level_max,
        "ensemble_feature_level": parts.core.membership.level,
        "raft_term": parts.core.term,
        "raft_has_leader": int(bool(parts.core.leader_id)),
        "raft_commit_index": parts.core.commit_index,
        "raft_applied_index": parts.core.applied_index,
        "raft_log_first_index": parts.core.first_index,
        "raft_log_last_index": parts.core.last_index,
        "snapshot_last_index": snapshots.last_index,
        "writes_refused": int(bool(parts.writer.full)),
    }


def histograms_ms(parts: NodeParts) -> dict[str, Histogram]:
    """The node's own histograms by ZooKeeper's names; their values are microseconds."""
    parts.driver.count_fsyncs()
    return {
        "fsynctime": parts.driver.figures.fsync,
        "sync_process_time": parts.driver.figures.block,
        "commit_process_time": parts.driver.figures.apply,
        "snapshottime": parts.snapshotter.durations,
        "snapshot_slice_time": parts.snapshotter.slice_times,
    }


def engine_histogram(figures: dict[str, Any], name: str) -> Histogram | None:
    """One of the engine's latency histograms, None when it keeps none."""
    counts = figures.get(name)
    bounds = figures.get("latency_bounds_us")
    if not counts or not bounds:
        return None
    histogram = Histogram(tuple(bounds))
    histogram.counts = list(counts)
    histogram.count = sum(counts)
    histogram.total = int(figures.get(name.replace("_us", "_sum_us"), 0))
    last = max((i for i, count in enumerate(counts) if count), default=0)
    first = min((i for i, count in enumerate(counts) if count), default=0)
    histogram.maximum = bounds[min(last, len(bounds) - 1)]
    histogram.minimum = bounds[first - 1] if first else 0
    return histogram


def summary(name: str, histogram: Histogram) -> dict[str, Value]:
    """A summary as `mntr` prints it, in milliseconds."""
    return {
        f"avg_{name}": round(histogram.average / 1000, 4),
        f"min_{name}": histogram.minimum // 1000,
        f"max_{name}": histogram.maximum // 1000,
        f"cnt_{name}": histogram.count,
        f"sum_{name}": histogram.total // 1000,
    }


def advanced_summary(name: str, histogram: Histogram) -> dict[str, Value]:
    """The same with percentiles."""
    values = summary(name, histogram)
    for label, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)):
        values[f"{label}_{name}"] = histogram.quantile(share) // 1000
    return values


def server_stats(view: NodeView, parts: NodeParts) -> dict[str, Value]:
    """The figures of `srvr`."""
    figures = read_figures(parts)
    return {
        "version": describe_version(view),
        "min_latency": figures.get("min_latency", 0),
        "avg_latency": figures.get("avg_latency", 0.0),
        "max_latency": figures.get("max_latency", 0),
        "packets_received": figures.get("packets_received", 0),
        "packets_sent": figures.get("packets_sent", 0),
        "num_alive_client_connections": len(parts.clients.by_conn),
        "outstanding_requests": figures.get("outstanding_requests", 0),
        "last_processed_zxid": parts.engine.last_zxid,
        "server_state": describe_mode(view),
        "node_count": figures.get("znode_count", 0),
        "uptime": view.uptime_ms,
    }


def connections(parts: NodeParts) -> list[dict[str, Any]]:
    """The engine's view of every connection, with the peer's port."""
    rows = []
    for row in parts.engine.connections():
        client = parts.clients.by_conn.get(row["conn"])
        peer = client.peer if client is not None else f"{row['address']}:0"
        rows.append({**row, "peer": peer})
    return rows


def configuration(view: NodeView) -> dict[str, Value]:
    """The configuration by ZooKeeper's names. No secret is in it."""
    config = view.config
    data = config.storage.data_dir.absolute()
    return {
        "clientPort": config.client.port if config.client.plain else -1,
        "secureClientPort": config.client.tls_port or -1,
        "dataDir": str(data / "snapshots"),
        "dataDirSize": directory_bytes(data / "snapshots"),
        "dataLogDir": str(data / "log"),
        "dataLogSize": directory_bytes(data / "log"),
        "tickTime": config.session.min_timeout_ms // 2,
        "maxClientCnxns": config.client.connections_per_address_max,
        "minSessionTimeout": config.session.min_timeout_ms,
        "maxSessionTimeout": config.session.max_timeout_ms,
        "clientPortListenBacklog": -1,
        "serverId": view.member_id,
    }


def environment(view: NodeView) -> dict[str, str]:
    """Where and on what the node runs, in the order of `envi`."""
    return {
        "zookeeper.version": describe_version(view),
        "raftkeeper.version": view.version,
        "host.name": view.host_name,
        "python.version": platform.python_version(),
        "python.executable": sys.executable,
        "os.name": platform.system(),
        "os.arch": platform.machine(),
        "os.version": platform.release(),
        "user.dir": str(Path.cwd()),
        "process.id": str(view.pid),
    }


def directory_bytes(path: Path) -> int:
    """Bytes of the files in a folder. A file that is removed meanwhile counts nothing."""
    total = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except FileNotFoundError:
        return 0
    return total


def open_files() -> int:
    """File descriptors this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident_bytes() -> int:
    """Memory of this process."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()
