"""Claims about members of different releases in one ensemble, each in a process of its own.

The other release is this one, told that its feature level is another before anything else is loaded.
"""

from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import wait_until

from raftkeeper.server.feature_level import FEATURE_LEVEL

BUILD = """\
from raftkeeper.server import feature_level
feature_level.FEATURE_LEVEL = {level}
"""
"""What an interpreter of the other release does first (as its `sitecustomize`)."""
LATER = 3
"""The member whose release is another."""


class MixedEnsemble(AdminEnsemble):
    """Members 1 and 2 are of this release, LATER of one with another feature level."""

    def __init__(self, directory: Path, level: int) -> None:
        super().__init__(directory)
        build = directory / "other-release"
        build.mkdir()
        (build / "sitecustomize.py").write_text(BUILD.format(level=level))
        self.nodes[LATER].environment["PYTHONPATH"] = str(build)

    def launch(self) -> None:
        """Starts all, and waits for nobody."""
        for node in self.nodes.values():
            node.launch()

    def levels(self, number: int) -> tuple[int, int]:
        """Of the member, and what it takes for the level of all."""
        status = self.status(number)
        return status["feature_level"], status["ensemble_feature_level"]

    def refusals(self, number: int, event: str) -> list[dict[str, Any]]:
        """What a member logged of one who is of another release."""
        lines = self.nodes[number].events(event)
        return [line for line in lines if "feature level" in line["reason"]]


@pytest.mark.timeout(120)
def test_members_one_level_apart_are_one_ensemble(tmp_path: Path) -> None:
    """Whoever of them leads: each takes writes, all show them, and the lower level is that of all."""
    with MixedEnsemble(tmp_path, FEATURE_LEVEL + 1) as ensemble:
        wait_until(
            lambda: ensemble.levels(LATER) == (FEATURE_LEVEL + 1, FEATURE_LEVEL),
            "the later release knows what all can read",
        )
        assert ensemble.levels(1) == (FEATURE_LEVEL, FEATURE_LEVEL)
        written = []
        for leader in (LATER, 1):
            _make_leader(ensemble, leader)
            for number in ensemble.nodes:
                path = f"/leader-{leader}-through-{number}"
                _ask(ensemble, number, "create", path, b"")
                written.append(path)
        for number in ensemble.nodes:
            _ask(ensemble, number, "sync", "/")
            found = _ask(ensemble, number, "get_children", "/")
            assert sorted(f"/{name}" for name in found if name != "zookeeper") == sorted(written)
        assert not any(ensemble.refusals(number, "peer.refused") for number in ensemble.nodes)


@pytest.mark.timeout(120)
def test_member_two_levels_ahead_is_refused_and_told_why(tmp_path: Path) -> None:
    """Both sides say it in their logs, with what to do; the others serve, and it does not."""
    level = FEATURE_LEVEL + 2
    ensemble = MixedEnsemble(tmp_path, level)
    try:
        ensemble.launch()
        for number in (1, 2):
            wait_until(lambda n=number: ensemble.nodes[n].ready()[0] == 200, "the others serve")  # type: ignore[misc]
        wait_until(lambda: _told(ensemble), "each side has told that it refuses the other")
        here = f"the feature level is {FEATURE_LEVEL} here and {level} there"
        there = f"the feature level is {level} here and {FEATURE_LEVEL} there"
        for line in _told(ensemble):
            assert line["level"] == "warning"
            assert line["cause"] == "protocol"
            assert line["reason"].startswith((here, there))
            assert line["reason"].endswith("update members one release at a time")
        _ask(ensemble, 1, "create", "/goes-on", b"")
        assert ensemble.nodes[LATER].ready()[0] != 200
        assert ensemble.status(LATER)["leader_id"] == 0
    finally:
        for node in ensemble.nodes.values():
            node.kill()


def _told(ensemble: MixedEnsemble) -> list[dict[str, Any]]:
    """The lines of both sides; none before each has one."""
    both = []
    for number in ensemble.nodes:
        events = ("peer.refused", "peer.refused_us")
        lines = [line for event in events for line in ensemble.refusals(number, event)]
        if not lines:
            return []
        both += lines
    return both


def _make_leader(ensemble: MixedEnsemble, number: int) -> None:
    if ensemble.leader() != number:
        ensemble.client().change("POST", "/v1/leader/transfer", {"to": number}, None)
        wait_until(lambda: ensemble.leader() == number, "leadership was handed over")


def _ask(ensemble: MixedEnsemble, number: int, what: str, *arguments: object) -> Any:
    """One request through one member."""
    client = KazooClient(ensemble.hosts(number), timeout=10)
    client.start(timeout=20)
    try:
        return getattr(client, what)(*arguments)
    finally:
        client.stop()
        client.close()
