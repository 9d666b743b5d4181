"""The metrics page, in Prometheus' text: ZooKeeper's names where they exist, and real histograms.

Built anew from the reports at each scrape, so nothing is counted twice and a request costs nothing
for it. ZooKeeper exports latencies as summaries, which cannot be added up over nodes; these can.
"""

import re
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from raftkeeper.admin import reports
from raftkeeper.admin.ensemble_report import describe_mode, ensemble_figures, member_progress
from raftkeeper.server.histogram import Histogram
from raftkeeper.server.view import NodeParts, NodeView

COUNTERS = frozenset(
    (
        "auth_failed_count bytes_received_count commit_count connection_drop_count "
        "connection_rejected connection_request_count connection_revalidate_count groups_given_up "
        "groups_skipped large_requests_rejected loop_stalls node_changed_watch_count "
        "node_children_watch_count node_created_watch_count node_deleted_watch_count packets_received "
        "packets_sent proposal_count quota_exceeded_count reads_after_write_in_session_queue response_bytes "
        "snap_count snapshot_error_count stale_sessions_expired tls_handshake_exceeded unsuccessful_handshake"
    ).split()
)
"""Those that only grow. They keep ZooKeeper's names, without the `_total` that Prometheus would
like: dashboards ask for them by these names."""

_DECLARED_TOTAL = re.compile(rb"^# (HELP|TYPE) (\w+)_total ", re.MULTILINE)

LATENCIES = {
    "latency_read_us": ("request_read_latency_seconds", "Time from a read's frame to its answer"),
    "latency_write_us": (
        "request_write_latency_seconds",
        "Time from a write's frame to its answer",
    ),
}
DURATIONS = {
    "fsynctime": ("log_fsync_seconds", "Time of one fdatasync of the log"),
    "sync_process_time": ("log_block_seconds", "Time from a sealed batch to its durability"),
    "commit_process_time": ("apply_seconds", "Loop time to apply committed entries and answer"),
    "snapshottime": ("snapshot_seconds", "Time of a whole snapshot"),
    "snapshot_slice_time": ("snapshot_slice_seconds", "Loop time of one slice of a snapshot"),
}


class NodeCollector(Collector):
    """Turns the reports of a node into metric families."""

    def __init__(self, view: NodeView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Every family, now."""
        view = self._view
        serving = GaugeMetricFamily("serving", "1 while the node takes requests")
        serving.add_metric((), 0 if view.not_serving() else 1)
        yield serving
        information = GaugeMetricFamily("raftkeeper_info", "Version", labels=("version", "mode"))
        information.add_metric((view.version, describe_mode(view)), 1)
        yield information
        if view.parts is not None:
            yield from self._figures(view.parts)

    def _figures(self, parts: NodeParts) -> Iterable[Metric]:
        figures = reports.read_figures(parts)
        own = reports.process_figures(self._view, parts)
        ensemble = {
            name: value
            for name, value in ensemble_figures(self._view, parts).items()
            if not isinstance(value, str)
        }
        for name, value in {**reports.plain_figures(figures), **own, **ensemble}.items():
            yield _single(name, float(value))
        yield from _progress(parts)
        for key, (name, text) in LATENCIES.items():
            histogram = reports.engine_histogram(figures, key)
            if histogram is not None:
                yield _family(name, text, histogram)
        for key, histogram in reports.histograms_ms(parts).items():
            name, text = DURATIONS[key]
            yield _family(name, text, histogram)


def _progress(parts: NodeParts) -> Iterable[Metric]:
    """On the leader, how far each other member is."""
    rows = member_progress(parts)
    if not rows:
        return
    match = GaugeMetricFamily(
        "raft_member_match_index", "Last index that a member has durably", labels=("member",)
    )
    behind = GaugeMetricFamily(
        "raft_member_behind_entries", "Committed entries that a member lacks", labels=("member",)
    )
    for member, match_index, lag in rows:
        match.add_metric((str(member),), match_index)
        behind.add_metric((str(member),), lag)
    yield match
    yield behind


def build_page(view: NodeView) -> bytes:
    """The text of /metrics."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(view))
    # The library declares every counter as `<name>_total`, whatever its samples are named.
    return _DECLARED_TOTAL.sub(rb"# \1 \2 ", generate_latest(registry))


def _single(name: str, value: float) -> Metric:
    text = OWN.get(name, f"ZooKeeper's {name}")
    family: Metric = (
        Metric(name, text, "counter") if name in COUNTERS else GaugeMetricFamily(name, text)
    )
    family.add_sample(name, {}, value)
    return family


OWN = {
    "ensemble_feature_level": "Feature level in use in the ensemble",
    "feature_level": "Highest feature level that this member speaks",
    "loop_stalls": "Ticks of the event loop that came more than a second late",
    "memory_bytes": "Memory of the engine's tables",
    "raft_applied_index": "Last log index applied",
    "raft_commit_index": "Last log index committed",
    "raft_log_first_index": "First index the log still holds",
    "raft_log_last_index": "Last index of the log",
    "raft_term": "Raft's term",
    "raft_has_leader": "1 while this member knows a leader",
    "resident_memory_bytes": "Memory of the process",
    "snapshot_last_index": "Log index of the last snapshot",
    "writes_refused": "1 while the disk is full and writes are answered with an error",
}


def _family(name: str, text: str, histogram: Histogram) -> Metric:
    """Microseconds become seconds, as Prometheus has it."""
    buckets: list[tuple[str, float]] = []
    seen = 0
    for bound, count in zip(histogram.bounds, histogram.counts, strict=False):
        seen += count
        buckets.append((str(bound / 1_000_000), float(seen)))
    buckets.append(("+Inf", float(histogram.count)))
    family = HistogramMetricFamily(name, text)
    family.add_metric((), buckets, histogram.total / 1_000_000)
    return family
