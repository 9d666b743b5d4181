"""Objects for the Prometheus operator: which ports to scrape, and which figures a person must hear of."""

from dataclasses import dataclass
from typing import Final

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.scalars import format_duration
from raftkeeper_operator.build.blueprint import Blueprint, Object

API_VERSION: Final = "monitoring.coreos.com/v1"
CLUSTER_LABEL: Final = "raftkeeper_cluster"
"""Label of all series of a cluster; dashboards and alerts select by it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person should hear of."""

    name: str
    expression: str
    """With {SERIES} for the labels of the cluster's series, {CLAIMS} for those of its volumes, and
    {CLUSTER_OF_OPERATOR} for those that the operator's own series of it bear."""
    duration: str
    severity: str
    sentence: str
    page: str
    """Of the runbook."""


ALERTS: Final = (
    Alert(
        "RaftKeeperNoLeader",
        # The operator's own figure says that nobody is meant to lead; where it is not scraped, nothing does.
        "(max(raft_has_leader{SERIES}) == 0 or absent(raft_has_leader{SERIES}))"
        " unless on () max(raftkeeper_operator_cluster_hibernated{CLUSTER_OF_OPERATOR}) == 1",
        "1m",
        "critical",
        "no member of {CLUSTER} knows a leader: writes are not served",
        "quorum-lost",
    ),
    Alert(
        "RaftKeeperMemberDown",
        "up{SERIES} == 0 or serving{SERIES} == 0",
        "5m",
        "warning",
        "member {{ $labels.pod }} of {CLUSTER} does not serve",
        "member-down",
    ),
    Alert(
        "RaftKeeperMemberLagging",
        "max by (member) (raft_member_behind_entries{SERIES}) > 10000",
        "5m",
        "warning",
        "member {{ $labels.member }} of {CLUSTER} lacks {{ $value }} committed entries",
        "member-lagging",
    ),
    Alert(
        "RaftKeeperWritesRefused",
        "max by (pod) (writes_refused{SERIES}) == 1",
        "1m",
        "critical",
        "the volume of {{ $labels.pod }} in {CLUSTER} is full: writes are refused",
        "writes-refused",
    ),
    Alert(
        "RaftKeeperVolumeNearlyFull",
        "kubelet_volume_stats_available_bytes{CLAIMS}"
        " / kubelet_volume_stats_capacity_bytes{CLAIMS} < 0.15",
        "10m",
        "warning",
        "volume {{ $labels.persistentvolumeclaim }} of {CLUSTER} is more than 85 % full",
        "nearly-full",
    ),
    Alert(
        "RaftKeeperSlowFsync",
        "histogram_quantile(0.99, sum by (le, pod)"
        " (rate(log_fsync_seconds_bucket{SERIES}[5m]))) > 0.2",
        "10m",
        "warning",
        "one fsync in a hundred takes more than 200 ms on {{ $labels.pod }} of {CLUSTER}",
        "member-lagging",
    ),
    Alert(
        "RaftKeeperLeaderChanges",
        "changes(max(raft_term{SERIES})[15m:30s]) > 3",
        "0m",
        "warning",
        "the leader of {CLUSTER} changed {{ $value }} times within 15 minutes",
        "no-leader",
    ),
)


def build_service_monitor(blueprint: Blueprint) -> Object:
    """Scrape every member by the members' Service, whether it is ready or not."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ServiceMonitor",
        "metadata": blueprint.metadata(
            blueprint.names.monitor, more_labels=dict(blueprint.spec.monitoring.labels)
        ),
        "spec": {
            "selector": {
                "matchLabels": {labels.CLUSTER: blueprint.name, labels.COMPONENT: "members"}
            },
            "namespaceSelector": {"matchNames": [blueprint.namespace]},
            "endpoints": [
                {
                    "port": "http",
                    "path": "/metrics",
                    "interval": format_duration(blueprint.spec.monitoring.interval_ms),
                    "relabelings": [
                        {
                            "action": "replace",
                            "targetLabel": CLUSTER_LABEL,
                            "replacement": blueprint.name,
                        }
                    ],
                }
            ],
        },
    }


def build_prometheus_rule(blueprint: Blueprint) -> Object:
    """Alerts of one cluster. Each names the runbook page that says what to do."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": blueprint.metadata(
            blueprint.names.monitor, more_labels=dict(blueprint.spec.monitoring.labels)
        ),
        "spec": {
            "groups": [
                {
                    "name": f"raftkeeper.{blueprint.namespace}.{blueprint.name}",
                    "rules": [_written(blueprint, alert) for alert in ALERTS],
                }
            ]
        },
    }


def _written(blueprint: Blueprint, alert: Alert) -> Object:
    series = f'{{namespace="{blueprint.namespace}",{CLUSTER_LABEL}="{blueprint.name}"}}'
    # Each pool by its name: another cluster may be called as this one with a zone.
    pools = {blueprint.names.stateful_set(zone) for zone in (None, *blueprint.spec.placement.zones)}
    claims = (
        f'{{namespace="{blueprint.namespace}",'
        f'persistentvolumeclaim=~"(data|log)-({"|".join(sorted(pools))})-[0-9]+"}}'
    )
    operators = f'{{namespace="{blueprint.namespace}",cluster="{blueprint.name}"}}'
    expression = alert.expression.replace("{CLUSTER_OF_OPERATOR}", operators)
    where = f"{blueprint.namespace}/{blueprint.name}"
    return {
        "alert": alert.name,
        "expr": expression.replace("{SERIES}", series).replace("{CLAIMS}", claims),
        "for": alert.duration,
        "labels": {"severity": alert.severity, CLUSTER_LABEL: blueprint.name},
        "annotations": {
            "summary": alert.sentence.replace("{CLUSTER}", where),
            **_where_to_read(blueprint, f"docs/runbook/{alert.page}.md"),
        },
    }


def _where_to_read(blueprint: Blueprint, page: str) -> dict[str, str]:
    """A link where somebody has said where these pages can be read, else their place in the sources."""
    base = blueprint.surroundings.runbook_base.rstrip("/")
    return {"runbook_url": f"{base}/{page}"} if base else {"runbook": page}
