"""An Apache ZooKeeper, standalone or a member, resolved from Maven Central once and kept in the cache.
kept in the user's cache.

`jars()` is also what Java clients of other suites (its shell, its bench) put on their class path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .process import HOST, Peer, PeerError, cache_directory

POM = Path(__file__).with_name("pom.xml")

FETCH_DEADLINE_S = 300.0
"""40 small files; ten seconds on a good day."""


class ZooKeeper(Peer):
    """ZooKeeper 3.9: fsync on, every four-letter word, extended types, no AdminServer."""

    kind = "zookeeper"

    @property
    def data_directory(self) -> Path:
        return self.directory / "data"

    def command(self) -> Sequence[str]:
        settings = self.settings
        configuration = self.directory / "zoo.cfg"
        if not configuration.exists():  # ZooKeeper changes the one of a member by itself
            configuration.write_text(self._configuration())
        if self.membership:
            self.data_directory.mkdir(exist_ok=True)
            (self.data_directory / "myid").write_text(f"{self.membership.number}\n")
        return [
            java(),
            f"-Xmx{settings.java_heap}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            f"-Dreadonlymode.enabled={str(settings.read_only_mode).lower()}",
            f"-Dznode.container.checkIntervalMs={settings.collect_interval_ms}",
            "-Dzookeeper.DigestAuthenticationProvider.superDigest=" + settings.super_digest,
            "-cp",
            class_path(),
            "org.apache.zookeeper.server."
            + ("quorum.QuorumPeerMain" if self.membership else "ZooKeeperServerMain"),
            str(configuration),
        ]

    def _configuration(self) -> str:
        settings = self.settings
        lines = {
            "tickTime": settings.tick_ms,
            "minSessionTimeout": settings.min_session_timeout_ms,
            "maxSessionTimeout": settings.max_session_timeout_ms,
            "dataDir": self.data_directory,
            "maxClientCnxns": 0,
            "4lw.commands.whitelist": "*",
            "admin.enableServer": "false",
            "extendedTypesEnabled": "true",
            "enforceQuota": str(settings.enforce_quotas).lower(),
            "forceSync": "yes" if settings.fsync else "no",
        }
        if self.membership is None:
            lines |= {"clientPort": self.port, "clientPortAddress": HOST}
        else:
            # Ticks; the defaults of the sample configuration that comes with ZooKeeper.
            lines |= {"initLimit": 10, "syncLimit": 5}
            lines["reconfigEnabled"] = str(settings.reconfig).lower()
            # A member without a quorum can give a session by itself, or none at all.
            lines["localSessionsEnabled"] = str(settings.read_only_mode).lower()
            lines["localSessionsUpgradingEnabled"] = str(settings.read_only_mode).lower()
            for number, ports in enumerate(self.membership.everyone, 1):
                lines[f"server.{number}"] = (
                    f"{HOST}:{ports.quorum}:{ports.election}:participant;{HOST}:{ports.client}"
                )
        return "".join(f"{key}={value}\n" for key, value in lines.items())


def java() -> str:
    """The java command; JAVA_HOME wins over PATH."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not found:
        raise PeerError("java is missing; `apt-get install openjdk-17-jre-headless` brings it")
    return found


def class_path() -> str:
    return f"{jars()}/*"


def jars() -> Path:
    """The folder with ZooKeeper's jars; fetched on the first call, once per version of the pom."""
    folder = cache_directory() / f"zookeeper-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        fetch_jars(POM, folder)
    return folder


def fetch_jars(pom: Path, folder: Path) -> None:
    """Resolves what `pom` depends on into `folder`, which appears whole or not at all."""
    maven = shutil.which("mvn")
    if not maven:
        raise PeerError("mvn is missing; `apt-get install maven` brings it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        target = Path(aside) / "jars"
        done = subprocess.run(
            [
                *(maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"),
                *(f"-DoutputDirectory={target}", "-DincludeScope=runtime"),
            ],
            capture_output=True,
            text=True,
            timeout=FETCH_DEADLINE_S,
            check=False,
        )
        if done.returncode != 0:
            raise PeerError(f"mvn could not resolve {pom}:\n{done.stdout[-4000:]}")
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():  # another run may have been faster: its copy serves as well
                raise
