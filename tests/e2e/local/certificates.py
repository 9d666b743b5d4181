"""The CA of the local cluster, a certificate for each of its parts, and the kubeconfigs that use them."""

import json

from e2e.authority import Authority, make_key
from e2e.local.layout import (
    API_SERVICE_ADDRESS,
    CONTROL_PLANE_ADDRESS,
    NODES,
    certificates,
    kubeconfig,
    server_url,
)

# who → subject. The groups are those that the API server's RBAC rules know from the start.
USERS = {
    "admin": "/O=system:masters/CN=admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    **{node.name: f"/O=system:nodes/CN=system:node:{node.name}" for node in NODES},
}


def make() -> None:
    """All of them, unless they are there."""
    folder = certificates()
    if (folder / "complete").exists():
        return
    authority = Authority(folder)
    authority.create("/CN=local")
    make_key(folder / "service-account.key")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    names.append("kubernetes.default.svc.cluster.local")
    addresses = [CONTROL_PLANE_ADDRESS, API_SERVICE_ADDRESS, "127.0.0.1"]
    alternative = [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]
    authority.issue("apiserver", "/CN=kube-apiserver", alternative)
    authority.issue("kubelet-client", "/O=system:masters/CN=apiserver-kubelet-client")
    for user, subject in USERS.items():
        authority.issue(user, subject)
        _write_kubeconfig(user)
    (folder / "complete").touch()


def _write_kubeconfig(user: str) -> None:
    folder = certificates()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "raftkeeper-e2e",
        "clusters": [
            {
                "name": "raftkeeper-e2e",
                "cluster": {
                    "server": server_url(),
                    "certificate-authority": str(folder / "ca.crt"),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate": str(folder / f"{user}.crt"),
                    "client-key": str(folder / f"{user}.key"),
                },
            }
        ],
        "contexts": [
            {"name": "raftkeeper-e2e", "context": {"cluster": "raftkeeper-e2e", "user": user}}
        ],
    }
    kubeconfig(user).write_text(json.dumps(content, indent=1))
    kubeconfig(user).chmod(0o600)
