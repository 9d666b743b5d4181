"""Clusters that builders are tested with: the smallest, and one that asks for everything."""

from typing import Any

from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.build.blueprint import Blueprint, Surroundings

SURROUNDINGS = Surroundings(namespace="raftkeeper-system", version="0.1.0")

EVERYTHING: dict[str, Any] = {
    "replicas": 5,
    "version": "0.2.0",
    "image": {"repository": "example.test/raftkeeper", "pullSecrets": ["registry"]},
    "resources": {"requests": {"cpu": 1, "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
    "storage": {
        "data": {"size": "20Gi", "storageClassName": "fast"},
        "log": {"size": "8Gi", "storageClassName": "faster"},
        "retention": {"whenDeleted": "Delete"},
    },
    "placement": {"zones": ["a", "b", "c"], "leaderZones": ["b"], "nodeAntiAffinity": "Preferred"},
    "raft": {"heartbeatInterval": "30ms", "electionTimeout": "1s", "snapshotEveryLogBytes": "1Gi"},
    "keeper": {
        "linearizableReads": True,
        "fourLetterWords": ["ruok", "srvr"],
        "extra": {"client.outstanding_max": "1000", "features.reconfig": "true"},
    },
    "tls": {"client": {"mode": "Required", "secretName": "client-cert", "clientAuth": "Need"}},
    "auth": {"superDigest": {"name": "super", "key": "digest"}},
    "services": {
        "client": {
            "type": "LoadBalancer",
            "annotations": {"example.test/internal": "true"},
            "externalTrafficPolicy": "Local",
            "loadBalancerSourceRanges": ["192.0.2.0/24"],
        }
    },
    "podTemplate": {
        "metadata": {"labels": {"team": "storage"}},
        "spec": {
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "containers": [
                {"name": "raftkeeper", "env": [{"name": "MALLOC_ARENA_MAX", "value": "2"}]},
                {"name": "sidecar", "image": "example.test/sidecar:1"},
            ],
        },
    },
    "monitoring": {"serviceMonitor": True, "prometheusRule": True, "labels": {"release": "prom"}},
    "networkPolicy": {
        "enabled": True,
        "clients": [{"podSelector": {"matchLabels": {"uses": "zoo"}}}],
        "monitoring": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    },
}


def cluster(spec: dict[str, Any] | None = None, **more: Any) -> Blueprint:
    """A cluster called `zoo`, of this spec."""
    return Blueprint(
        name="zoo",
        namespace="default",
        uid="0f0e0d0c",
        spec=ClusterSpec.model_validate(spec or {}),
        surroundings=SURROUNDINGS,
        **more,
    )
