"""What the operator is told when it starts: flags, each with an environment variable of the same name.

`--lease-name` is RAFTKEEPER_OPERATOR_LEASE_NAME. A flag wins over the environment.
"""

import argparse
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PREFIX = "RAFTKEEPER_OPERATOR_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one operator process."""

    kubeconfig: str
    namespaces: tuple[str, ...]
    """Those that are looked after; empty for all."""
    lease_namespace: str
    lease_name: str
    identity: str
    listen: str
    port: int
    cluster_domain: str
    node_image: str
    """Repository of the node's image, for clusters whose spec names none."""
    runbook_base: str
    """Where the folder `docs` can be read; alerts link to its pages."""
    log_level: str
    log_format: str
    failpoint: str
    cluster_failpoints: bool
    """Whether a cluster's annotation may name one too."""


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Ends the process with a sentence when something is wrong (argparse's way)."""
    parser = argparse.ArgumentParser(
        prog="raftkeeper-operator",
        description="Runs RaftKeeper clusters on Kubernetes.",
        epilog="Every flag has an environment variable, as RAFTKEEPER_OPERATOR_LEASE_NAME.",
    )

    def add(flag: str, default: str, text: str) -> None:
        name = PREFIX + flag.strip("-").replace("-", "_").upper()
        value = environment.get(name, default)
        parser.add_argument(flag, default=value, help=f"{text} (default: {default or 'none'})")

    add("--kubeconfig", environment.get("KUBECONFIG", ""), "path; in a pod: its service account")
    add("--namespaces", "", "comma-separated; none for all")
    add("--lease-namespace", environment.get("POD_NAMESPACE", "default"), "where the Lease is")
    add("--lease-name", "raftkeeper-operator", "one Lease for all replicas of one operator")
    add("--identity", _identity(environment), "name of this replica")
    add("--listen", "::", "address of health and metrics; :: is all of both versions of IP")
    add("--port", "8080", "port of health and metrics")
    add("--cluster-domain", "cluster.local", "the Kubernetes cluster's DNS domain")
    add("--node-image", "raftkeeper", "repository of the node's image")
    add("--runbook-base", "", "URL of what holds docs/ of this release, for links of alerts")
    add("--log-level", "info", "debug, info, warning or error")
    add("--log-format", "json", "json or console")
    add("--failpoint", "", "for tests: after:ACTION or before:ACTION, where the process ends")
    add("--cluster-failpoints", "false", "for tests: true obeys clusters' raftkeeper.io/failpoint")
    given = parser.parse_args(arguments)
    if not str(given.port).isdecimal() or not 0 <= int(given.port) <= 65535:
        parser.error(f"--port {given.port}: give a number between 0 (any) and 65535")
    if given.log_level not in {"debug", "info", "warning", "error"}:
        parser.error(f"--log-level {given.log_level}: give debug, info, warning or error")
    if given.log_format not in {"json", "console"}:
        parser.error(f"--log-format {given.log_format}: give json or console")
    if given.cluster_failpoints not in {"true", "false"}:
        parser.error(f"--cluster-failpoints {given.cluster_failpoints}: give true or false")
    namespaces = tuple(name.strip() for name in given.namespaces.split(",") if name.strip())
    read = {
        "namespaces": namespaces,
        "port": int(given.port),
        "cluster_failpoints": given.cluster_failpoints == "true",
    }
    return Settings(**{**vars(given), **read})


def _identity(environment: Mapping[str, str]) -> str:
    """A pod's name is its own, and stays when its container is restarted; elsewhere one is made up."""
    return environment.get("POD_NAME") or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
