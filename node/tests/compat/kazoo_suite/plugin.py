"""The adapter: gives kazoo's test harness our servers in the place of those it would start itself.

kazoo's harness asks the class `kazoo.testing.common.ZookeeperCluster` for servers to start, stop and
destroy; this pytest plugin puts another module there before the harness is imported, so that the tests
themselves stay as they are. Which server it is comes by the environment; outcomes go to a file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.compat.peers import Ensemble, Peer, PeerSettings, make

from .plugin_names import NODES_VARIABLE, ONLY_VARIABLE, OUTCOMES_VARIABLE, PEER_VARIABLE
from .skips import load_skips, names

SUPER_DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
"""What kazoo's own harness gives its servers: the super user's password is `test`."""

SETTINGS = PeerSettings(super_digest=SUPER_DIGEST, java_heap="512m", reconfig=True)

_outcomes: dict[str, str] = {}


class Server:
    """One server as kazoo's tests know it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    @property
    def running(self) -> bool:
        return self._peer.running

    @property
    def address(self) -> str:
        return self._peer.address

    def run(self) -> None:
        """Starts it again, on the port and data it had before it was stopped."""
        if not self._peer.running:
            self._peer.start()

    def stop(self) -> None:
        self._peer.stop()

    def get_logs(self) -> list[str]:
        return [self._peer.log_tail()]


class Cluster:
    """One server, or several as an ensemble; what kazoo's harness may set is settled by SETTINGS.

    But for one thing: its test of clients that only read wants servers that allow it.
    """

    def __init__(self, configuration_entries: Sequence[str] = (), **_settings: Any) -> None:
        self._settings = replace(
            SETTINGS, read_only_mode="localSessionsEnabled=true" in configuration_entries
        )
        self._peer = self._make()

    def __getitem__(self, number: int) -> Server:
        return self._servers[number]

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers)

    def start(self) -> None:
        """Those that do not run; members of an ensemble need each other to serve."""
        silent = [peer for peer in self._members if not peer.running]
        for peer in silent:
            peer.launch()
        for peer in silent:
            peer.wait_until_serving()

    def terminate(self) -> None:
        """Ends it, data and all; what is started next is a new one."""
        self._peer.close()
        self._peer = self._make()

    def get_logs(self) -> list[str]:
        return [log for server in self for log in server.get_logs()]

    def _make(self) -> Peer | Ensemble:
        nodes = int(os.environ[NODES_VARIABLE])
        peer = make(os.environ[PEER_VARIABLE], self._settings, nodes)
        self._members = peer.members if isinstance(peer, Ensemble) else (peer,)
        self._servers = [Server(member) for member in self._members]
        return peer


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
    skips = load_skips(int(os.environ[NODES_VARIABLE]))
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
