"""The network of a run: a namespace for each node, a bridge, and ways to break what is between them.

It lives in a network, mount and process namespace of its own (`enter`), so that nothing of it is
left when the run ends, however it ends. Needs root and a kernel that lets it; says so otherwise.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

BRIDGE = "faults0"
SUBNET = "10.93.7"
RUNNER_ADDRESS = f"{SUBNET}.254"
INSIDE = "RAFTKEEPER_FAULTS_INSIDE"
"""Set in the environment of the run that is inside its namespaces."""
EXIT_UNABLE = 3
"""This machine cannot run it; nothing is said about the nodes."""
DISK_BYTES = 512 << 20
"""Of a node: a sparse image, filled up when the disk is to be full."""
COMMAND_DEADLINE_S = 20.0
TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
}


class UnableError(Exception):
    """What is missing on this machine, and what brings it."""


def enter() -> None:
    """Starts this command again inside its own namespaces; returns there, and only there."""
    if os.environ.get(INSIDE):
        return
    _check_able()
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.orig_argv[1:]])


def _check_able() -> None:
    if os.geteuid() != 0:
        raise UnableError("it needs root, for network namespaces and file systems: use sudo")
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        raise UnableError(f"apt-get install {' '.join(sorted(missing))}")
    trial = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "ip", "link"],
        capture_output=True,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )
    if trial.returncode != 0:
        raise UnableError(f"the kernel gives no namespaces: {trial.stderr.strip()}")


def run(*command: str, said: str = "") -> None:
    """One command of the system, which reads what is `said`; what it says when it fails goes into the
    error.
    """
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise UnableError(f"{' '.join(command)}: {done.stderr.strip()}")


def address_of(slot: int) -> str:
    return f"{SUBNET}.{slot}"


def namespace_of(slot: int) -> str:
    return f"faults-{slot}"


class Lab:
    """`slots` places for nodes, each with an address and a disk."""

    def __init__(self, directory: Path, slots: Sequence[int]) -> None:
        self.directory = directory
        self.slots = tuple(slots)

    def build(self) -> None:
        """Everything is connected, all disks are empty."""
        # Names of namespaces are files in a folder that all share; ours is not seen by others.
        Path("/run/netns").mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{RUNNER_ADDRESS}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        for slot in self.slots:
            self._build_place(slot)
            self._build_disk(slot)

    def close(self) -> None:
        """Takes the disks away. All else ends with the namespaces."""
        for slot in self.slots:
            run("umount", "--lazy", str(self.disk(slot)))
            (self.directory / f"disk{slot}.img").unlink()

    def disk(self, slot: int) -> Path:
        return self.directory / f"disk{slot}"

    def inside(self, slot: int) -> list[str]:
        """What to put before a command that is to run in the slot's namespace."""
        return ["nsenter", f"--net=/run/netns/{namespace_of(slot)}", "--"]

    def drop(self, slot: int, sources: Collection[int]) -> None:
        """The slot hears nothing more from these. It goes on being heard."""
        for source in sources:
            self._iptables(slot, "-A", "INPUT", "-s", address_of(source), "-j", "DROP")

    def drop_clients(self, slot: int) -> None:
        self._iptables(slot, "-A", "INPUT", "-s", RUNNER_ADDRESS, "-j", "DROP")

    def cut(self, side: Collection[int], other: Collection[int]) -> None:
        """Both ways."""
        for slot in side:
            self.drop(slot, other)
        for slot in other:
            self.drop(slot, side)

    def cut_off(self, slot: int, others: Collection[int]) -> None:
        """Both ways at one moment, which `cut` takes some milliseconds for: for what is timed."""
        rules = [
            rule
            for other in map(address_of, others)
            for rule in (f"-A INPUT -s {other} -j DROP", f"-A OUTPUT -d {other} -j DROP")
        ]
        table = "\n".join(("*filter", *rules, "COMMIT", ""))
        run(*self.inside(slot), "iptables-restore", "-w", "--noflush", said=table)

    def heal(self) -> None:
        """Everybody hears everybody."""
        for slot in self.slots:
            self._iptables(slot, "-F")

    def fill(self, slot: int) -> None:
        """Not a block is free on the slot's disk."""
        with (self.disk(slot) / "ballast").open("ab") as file:
            for piece in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), piece)

    def relieve(self, slot: int) -> None:
        (self.disk(slot) / "ballast").unlink(missing_ok=True)

    def _iptables(self, slot: int, *rule: str) -> None:
        run(*self.inside(slot), "iptables", "-w", *rule)

    def _build_place(self, slot: int) -> None:
        namespace, outer, inner = namespace_of(slot), f"out{slot}", f"in{slot}"
        run("ip", "netns", "add", namespace)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner)
        run("ip", "link", "set", inner, "netns", namespace)
        run("ip", "link", "set", outer, "master", BRIDGE, "up")
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", namespace, "address", "add", f"{address_of(slot)}/24", "dev", inner)
        run("ip", "-n", namespace, "link", "set", inner, "up")

    def _build_disk(self, slot: int) -> None:
        image, folder = self.directory / f"disk{slot}.img", self.disk(slot)
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        # No blocks kept back for root: full has to mean full.
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        folder.mkdir(exist_ok=True)
        run("mount", "-o", "loop", str(image), str(folder))
