"""The CA of the local cluster, a certificate for each of its parts, and the kubeconfigs that use them."""

import json
from pathlib import Path

from e2e.local.layout import (
    API_SERVICE_ADDRESS,
    CONTROL_PLANE_ADDRESS,
    NODES,
    certificates,
    kubeconfig,
    server_url,
)
from e2e.shell import run

# A cluster lives for days at most; a year is never reached.
DAYS = "365"

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
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _key(folder / "ca.key")
    run(
        *["openssl", "req", "-x509", "-new", "-sha256", "-days", DAYS, "-subj", "/CN=local"],
        *["-key", folder / "ca.key", "-out", folder / "ca.crt"],
    )
    _key(folder / "service-account.key")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    names.append("kubernetes.default.svc.cluster.local")
    addresses = [CONTROL_PLANE_ADDRESS, API_SERVICE_ADDRESS, "127.0.0.1"]
    alternative = [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]
    _certificate("apiserver", "/CN=kube-apiserver", f"subjectAltName={','.join(alternative)}")
    _certificate("kubelet-client", "/O=system:masters/CN=apiserver-kubelet-client")
    for user, subject in USERS.items():
        _certificate(user, subject)
        _write_kubeconfig(user)
    (folder / "complete").touch()


def _key(path: Path) -> None:
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _certificate(name: str, subject: str, extension: str = "") -> None:
    folder = certificates()
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    _key(key)
    run("openssl", "req", "-new", "-key", key, "-subj", subject, "-out", request)
    extensions = folder / f"{name}.extensions"
    extensions.write_text(f"extendedKeyUsage=clientAuth,serverAuth\n{extension}\n")
    run(
        *["openssl", "x509", "-req", "-sha256", "-days", DAYS, "-in", request],
        *["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial"],
        *["-extfile", extensions, "-out", folder / f"{name}.crt"],
    )


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
