"""Builds the images of node and operator from the Dockerfile, as archives that a cluster can load.

Where no registry answers there is no base image to start from; Debian's packages make one then.
"""

import hashlib
import os
from pathlib import Path

from e2e import archive, debian
from e2e.engine import Engine, engine
from e2e.home import REPOSITORY, home, say
from e2e.provider import Provider
from e2e.shell import run

REGISTRY = os.environ.get("RAFTKEEPER_E2E_REGISTRY", "").rstrip("/")
"""Where somebody has pushed the three images; '' for images that are built here and given to the nodes."""
OWN = "localhost"
NODE_IMAGE = f"{REGISTRY or OWN}/raftkeeper:dev"
NEXT_NODE_IMAGE = f"{REGISTRY or OWN}/raftkeeper:next"
OPERATOR_IMAGE = f"{REGISTRY or OWN}/raftkeeper-operator:dev"
TARGETS = {"node": NODE_IMAGE, "operator": OPERATOR_IMAGE}

DEFAULT_BASE = "python:3.11-slim-bookworm"
OWN_BASE = "localhost/raftkeeper-base:bookworm"
# What a user of the official image would find there, and what the Dockerfile asks for.
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates", "tini")
WHEELS_TIMEOUT_S = 1200


def provide(provider: Provider) -> None:
    """Node's and operator's image for every node of the cluster: built and loaded, or pulled by it."""
    if not REGISTRY:
        for made in build():
            provider.load_image(made)


def provide_next(provider: Provider) -> None:
    """And the image to upgrade to."""
    if not REGISTRY:
        node, _ = build()
        provider.load_image(next_version(node))


def build() -> list[Path]:
    """Both archives, built anew only when something that goes into them has changed."""
    run("make", "wheels", cwd=REPOSITORY, timeout_s=WHEELS_TIMEOUT_S)
    key = _key()
    archives = {target: home() / "images" / f"{target}-{key}.tar" for target in TARGETS}
    if all(path.exists() for path in archives.values()):
        return list(archives.values())
    with engine() as docker:
        base = _base(docker)
        for target, path in archives.items():
            _build_one(docker, base, target, path)
    _forget_old(set(archives.values()))
    return list(archives.values())


def next_version(node_archive: Path) -> Path:
    """The node's image under the name NEXT_NODE_IMAGE, to be upgraded to."""
    target = node_archive.with_name(node_archive.name.replace("node-", "next-"))
    if not target.exists():
        unfinished = target.with_suffix(".unfinished")
        archive.renamed(node_archive, unfinished, NEXT_NODE_IMAGE)
        unfinished.rename(target)
    return target


def _build_one(docker: Engine, base: str, target: str, path: Path) -> None:
    say(f"building the image {TARGETS[target]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["build", "--target", target, "--tag", TARGETS[target], "--build-arg", f"BASE={base}"]
    if base == OWN_BASE:
        words += ["--network", "none"]  # proves that nothing is fetched
    docker.call(*words, REPOSITORY)
    unfinished = path.with_suffix(".unfinished")
    docker.call("save", "--output", unfinished, TARGETS[target])
    unfinished.rename(path)


def _base(docker: Engine) -> str:
    """The base image: as named, the default one if it can be had, or our own."""
    named = os.environ.get("RAFTKEEPER_E2E_BASE")
    if named:
        return named
    known = docker.call("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    for image in (OWN_BASE, DEFAULT_BASE):
        if image in known:
            return image
    # The local provider is for machines that reach no registry, so none is asked.
    if os.environ.get("RAFTKEEPER_E2E_PROVIDER", "local") != "local":
        return DEFAULT_BASE
    packed = debian.root("base", BASE_PACKAGES)
    docker.call("import", packed, OWN_BASE)
    return OWN_BASE


def _key() -> str:
    """Of everything that goes into the images: the Dockerfile and the wheels."""
    digest = hashlib.sha256()
    wheels = sorted((REPOSITORY / "dist" / "wheels").rglob("*.whl"))
    for path in [REPOSITORY / "Dockerfile", *wheels]:
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(os.environ.get("RAFTKEEPER_E2E_BASE", "").encode())
    return digest.hexdigest()[:12]


def _forget_old(kept: set[Path]) -> None:
    """Archives of earlier states of the source: some hundred megabytes each."""
    for target in (*TARGETS, "next"):
        for path in (home() / "images").glob(f"{target}-*.tar"):
            if path not in kept:
                path.unlink()
