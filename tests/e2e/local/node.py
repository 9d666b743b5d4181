"""One node of the local cluster: its containerd, its kubelet, its control groups; and its power switch.

What it must not do is be kind: `cut_power` gives no process a chance to end in order, since the zone of
a real cluster does not either.
"""

import json
import time
from pathlib import Path

from e2e.local import network
from e2e.local.binaries import kubernetes
from e2e.local.layout import (
    CGROUPS,
    DNS_SERVICE_ADDRESS,
    Node,
    certificates,
    kubeconfig,
)
from e2e.local.processes import Processes, end_group
from e2e.shell import CommandFailed, run

PAUSE_IMAGE = "localhost/pause:1"
CONTAINERD_TIMEOUT_S = 30.0
# A path of a Unix socket has at most 107 characters; containerd adds ".ttrpc".
SOCKET_PATH_MAX = 100


def start(node: Node, processes: Processes) -> None:
    """Containerd and kubelet; the node joins the cluster when it can."""
    start_containerd(node, processes)
    start_kubelet(node, processes)


def start_containerd(node: Node, processes: Processes) -> None:
    """Returns when containerd answers: images can be loaded before there is a kubelet."""
    if len(str(node.socket)) > SOCKET_PATH_MAX:
        raise ValueError(
            f"{node.socket} is too long for a socket; set RAFTKEEPER_E2E_HOME to a shorter folder"
        )
    _make_cgroups(node)
    config = node.folder / "containerd.toml"
    config.write_text(_containerd_config(node))
    processes.start(
        f"{node.name}-containerd",
        ["containerd", "--config", str(config)],
        cgroup=node.daemons_cgroup,
    )
    deadline = time.monotonic() + CONTAINERD_TIMEOUT_S
    while True:
        try:
            ctr(node, "version", timeout_s=5)
            return
        except CommandFailed:
            if time.monotonic() > deadline or not processes.is_running(f"{node.name}-containerd"):
                raise
            time.sleep(0.2)


def start_kubelet(node: Node, processes: Processes) -> None:
    """The kubelet; its containerd runs already."""
    config = node.folder / "kubelet.json"
    config.write_text(json.dumps(_kubelet_config(node), indent=1))
    node.volumes.mkdir(parents=True, exist_ok=True)
    processes.start(
        f"{node.name}-kubelet",
        [
            *kubernetes("kubelet"),
            f"--config={config}",
            f"--kubeconfig={kubeconfig(node.name)}",
            f"--root-dir={node.folder / 'kubelet'}",
            f"--cert-dir={node.folder / 'kubelet-pki'}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            f"--node-labels=topology.kubernetes.io/zone={node.zone}",
        ],
        cgroup=node.daemons_cgroup,
    )


def cut_power(node: Node, processes: Processes) -> None:
    """The node is gone, and nobody is told: packets vanish, processes die as they stand."""
    network.cut_off(node)
    for daemon in ("kubelet", "containerd"):
        processes.stop(f"{node.name}-{daemon}", at_once=True)
    end_node_processes(node)


def end_node_processes(node: Node) -> None:
    """Kill the containers' processes and what guards them."""
    end_group(node.daemons_cgroup)
    end_group(CGROUPS / "pids" / node.pods_cgroup.lstrip("/"))


def remove(node: Node) -> None:
    """Unmount what containers and volumes have mounted, and remove the control groups."""
    mounts = [
        words[1].replace("\\040", " ")
        for words in map(str.split, Path("/proc/mounts").read_text().splitlines())
        if Path(words[1]).is_relative_to(node.folder)
    ]
    for mount in sorted(mounts, key=len, reverse=True):
        run("umount", "--lazy", mount)
    for namespace in (node.folder / "addresses").glob("*/10.*"):
        namespace.unlink()
    # Where v2 is mounted beside v1, the runtime makes its groups there too.
    names = [*hierarchies(), "unified"]
    groups = [CGROUPS / hierarchy / node.pods_cgroup.lstrip("/") for hierarchy in names]
    for group in [*groups, node.daemons_cgroup]:
        _remove_group(group)


def ctr(node: Node, *words: str | Path, timeout_s: float = 60) -> str:
    """Containerd's own client, in the namespace that Kubernetes uses."""
    return run("ctr", "-a", node.socket, "-n", "k8s.io", *words, timeout_s=timeout_s)


def hierarchies() -> list[str]:
    """The cgroup v1 hierarchies of this machine."""
    return sorted(
        path.name
        for path in CGROUPS.iterdir()
        if path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()
        if path.name != "unified"
    )


def _make_cgroups(node: Node) -> None:
    for hierarchy in hierarchies():
        group = CGROUPS / hierarchy / node.pods_cgroup.lstrip("/")
        group.mkdir(parents=True, exist_ok=True)
        if hierarchy != "cpuset":
            continue
        # A new group of cpuset is empty, and nothing can enter it, until it is told what it may use.
        for folder in (group.parent, group):
            for name in ("cpuset.cpus", "cpuset.mems"):
                (folder / name).write_text((folder.parent / name).read_text())
    node.daemons_cgroup.mkdir(parents=True, exist_ok=True)


def _remove_group(group: Path) -> None:
    if not group.exists():
        return
    for inner in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        inner.rmdir()
    group.rmdir()


def _kubelet_config(node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "healthzBindAddress": node.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(certificates() / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{node.socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": node.pods_cgroup,
        # The machine's groups are set up by somebody else; the kubelet must not judge them.
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE_ADDRESS],
        "podLogsDir": str(node.folder / "pod-logs"),
        "volumePluginDir": str(node.folder / "volume-plugins"),
        "staticPodPath": "",
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 12,
        # Nothing is evicted or collected because the machine's disk is used for other things too.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
        "serializeImagePulls": False,
        "registerWithTaints": [],
        "maxPods": 110,
        # A container that dies is started again at once: stories kill many.
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "syncFrequency": "10s",
    }


def _containerd_config(node: Node) -> str:
    """`restrict_oom_score_adj`: without CAP_SYS_RESOURCE no score can be lowered, and every sandbox
    would end at once with "can't get final child's PID from pipe: EOF".
    """
    return f"""version = 2
root = "{node.folder}/containerd"
state = "{node.folder}/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{node.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{node.folder}/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "{node.address}"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{node.folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""
