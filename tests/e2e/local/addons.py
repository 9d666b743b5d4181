"""What runs inside the local cluster beside its users' pods: cluster DNS and the storage class."""

from pathlib import Path

from e2e import archive
from e2e.api import Object
from e2e.home import built_once
from e2e.local.binaries import COREDNS, COREDNS_VERSION, PAUSE, binary
from e2e.local.layout import DNS_SERVICE_ADDRESS, PROVISIONER, STORAGE_CLASS
from e2e.local.node import PAUSE_IMAGE

COREDNS_IMAGE = f"localhost/coredns:{COREDNS_VERSION}"

# Nothing outside of the cluster is resolved: what a test needs from the world is in its image. There is
# no cache, here or in front: a pod that comes back with another address is found at once.
COREFILE = """cluster.local:53 in-addr.arpa:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa {
        ttl 1
    }
    loadbalance
}
.:53 {
    template ANY ANY . {
        rcode NXDOMAIN
    }
}
"""


def images() -> list[Path]:
    """Archives of the images that every node needs."""
    pause, coredns = binary(PAUSE), binary(COREDNS)

    def write_pause(target: Path) -> None:
        archive.write(target, PAUSE_IMAGE, {"/pause": pause}, ["/pause"], user="65535")

    def write_coredns(target: Path) -> None:
        archive.write(target, COREDNS_IMAGE, {"/coredns": coredns}, ["/coredns"])

    return [
        built_once("images", "pause.tar", pause.name.encode(), write_pause),
        built_once("images", "coredns.tar", coredns.name.encode(), write_coredns),
    ]


def manifests() -> list[Object]:
    """All objects, as `kubectl apply` takes them."""
    return [_storage_class(), *_dns_account(), _dns_config(), _dns_service(), _dns_pods()]


def _storage_class() -> Object:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": default},
        "provisioner": PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
    }


def _dns_account() -> list[Object]:
    rules = [
        {
            "apiGroups": [""],
            "resources": ["endpoints", "services", "pods", "namespaces"],
            "verbs": ["list", "watch"],
        },
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        },
    ]
    account = {"name": "coredns", "namespace": "kube-system"}
    rbac = "rbac.authorization.k8s.io"
    role = {"kind": "ClusterRole", "name": "system:coredns"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "system:coredns"},
            "rules": rules,
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:coredns"},
            "roleRef": {"apiGroup": rbac, **role},
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    ]


def _dns_config() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": COREFILE},
    }


def _dns_service() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {
            "clusterIP": DNS_SERVICE_ADDRESS,
            "selector": {"k8s-app": "kube-dns"},
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        },
    }


def _dns_pods() -> Object:
    """One on each node: names are resolved while a zone is away."""
    labels = {"k8s-app": "kube-dns"}
    container = {
        "name": "coredns",
        "image": COREDNS_IMAGE,
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "coredns",
                    "priorityClassName": "system-cluster-critical",
                    "dnsPolicy": "Default",
                    "containers": [container],
                    "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
                },
            },
        },
    }
