"""A RaftKeeper node of this checkout, run by its own command with ZooKeeper's settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .process import HOST, Peer, PeerError


class RaftKeeper(Peer):
    """One node, alone or a member: `raftkeeper server`, of the Python that runs this or that RAFTKEEPER_PYTHON names.

    It always fsyncs.
    """

    kind = "raftkeeper"

    @property
    def data_directory(self) -> Path:
        return self.directory / "data"

    def command(self) -> Sequence[str]:
        settings = self.settings
        if not settings.fsync:
            raise PeerError("a RaftKeeper node has no way to run without fsync")
        options = {
            "client-listen": HOST,
            "client-port": self.port,
            "client-connections-per-address-max": 0,
            "storage-data-dir": self.data_directory,
            "http-enabled": "false",
            "four-letter-whitelist": "*",
            "session-min-timeout-ms": settings.min_session_timeout_ms,
            "session-max-timeout-ms": settings.max_session_timeout_ms,
            "features-ttl-nodes": "true",
            "features-enforce-quotas": str(settings.enforce_quotas).lower(),
            "features-collect-interval-ms": settings.collect_interval_ms,
            "log-level": "warning",
        }
        if settings.read_only_mode:
            options["client-read-only-mode"] = "true"
        if settings.reconfig:
            options["features-reconfig"] = "true"
        if self.membership:
            options |= {
                "peer-listen": HOST,
                "peer-port": self.membership.own.quorum,
                "ensemble-members": ",".join(
                    f"{number}={HOST}:{ports.quorum}"
                    for number, ports in enumerate(self.membership.everyone, 1)
                ),
                "ensemble-member": self.membership.number,
                "ensemble-bootstrap": "true",
            }
        if settings.super_digest:
            options["auth-super-digest"] = settings.super_digest
        command = [
            os.environ.get("RAFTKEEPER_PYTHON", sys.executable),
            "-m",
            "raftkeeper",
            "server",
        ]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        return command
