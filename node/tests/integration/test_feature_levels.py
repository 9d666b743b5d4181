"""Claims about members of different releases in one ensemble, each in a process of its own.

A member of the release before is this one, set to speak no more than that one's feature level. One of a
release to come is this one too, told before anything else is loaded that its level is higher.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import QuotaExceededError
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import four_letter, wait_until
from tests.integration.node_process import NodeProcess

from raftkeeper.raft import EntryKind, Membership
from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.tools.admin_client import AdminError
from raftkeeper.tools.inspection import Inspector

BUILD = """\
from raftkeeper.server import feature_level
feature_level.FEATURE_LEVEL = {level}
feature_level.LOWEST_LEVEL = {level} - 1
"""
"""What an interpreter of a release to come does first (as its `sitecustomize`)."""
ODD = 3
"""The member whose release is another."""
FORMAT, FORMAT_ENFORCING = 2, 3
"""The first byte of an entry; the second came with feature level 2."""


class MixedEnsemble(AdminEnsemble):
    """Three members that are to enforce quotas."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, features_enforce_quotas="true")

    def launch(self) -> None:
        """Starts all, and waits for nobody."""
        for node in self.nodes.values():
            node.launch()

    def level_in_use(self, number: int) -> int:
        """As the member sees it."""
        level: int = self.status(number)["ensemble_feature_level"]
        return level

    def refusals(self, number: int) -> list[dict[str, Any]]:
        """What a member logged of one who is of another release, or was told by it."""
        events = ("peer.refused", "peer.refused_us")
        lines = [line for event in events for line in self.nodes[number].events(event)]
        return [line for line in lines if "feature level" in line["reason"]]

    def records(self, number: int) -> list[tuple[int, str]]:
        """Of a member that was stopped: each entry's index, and its format or the level that it raises to."""
        copy = self.directory / f"looked-into-{number}"
        shutil.copytree(self.nodes[number].directory / "data", copy)
        inspector = Inspector(copy)
        found = inspector.run()
        described = []
        for index, _, kind, payload in inspector.entries(found, 1, found.last_index):
            if kind == EntryKind.BATCH:
                described.append((index, f"format {payload[0]}"))
            elif kind == EntryKind.CONFIG:
                described.append((index, f"level {Membership.decode(payload).level}"))
        shutil.rmtree(copy)
        return described


@pytest.mark.timeout(180)
def test_newer_form_is_written_only_when_the_last_member_is_updated(tmp_path: Path) -> None:
    """Whoever leads, and while the old one is away too; then the level is raised once, and holds for good."""
    ensemble = MixedEnsemble(tmp_path)
    old = ensemble.nodes[ODD]
    old.settings["ensemble_feature_level_max"] = FEATURE_LEVEL - 1
    with ensemble:
        for leader in (1, ODD):
            _make_leader(ensemble, leader)
            _ask(ensemble, leader, "create", f"/led-by-{leader}", b"")
        _set_quota(ensemble)
        _ask(ensemble, 1, "create", "/limited/beyond", b"")
        for number in ensemble.nodes:
            status = ensemble.status(number)
            assert status["ensemble_feature_level"] == FEATURE_LEVEL - 1
            assert status["feature_level"] == FEATURE_LEVEL - (number == ODD)
            assert status["quota_enforcement"].startswith(
                "not yet: hard limits of quotas hold once"
            )
            assert (
                ensemble.nodes[number].events("ensemble.feature_level")[-1]["quotas"]
                == (status["quota_enforcement"])
            )
        figures = four_letter(ensemble.nodes[1].port, b"mntr").splitlines()
        assert f"zk_ensemble_feature_level\t{FEATURE_LEVEL - 1}" in figures
        assert f"zk_feature_level\t{FEATURE_LEVEL}" in figures
        old.terminate()
        assert {what for _, what in ensemble.records(ODD)} == {"format 2", "level 1"}
        _ask(ensemble, 1, "create", "/written-while-it-is-away", b"")

        del old.settings["ensemble_feature_level_max"]
        old.start()
        _wait_for_level(ensemble, FEATURE_LEVEL)
        assert ensemble.status(ODD)["quota_enforcement"] == "on"
        with pytest.raises(QuotaExceededError):
            _ask(ensemble, ODD, "create", "/limited/refused", b"")
        for node in ensemble.nodes.values():
            node.terminate()
        _check_raised_once(ensemble)
        ensemble.launch()
        _wait_for_level(ensemble, FEATURE_LEVEL)
        with pytest.raises(QuotaExceededError):
            _ask(ensemble, 1, "create", "/limited/refused", b"")


