"""Names, addresses and folders of the local cluster. Values only; nothing here does anything."""

from dataclasses import dataclass
from pathlib import Path

from e2e.home import home

NODE_NUMBERS = (1, 2, 3)
# Addresses of this machine's loopback device, never seen outside. One for each node, so that every
# kubelet has its usual port, and nothing has to be written to /etc/hosts.
CONTROL_PLANE_ADDRESS = "10.245.0.100"
API_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
# Pods of node N have addresses 10.244.N.0/24; the machine itself reaches them too.
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
STORAGE_CLASS = "local"
PROVISIONER = "raftkeeper.io/e2e-local"
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Node:
    """One of the three."""

    number: int

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def zone(self) -> str:
        return f"zone-{self.number}"

    @property
    def address(self) -> str:
        return f"10.245.0.{self.number}"

    @property
    def pod_network(self) -> str:
        return f"10.244.{self.number}.0/24"

    @property
    def folder(self) -> Path:
        return state() / self.name

    @property
    def socket(self) -> Path:
        """Where its containerd listens."""
        return self.folder / "containerd.sock"

    @property
    def volumes(self) -> Path:
        return self.folder / "volumes"

    @property
    def pods_cgroup(self) -> str:
        """The group of its pods, from the root of each hierarchy."""
        return f"/raftkeeper-e2e/{self.name}"

    @property
    def daemons_cgroup(self) -> Path:
        """The group of its daemons; in one hierarchy only, to have them all by their ids."""
        return CGROUPS / "pids" / "raftkeeper-e2e" / f"{self.name}-daemons"


NODES = tuple(Node(number) for number in NODE_NUMBERS)


def state() -> Path:
    """Everything of the running cluster."""
    return home() / "local"


def certificates() -> Path:
    return state() / "certificates"


def logs() -> Path:
    return state() / "logs"


def kubeconfig(user: str = "admin") -> Path:
    return state() / f"{user}.kubeconfig"


def server_url() -> str:
    return f"https://{CONTROL_PLANE_ADDRESS}:{API_PORT}"
