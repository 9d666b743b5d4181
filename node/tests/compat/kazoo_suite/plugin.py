"""The adapter: gives kazoo's test harness our servers in the place of those it would start itself.

kazoo's harness asks the class `kazoo.testing.common.ZookeeperCluster` for servers to start, stop and
destroy; this pytest plugin puts another module there before the harness is imported, so that the tests
themselves stay as they are. Which server it is comes by the environment; outcomes go to a file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.compat.peers import PEERS, Peer, PeerSettings

from .plugin_names import ONLY_VARIABLE, OUTCOMES_VARIABLE, PEER_VARIABLE
from .skips import load_skips, names

SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
"""What kazoo's own harness gives its servers: the super user's password is `test`."""

SETTINGS = PeerSettings(super_digest=SUPER_DIGEST, java_heap="512m")

_outcomes: dict[str, str] = {}


class Server:
    """One server as kazoo's tests know it."""

    def __init__(self) -> None:
        self._peer: Peer | None = None

    @property
    def running(self) -> bool:
        return self._peer is not None and self._peer.running

    @property
    def address(self) -> str:
        return self._started().address

    def run(self) -> None:
        """Starts it, on the port and data it had before if it was only stopped."""
        if self._peer is None:
            self._peer = PEERS[os.environ[PEER_VARIABLE]](SETTINGS)
        if not self._peer.running:
            self._peer.start()

    def stop(self) -> None:
        self._started().stop()

    def destroy(self) -> None:
        """Ends it, data and all."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def get_logs(self) -> list[str]:
        return [self._peer.log_tail()] if self._peer is not None else []

    def _started(self) -> Peer:
        if self._peer is None:
            raise RuntimeError("this server was never started")
        return self._peer


class Cluster:
    """One server; whatever else kazoo's harness wants to set is settled by SETTINGS."""

    def __init__(self, **_settings: Any) -> None:
        self._servers = [Server()]

    def __getitem__(self, number: int) -> Server:
        return self._servers[number]

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers)

    def start(self) -> None:
        for server in self:
            server.run()

    def terminate(self) -> None:
        for server in self:
            server.destroy()

    def get_logs(self) -> list[str]:
        return [log for server in self for log in server.get_logs()]


def pytest_configure() -> None:
    """Before anything of kazoo is imported."""
    common = ModuleType("kazoo.testing.common")
    common.ZookeeperCluster = Cluster  # type: ignore[attr-defined]
    sys.modules["kazoo.testing.common"] = common


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what skips.toml names; an entry that names nothing is an error, in a whole run."""
    only = set(filter(None, os.environ.get(ONLY_VARIABLE, "").split("\n")))
    if only:
        items[:] = [item for item in items if names(item.nodeid)[0] in only]
    skips = load_skips()
    unused = set(skips)
    for item in items:
        for name in names(item.nodeid):
            if name in skips:
                item.add_marker(pytest.mark.skip(reason=skips[name]))
                unused.discard(name)
    if unused and not only and not config.option.keyword:
        raise pytest.UsageError(f"skips.toml names tests that are not there: {sorted(unused)}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test passes if its call does and neither its setup nor its teardown fails."""
    name = names(report.nodeid)[0]
    if report.outcome == "failed":
        _outcomes[name] = "failed"
    elif report.outcome == "skipped" or report.when == "call":
        _outcomes.setdefault(name, report.outcome)


def pytest_sessionfinish() -> None:
    Path(os.environ[OUTCOMES_VARIABLE]).write_text(json.dumps(_outcomes, indent=1, sort_keys=True))
