"""Compiles the Curator program once and runs it against a server, which it may ask to be restarted."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from tests.compat.peers import Peer, PeerError
from tests.compat.peers.process import cache_directory
from tests.compat.peers.zookeeper import fetch_jars, java

HERE = Path(__file__).resolve().parent / "curator"
MAIN = "raftkeeper.compat.Recipes"
RUN_DEADLINE_S = 240.0
COMPILE_DEADLINE_S = 120.0

ASK, DONE = "RESTART", "RESTARTED"
"""What the program prints when it wants the server restarted, and the answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    exit_code: int
    lines: list[str]


def jars() -> Path:
    """Curator's jars, fetched on the first call."""
    folder = cache_directory() / "curator-5.7.1"
    if not folder.exists():
        fetch_jars(HERE / "pom.xml", folder)
    return folder


def compile_into(directory: Path) -> None:
    """Compiles the program's classes into `directory`."""
    javac = shutil.which("javac")
    if not javac:
        raise PeerError("javac is missing; `apt-get install openjdk-17-jdk-headless` brings it")
    sources = sorted(str(path) for path in HERE.rglob("*.java"))
    done = subprocess.run(
        [javac, "-Xlint:all", "-Werror", "-cp", f"{jars()}/*", "-d", str(directory), *sources],
        capture_output=True,
        text=True,
        timeout=COMPILE_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise PeerError(f"the Curator program does not compile:\n{done.stderr}")


def run(peer: Peer, classes: Path) -> Outcome:
    """Runs all checks; restarts the peer when the program asks for it."""
    process = subprocess.Popen(
        [
            *(java(), "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"),
            *("-cp", f"{classes}:{jars()}/*", MAIN, peer.address),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    late = Timer(RUN_DEADLINE_S, process.kill)
    late.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        for line in _stripped(process.stdout):
            if line == ASK:
                peer.restart()
                process.stdin.write(DONE + "\n")
                process.stdin.flush()
            else:
                lines.append(line)
        return Outcome(process.wait(), lines)
    finally:
        late.cancel()
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _stripped(lines: Iterable[str]) -> Iterable[str]:
    return (line.strip() for line in lines)