@pytest.mark.timeout(180)
def test_release_below_the_level_in_use_gets_in_nowhere(tmp_path: Path) -> None:
    """New founders are at the newest level at once. Its own data, add-learner and handshake refuse it."""
    with MixedEnsemble(tmp_path) as ensemble:
        assert [ensemble.level_in_use(number) for number in (1, 2, 3)] == [FEATURE_LEVEL] * 3
        in_use = f"feature level {FEATURE_LEVEL} is in use in this ensemble"
        member = ensemble.nodes[ODD]
        member.terminate()
        member.settings["ensemble_feature_level_max"] = FEATURE_LEVEL - 1
        assert member.launch().wait() != 0
        assert member.events("node.failed")[-1]["reason"].startswith(in_use)

        ensemble.common["ensemble_feature_level_max"] = FEATURE_LEVEL - 1
        address = ensemble.start_waiting(4)
        with pytest.raises(AdminError) as refused:
            ensemble.client(1, 2).change("POST", "/v1/members", {"address": address}, None)
        assert refused.value.code == "FEATURE_LEVEL_TOO_LOW"
        assert f"level {FEATURE_LEVEL} is in use" in str(refused.value)

        late = ensemble.nodes[4]
        incarnation = ensemble.status(4)["identity"]["incarnation"]
        late.kill()
        asked = {"address": address, "incarnation": incarnation}
        ensemble.client(1, 2).change("POST", "/v1/members", asked, None)
        late.launch()
        told = (4, ensemble.leader())
        wait_until(lambda: all(map(ensemble.refusals, told)), "both sides say why it is refused")
        assert all(ensemble.refusals(number)[0]["reason"].startswith(in_use) for number in told)
        assert ensemble.waits(4)
        late.terminate()
        del late.settings["ensemble_feature_level_max"]
        late.start()
        assert ensemble.level_in_use(4) == FEATURE_LEVEL


@pytest.mark.timeout(60)
def test_node_that_is_alone_raises_its_level_at_once(tmp_path: Path) -> None:
    """As soon as it runs the newer release, and for good: the one before does not start any more."""
    node = NodeProcess(tmp_path, ensemble_feature_level_max=FEATURE_LEVEL - 1)
    with node:
        assert node.events("ensemble.feature_level")[-1]["in_use"] == FEATURE_LEVEL - 1
        node.terminate()
        del node.settings["ensemble_feature_level_max"]
        node.start()
        wait_until(
            lambda: node.events("ensemble.feature_level")[-1]["in_use"] == FEATURE_LEVEL,
            "the level is raised",
        )
        node.terminate()
        node.settings["ensemble_feature_level_max"] = FEATURE_LEVEL - 1
        assert node.launch().wait() != 0
        assert "leave ensemble.feature_level_max out" in node.events("node.failed")[-1]["reason"]


@pytest.mark.timeout(120)
def test_member_two_levels_ahead_is_refused_and_told_why(tmp_path: Path) -> None:
    """Both sides say it in their logs, with what to do; the others serve, and it does not."""
    level = FEATURE_LEVEL + 2
    ensemble = MixedEnsemble(tmp_path)
    build = tmp_path / "release-to-come"
    build.mkdir()
    (build / "sitecustomize.py").write_text(BUILD.format(level=level))
    paths = [str(build), *filter(None, [os.environ.get("PYTHONPATH")])]
    ensemble.nodes[ODD].environment["PYTHONPATH"] = os.pathsep.join(paths)
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
        assert ensemble.nodes[ODD].ready()[0] != 200
        assert ensemble.status(ODD)["leader_id"] == 0
    finally:
        for node in ensemble.nodes.values():
            node.kill()


def _told(ensemble: MixedEnsemble) -> list[dict[str, Any]]:
    """The lines of both sides; none before each has one."""
    both = []
    for number in ensemble.nodes:
        lines = ensemble.refusals(number)
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


def _wait_for_level(ensemble: MixedEnsemble, level: int) -> None:
    for number, node in ensemble.nodes.items():
        wait_until(lambda n=node: n.ready()[0] == 200, "the member serves")  # type: ignore[misc]
        wait_until(lambda n=number: ensemble.level_in_use(n) == level, "it knows the level")  # type: ignore[misc]


def _set_quota(ensemble: MixedEnsemble) -> None:
    """Nothing may be below /limited; with ZooKeeper's znodes for it."""
    quota = "/zookeeper/quota/limited"
    for path, data in (
        ("/limited", b""),
        (quota, b""),
        (f"{quota}/zookeeper_limits", b"countHardLimit=1"),
        (f"{quota}/zookeeper_stats", b""),
    ):
        _ask(ensemble, 1, "create", path, data)


def _check_raised_once(ensemble: MixedEnsemble) -> None:
    """The same place in every log: behind it all entries have the newer form, before it none has."""
    for number in ensemble.nodes:
        described = ensemble.records(number)
        raises = [index for index, what in described if what == f"level {FEATURE_LEVEL}"]
        assert len(raises) == 1
        for index, what in described:
            if what.startswith("format"):
                expected = FORMAT_ENFORCING if index > raises[0] else FORMAT
                assert what == f"format {expected}", f"entry {index} of member {number}"
        assert any(index > raises[0] for index, _ in described), "something was written behind it"
