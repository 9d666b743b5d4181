"""The provider `local` as a whole: up, down, images, zones. See `provider.py` for what it promises."""

import fcntl
import functools
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from e2e.api import Api, ApiError
from e2e.deadline import wait_for
from e2e.home import REPOSITORY, home, say
from e2e.local import addons, binaries, certificates, control_plane, network, node
from e2e.local.layout import CGROUPS, NODES, STORAGE_CLASS, Node, kubeconfig, logs, state
from e2e.local.processes import Processes
from e2e.local.provisioner import api as local_api
from e2e.shell import CommandFailed, MissingTool, need, run

PROGRAMS = (
    "containerd",
    "ctr",
    "runc",
    "iptables",
    "ip",
    "conntrack",
    "ethtool",
    "socat",
    "openssl",
)
PACKAGES = (
    *("containerd", "runc", "containernetworking-plugins", "iptables", "iproute2"),
    *("conntrack", "ethtool", "socat", "openssl"),
)
API_TIMEOUT_S = 120
READY_TIMEOUT_S = 180
IMPORT_TIMEOUT_S = 300


class LocalCluster:
    """Three nodes in three zones on this machine."""

    name = "local"
    storage_class = STORAGE_CLASS
    enforces_policies = True

    def __init__(self) -> None:
        self._processes = Processes(state() / "processes", logs())

    @property
    def kubeconfig(self) -> Path:
        return kubeconfig()

    @property
    def kubectl(self) -> list[str]:
        return binaries.kubernetes("kubectl")

    @property
    def helm(self) -> list[str]:
        return [str(binaries.binary(binaries.HELM))]

    @property
    def zones(self) -> list[str]:
        return [item.zone for item in NODES]

    def check(self) -> None:
        """Everything that `up` and the building of images will ask for."""
        _check_machine()
        binaries.check_go()
        need(["docker", "dockerd", "debootstrap"], ["docker.io", "debootstrap"])

    def prepare(self) -> None:
        """Build Kubernetes and what belongs to it, if that has not been done for these versions."""
        for program in binaries.ALL:
            binaries.binary(program)
        addons.images()

    def up(self) -> bool:
        """Whether it had to be brought up; False when it was found running."""
        _check_machine()
        with self._alone():
            if self._is_up():
                return False
            self._clear()
            shutil.rmtree(logs(), ignore_errors=True)
            self._start()
            return True

    def down(self) -> None:
        """Stop and remove all of it; logs stay until the next `up`."""
        with self._alone():
            self._clear()

    def load_image(self, archive: Path) -> None:
        """Give an image archive to every node."""
        self._on_all_nodes(lambda item: _import(item, archive))

    def stop_zone(self, zone: str) -> None:
        """Cut the power of the zone's node."""
        node.cut_power(_node_of(zone), self._processes)

    def start_zone(self, zone: str) -> None:
        """Bring the node back; returns when it is Ready again."""
        item = _node_of(zone)
        node.start_containerd(item, self._processes)
        network.reconnect(item)
        node.start_kubelet(item, self._processes)
        with closing(local_api()) as api:
            wait_for(f"{item.name} is Ready", lambda: _is_ready(api, item), timeout_s=90)

    def address_of_zone(self, zone: str) -> str:
        """The network of the zone's pods."""
        return _node_of(zone).pod_network

    def collect_logs(self, target: Path) -> None:
        """Copies of the daemons' logs."""
        target.mkdir(parents=True, exist_ok=True)
        for path in logs().glob("*.log"):
            shutil.copy(path, target / path.name)

    def status(self) -> str:
        """For people."""
        lines = [
            f"{name:24} {'running' if self._processes.is_running(name) else 'not running'}"
            for name in self._processes.names()
        ]
        if not lines:
            return "down"
        return "\n".join([*lines, f"KUBECONFIG={self.kubeconfig}"])

    def _is_up(self) -> bool:
        names = self._processes.names()
        if not names or not all(map(self._processes.is_running, names)):
            return False
        try:
            with closing(local_api()) as api:
                return all(_is_ready(api, item) for item in NODES)
        except (ApiError, OSError):
            return False

    def _start(self) -> None:
        images = addons.images()  # built before anything runs: that takes minutes the first time
        binaries.kubernetes("kubelet")
        say("starting three nodes and a control plane")
        state().mkdir(parents=True, exist_ok=True)
        certificates.make()
        network.up()
        control_plane.start(self._processes, control_plane.SERVER)

        def start_node(item: Node) -> None:
            node.start_containerd(item, self._processes)
            for image in images:
                _import(item, image)
            node.start_kubelet(item, self._processes)

        with closing(local_api()) as api:
            self._start_on(api, start_node)

    def _start_on(self, api: Api, start_node: Callable[[Node], None]) -> None:
        self._wait("the API server is ready", lambda: _answers(api), API_TIMEOUT_S)
        control_plane.start(self._processes, control_plane.CONTROLLERS)
        self._on_all_nodes(start_node)
        for daemon in ("provisioner", "policies"):
            self._processes.start(
                daemon,
                [sys.executable, "-m", f"e2e.local.{daemon}"],
                environment={"PYTHONPATH": str(REPOSITORY / "tests")},
            )
        objects = {"apiVersion": "v1", "kind": "List", "items": addons.manifests()}
        run(
            *[
                *self.kubectl,
                f"--kubeconfig={self.kubeconfig}",
                "apply",
                "--server-side",
                "-f",
                "-",
            ],
            given=json.dumps(objects),
        )
        for item in NODES:
            is_ready = functools.partial(_is_ready, api, item)
            self._wait(f"{item.name} is Ready", is_ready, READY_TIMEOUT_S)
        self._wait("cluster DNS answers", lambda: _dns_is_ready(api), READY_TIMEOUT_S)
        _link_tools()
        say(f"up; export KUBECONFIG={self.kubeconfig} PATH={home() / 'bin'}:$PATH")

    def _wait(self, what: str, check: Callable[[], bool], timeout_s: float) -> None:
        """Wait, but not for what cannot come because a daemon has ended."""

        def check_alive() -> bool:
            for name in self._processes.names():
                if not self._processes.is_running(name):
                    raise CommandFailed(f"{name} has ended; see {logs() / name}.log")
            return check()

        wait_for(what, check_alive, timeout_s=timeout_s)

    def _clear(self) -> None:
        """All that a run has left, whole or not; harmless when there is nothing."""
        for name in reversed(self._processes.names()):
            self._processes.stop(name, at_once=True)  # nothing they could save is kept
        network.down()
        for item in NODES:
            node.end_node_processes(item)
            node.remove(item)
        _remove_empty_cgroups()
        kept = logs()
        for path in state().iterdir() if state().exists() else ():
            if path != kept and not path.name.endswith(".lock"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _on_all_nodes(self, do: Callable[[Node], None]) -> None:
        failures: list[BaseException] = []

        def one(item: Node) -> None:
            try:
                do(item)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one, args=(item,)) for item in NODES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two who bring it up or down at once take turns."""
        state().mkdir(parents=True, exist_ok=True)
        with (state() / "up-or-down.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _check_machine() -> None:
    """A machine that cannot do it is told why, before anything is started."""
    if os.geteuid() != 0:
        raise MissingTool(
            "the provider `local` mounts, routes and starts containers, so it needs root; "
            "as a plain user take RAFTKEEPER_E2E_PROVIDER=kind, or KUBECONFIG with `kubeconfig`"
        )
    if not (CGROUPS / "pids" / "cgroup.procs").exists():
        raise MissingTool(
            "the provider `local` knows cgroup v1 only, and this machine has v2; "
            "take RAFTKEEPER_E2E_PROVIDER=kind, or KUBECONFIG with `kubeconfig`"
        )
    need(PROGRAMS, PACKAGES)
    if not Path("/usr/lib/cni/ptp").exists():
        raise MissingTool(
            "the CNI plugins are missing: apt-get install containernetworking-plugins"
        )


def _link_tools() -> None:
    """kubectl, helm and ctr of the cluster's versions, by their usual names, for people."""
    folder = home() / "bin"
    folder.mkdir(exist_ok=True)
    for name, program in (("kubectl", binaries.KUBERNETES), ("helm", binaries.HELM)):
        link = folder / f"{name}.unfinished"
        link.unlink(missing_ok=True)
        link.symlink_to(binaries.binary(program))
        link.rename(folder / name)


def _import(item: Node, archive: Path) -> None:
    node.ctr(item, "images", "import", archive, timeout_s=IMPORT_TIMEOUT_S)


def _node_of(zone: str) -> Node:
    for item in NODES:
        if item.zone == zone:
            return item
    raise ValueError(f"there is no zone {zone}")


def _answers(api: Api) -> bool:
    try:
        return api.text("/readyz") == "ok"
    except (ApiError, OSError):
        return False


def _is_ready(api: Api, item: Node) -> bool:
    found = api.find("nodes", None, item.name)
    if found is None:
        return False
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _dns_is_ready(api: Api) -> bool:
    status = api.get("daemonsets", "kube-system", "coredns").get("status", {})
    return bool(status.get("numberReady", 0) == len(NODES))


def _remove_empty_cgroups() -> None:
    for hierarchy in (*node.hierarchies(), "unified"):
        group = CGROUPS / hierarchy / "raftkeeper-e2e"
        if group.exists():
            group.rmdir()
