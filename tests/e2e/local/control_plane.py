"""etcd, API server, controller manager, scheduler and kube-proxy of the local cluster: their flags.

It decides how they are called and in which order they come up; running them is `processes.py`.
"""

import json

from e2e.local.binaries import ETCD, binary, kubernetes
from e2e.local.layout import (
    API_PORT,
    CONTROL_PLANE_ADDRESS,
    ETCD_PEER_PORT,
    ETCD_PORT,
    POD_NETWORK,
    SERVICE_NETWORK,
    certificates,
    kubeconfig,
    state,
)
from e2e.local.processes import Processes

# A node that says nothing for this long is NotReady. Kubernetes waits 50 s; a test has not the time.
NODE_GRACE = "16s"
NODE_CHECK = "2s"
ETCD_URL = f"http://{CONTROL_PLANE_ADDRESS}:{ETCD_PORT}"

# The controllers give up when the API server has not yet made its own roles; so it comes before them.
SERVER = ("etcd", "apiserver")
CONTROLLERS = ("controller-manager", "scheduler", "proxy")


def start(processes: Processes, names: tuple[str, ...]) -> None:
    """Start these, in this order."""
    commands = _commands()
    for name in names:
        processes.start(name, commands[name])


def _commands() -> dict[str, list[str]]:
    pki = certificates()
    return {
        "etcd": [
            str(binary(ETCD)),
            f"--data-dir={state() / 'etcd'}",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            f"--listen-peer-urls=http://{CONTROL_PLANE_ADDRESS}:{ETCD_PEER_PORT}",
            f"--initial-advertise-peer-urls=http://{CONTROL_PLANE_ADDRESS}:{ETCD_PEER_PORT}",
            f"--initial-cluster=default=http://{CONTROL_PLANE_ADDRESS}:{ETCD_PEER_PORT}",
            # A test cluster that loses its state with the machine is made anew; the disk is for us.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ],
        "apiserver": [
            *kubernetes("kube-apiserver"),
            f"--etcd-servers={ETCD_URL}",
            f"--bind-address={CONTROL_PLANE_ADDRESS}",
            f"--advertise-address={CONTROL_PLANE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--anonymous-auth=false",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'service-account.key'}",
            f"--service-account-signing-key-file={pki / 'service-account.key'}",
        ],
        "controller-manager": [
            *kubernetes("kube-controller-manager"),
            *_client("controller-manager"),
            f"--bind-address={CONTROL_PLANE_ADDRESS}",
            f"--service-account-private-key-file={pki / 'service-account.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            # Each node's pod network is fixed in its CNI configuration.
            "--allocate-node-cidrs=false",
            f"--node-monitor-grace-period={NODE_GRACE}",
            f"--node-monitor-period={NODE_CHECK}",
        ],
        "scheduler": [
            *kubernetes("kube-scheduler"),
            *_client("scheduler"),
            f"--bind-address={CONTROL_PLANE_ADDRESS}",
            "--leader-elect=false",
        ],
        "proxy": [*kubernetes("kube-proxy"), f"--config={_write_proxy_config()}"],
    }


def _client(user: str) -> list[str]:
    path = kubeconfig(user)
    return [
        f"--kubeconfig={path}",
        f"--authentication-kubeconfig={path}",
        f"--authorization-kubeconfig={path}",
    ]


def _write_proxy_config() -> str:
    """One kube-proxy serves all nodes, since they share the machine's network."""
    content = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig("proxy"))},
        "mode": "iptables",
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": "node1",
        "healthzBindAddress": f"{CONTROL_PLANE_ADDRESS}:10256",
        "metricsBindAddress": f"{CONTROL_PLANE_ADDRESS}:10249",
        # The machine's table of connections is not ours to resize.
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    path = state() / "proxy.json"
    path.write_text(json.dumps(content, indent=1))
    return str(path)
