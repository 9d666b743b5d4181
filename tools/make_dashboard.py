"""Writes the Grafana dashboard of the operator's chart from the table below (`make dashboard`).

A table can be read and reviewed; the thousand lines of JSON that Grafana wants cannot. What it writes is
committed, and a test compares the two and looks for every figure's name where it is made.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "charts/raftkeeper-operator/files/dashboard.json"

PANELS_PER_ROW = 3
COLUMNS = 24
HEIGHT = 8
# The labels of one cluster's series: Prometheus' own, and the one that our ServiceMonitor adds.
NODE = '{namespace="$namespace",raftkeeper_cluster="$cluster"}'
OPERATOR = '{namespace="$namespace",cluster="$cluster"}'


@dataclass(frozen=True)
class Panel:
    """One graph: its queries with their legends."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    text: str = ""


def rate(name: str) -> str:
    return f"sum by (pod) (rate({name}{NODE}[$__rate_interval]))"


def operator_rate(name: str, labels: str) -> str:
    return f"sum by ({labels}) (rate({name}[$__rate_interval]))"


def quantile(share: float, name: str) -> str:
    inner = f"rate({name}_bucket{NODE}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le, pod) ({inner}))"


ROWS: dict[str, tuple[Panel, ...]] = {
    "Cluster": (
        Panel(
            "Serving", ((f"serving{NODE}", "{{pod}}"),), "bool", "1 while a member takes requests."
        ),
        Panel(
            "Voters",
            (
                (f"raftkeeper_operator_cluster_voters{OPERATOR}", "committed"),
                (f"raftkeeper_operator_cluster_voters_wanted{OPERATOR}", "wanted"),
            ),
        ),
        Panel(
            "Plan blocked for",
            ((f"raftkeeper_operator_plan_blocked_seconds{OPERATOR}", "{{reason}}"),),
            "s",
            "How long the operator's next step has been waiting. The runbook has a page for each reason.",
        ),
    ),
    "Clients": (
        Panel("Requests", ((rate("packets_received"), "{{pod}}"),), "reqps"),
        Panel("Connections", ((f"num_alive_connections{NODE}", "{{pod}}"),)),
        Panel("Sessions", ((f"global_sessions{NODE}", "{{pod}}"),)),
        Panel(
            "Read latency, 99 %",
            ((quantile(0.99, "request_read_latency_seconds"), "{{pod}}"),),
            "s",
        ),
        Panel(
            "Write latency, 50 % and 99 %",
            (
                (quantile(0.5, "request_write_latency_seconds"), "50 % {{pod}}"),
                (quantile(0.99, "request_write_latency_seconds"), "99 % {{pod}}"),
            ),
            "s",
        ),
        Panel("Outstanding requests", ((f"outstanding_requests{NODE}", "{{pod}}"),)),
    ),
    "Consensus": (
        Panel(
            "Leader",
            ((f'raftkeeper_info{NODE[:-1]},mode="leader"}}', "{{pod}}"),),
            "short",
            "The member that leads.",
        ),
        Panel("Term", ((f"max(raft_term{NODE})", "term"),), text="Each election raises it."),
        Panel(
            "Entries behind",
            ((f"raft_member_behind_entries{NODE}", "member {{member}}"),),
            text="Committed entries that a member lacks, as the leader knows.",
        ),
        Panel("Commits", ((rate("commit_count"), "{{pod}}"),), "ops"),
        Panel("fsync of the log, 99 %", ((quantile(0.99, "log_fsync_seconds"), "{{pod}}"),), "s"),
        Panel("Apply, 99 %", ((quantile(0.99, "apply_seconds"), "{{pod}}"),), "s"),
    ),
    "Data and process": (
        Panel("Znodes", ((f"znode_count{NODE}", "{{pod}}"),)),
        Panel("Watches", ((f"watch_count{NODE}", "{{pod}}"),)),
        Panel(
            "Memory",
            (
                (f"resident_memory_bytes{NODE}", "process {{pod}}"),
                (f"memory_bytes{NODE}", "tables {{pod}}"),
            ),
            "bytes",
        ),
        Panel(
            "Late ticks of the event loop",
            ((rate("loop_stalls"), "{{pod}}"),),
            text="More than none: too little CPU.",
        ),
        Panel("Snapshots, 99 %", ((quantile(0.99, "snapshot_seconds"), "{{pod}}"),), "s"),
        Panel(
            "Writes refused",
            ((f"writes_refused{NODE}", "{{pod}}"),),
            "bool",
            "1 while a member's volume is full.",
        ),
    ),
    "Operator": (
        Panel("Leading replica", (("raftkeeper_operator_leading", "{{pod}}"),), "bool"),
        Panel(
            "Effects",
            (
                (
                    operator_rate("raftkeeper_operator_actions_total", "action, result"),
                    "{{action}} {{result}}",
                ),
            ),
            "ops",
        ),
        Panel(
            "Requests to the API server",
            (
                (
                    operator_rate("raftkeeper_operator_api_requests_total", "method, result"),
                    "{{method}} {{result}}",
                ),
            ),
            "reqps",
        ),
    ),
}


def build_dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    panels: list[dict[str, Any]] = []
    height = 0
    for title, row in ROWS.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": height, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        height += 1
        width = COLUMNS // PANELS_PER_ROW
        for place, panel in enumerate(row):
            across, down = place % PANELS_PER_ROW, place // PANELS_PER_ROW
            position = {"x": across * width, "y": height + down * HEIGHT, "w": width, "h": HEIGHT}
            panels.append(_graph(panel, len(panels) + 1, position))
        height += -(-len(row) // PANELS_PER_ROW) * HEIGHT
    return {
        "uid": "raftkeeper",
        "title": "RaftKeeper",
        "tags": ["raftkeeper"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                _source(),
                _variable("namespace", "label_values(serving, namespace)"),
                _variable(
                    "cluster", 'label_values(serving{namespace="$namespace"}, raftkeeper_cluster)'
                ),
            ]
        },
        "panels": panels,
    }


def _graph(panel: Panel, number: int, position: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "gridPos": position,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": source,
                "expr": expression,
                "legendFormat": legend,
            }
            for place, (expression, legend) in enumerate(panel.queries)
        ],
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def written() -> str:
    """The file."""
    return json.dumps(build_dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(written(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET.name}\n")
