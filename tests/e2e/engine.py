"""A Docker engine to build images with: the machine's own, or one started for the time of the build.

The one that is started touches nothing of the machine: no bridge, no firewall rules, its own data folder.
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.deadline import wait_for
from e2e.home import home, say
from e2e.shell import MissingTool, need, run, search_path, succeeds

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# Images are mostly copied files; minutes would mean that something waits for a network.
BUILD_TIMEOUT_S = 900


class Engine:
    """How the engine is asked."""

    def __init__(self, address: str | None) -> None:
        self._environment = {} if address is None else {"DOCKER_HOST": address}
        # An engine without BuildKit still builds our Dockerfile; one with it does so by itself.
        if not succeeds("docker", "buildx", "version"):
            self._environment["DOCKER_BUILDKIT"] = "0"

    def call(self, *words: str | Path, timeout_s: float = BUILD_TIMEOUT_S) -> str:
        return run("docker", *words, timeout_s=timeout_s, environment=self._environment)


@contextmanager
def engine() -> Iterator[Engine]:
    """The engine; what was started is stopped again."""
    if succeeds("docker", "info", timeout_s=20):
        yield Engine(None)
        return
    if os.geteuid() != 0:
        raise MissingTool("no Docker engine answers, and only root can start one for the build")
    need(["docker", "dockerd", "containerd", "runc"], ["docker.io"])
    folder = home() / "engine"
    folder.mkdir(exist_ok=True)
    address = f"unix://{folder}/socket"
    with (folder / "lock").open("w") as lock, (folder / "log").open("wb") as log:
        # Two engines cannot share a data folder; whoever builds second waits.
        fcntl.flock(lock, fcntl.LOCK_EX)
        say("starting a Docker engine for the build")
        process = subprocess.Popen(
            [
                *["dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/run"],
                *[f"--pidfile={folder}/pid", f"--host={address}", "--bridge=none"],
                *["--iptables=false", "--ip6tables=false", "--ip-forward=false"],
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": search_path()},
        )
        try:
            wait_for(
                f"the Docker engine answers; see {folder}/log",
                lambda: succeeds("docker", "--host", address, "info", timeout_s=20),
                timeout_s=START_TIMEOUT_S,
            )
            yield Engine(address)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
