"""Claims about `raftkeeper admin`, against the real API with an ensemble of stand-ins behind it."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from click.testing import Result
from tests.unit.admin.admin_node import AdminNode, serving
from tests.unit.admin.fake_ensemble import FakeEnsemble
from typer.main import get_command
from typer.testing import CliRunner

from raftkeeper.admin.snapshot_files import OpenSnapshot
from raftkeeper.raft import Remove
from raftkeeper.tools.admin import app as admin_app
from raftkeeper.tools.commands import app

Client = TestClient[Any, Any]


@pytest.fixture
def node(tmp_path: Path) -> AdminNode:
    """The leader of three."""
    node = AdminNode(tmp_path, FakeEnsemble())
    node.open()
    return node


def endpoint(client: Client) -> str:
    return f"127.0.0.1:{client.server.port}"


def json_of(result: Result) -> Any:
    """The JSON it printed. Log lines of the node in this process may stand before it."""
    return json.loads(result.output[result.output.index("{\n") :])


async def run(endpoints: str, node: AdminNode, *arguments: str, timeout: str = "2") -> Result:
    """The command, in a thread, as the API is on this loop."""
    options = ["--endpoints", endpoints, "--token-file", str(node.token_file), "--timeout", timeout]
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["admin", *options, *arguments], env={"COLUMNS": "250"}
    )


async def test_status_shows_every_endpoint_and_those_that_are_down(node: AdminNode) -> None:
    """One answer is enough for success."""
    async with serving(node) as client:
        address = endpoint(client)
        result = await run(f"{address},127.0.0.1:1", node, "status")
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if address in line)
    assert line.split() == [address, "1", "leader", "1", "3", "10", "10", "3", "1", "of", "2"]
    assert "cannot ask 127.0.0.1:1: Connection refused" in result.output


async def test_status_says_why_quotas_do_not_hold_yet(node: AdminNode) -> None:
    """One line, until the last member is updated."""
    features = node.view.config.features.model_copy(update={"enforce_quotas": True})
    node.view.config = node.view.config.model_copy(update={"features": features})
    async with serving(node) as client:
        said = (await run(endpoint(client), node, "status")).output
        assert "quotas: not yet: hard limits of quotas hold once all members run" in said
        node.ensemble.membership = replace(node.ensemble.membership, level=2)
        line = (await run(endpoint(client), node, "status")).output.splitlines()[-1]
    assert line.split()[-2:] == ["3", "2"]


async def test_endpoint_may_have_its_scheme(node: AdminNode) -> None:
    """As it stands in other tools' configuration; another scheme is refused."""
    async with serving(node) as client:
        result = await run(f"http://{endpoint(client)}", node, "--json", "status")
        assert json_of(result)[f"http://{endpoint(client)}"]["role"] == "leader"
        refused = await run(f"ftp://{endpoint(client)}", node, "status")
    assert refused.exit_code == 1
    assert "is not host:port" in refused.output


@pytest.mark.parametrize(
    "verb", [["status"], ["members"], ["snapshot"], ["promote", "3"], ["drain"]]
)
async def test_json_may_be_asked_for_before_or_behind_the_verb(
    node: AdminNode, verb: list[str]
) -> None:
    """Behind it is where everybody types it first."""
    async with serving(node) as client:
        before = await run(endpoint(client), node, "--json", *verb)
        behind = await run(endpoint(client), node, *verb, "--json")
        neither = await run(endpoint(client), node, *verb)
    assert before.exit_code == behind.exit_code, behind.output
    assert json_of(before).keys() == json_of(behind).keys()
    assert "{\n" not in neither.output


def test_every_verb_takes_json_behind_it() -> None:
    """Also those of tomorrow."""
    verbs = get_command(admin_app).commands.values()  # type: ignore[attr-defined]
    lacking = [
        verb.name
        for verb in verbs
        if not any("--json" in parameter.opts for parameter in verb.params)
    ]
    assert lacking == []


async def test_status_of_nobody_is_a_failure(node: AdminNode) -> None:
    """For scripts."""
    result = await run("127.0.0.1:1", node, "status")
    assert result.exit_code == 1


async def test_members_show_who_is_silent_and_behind(node: AdminNode) -> None:
    """As the leader sees it."""
    node.ensemble.silent, node.ensemble.lagging = {2}, {3}
    node.ensemble.unfit = {3: "it is being drained"}
    async with serving(node) as client:
        result = await run(endpoint(client), node, "members")
    assert result.exit_code == 0, result.output
    assert "Leader 1, term 3, config index 10" in result.output
    rows = [line.split() for line in result.output.splitlines() if "10.0.0." in line]
    assert [row[:3] for row in rows] == [
        ["1", "leader", "caught"],
        ["2", "voter", "silent"],
        ["3", "voter", "replicate"],
    ]
    assert "member 3 is not chosen to lead: it is being drained" in result.output


async def test_change_goes_to_the_leader_among_the_endpoints(
    node: AdminNode, tmp_path: Path
) -> None:
    """Whichever is named first."""
    (tmp_path / "follower").mkdir()
    follower = AdminNode(tmp_path / "follower", FakeEnsemble(own=2, leader=1))
    follower.open()
    async with serving(follower) as second, serving(node) as first:
        endpoints = f"{endpoint(second)},{endpoint(first)}"
        result = await run(endpoints, node, "--json", "remove", "3")
    assert result.exit_code == 0, result.output
    assert json_of(result)["config_index"] == 11
    assert node.ensemble.done == [Remove(3)]
    assert not follower.ensemble.done


async def test_members_are_added_promoted_and_replaced(node: AdminNode) -> None:
    """The whole way of a new disk."""
    async with serving(node) as client:
        for arguments in (
            ("add-learner", "10.0.0.7:2888", "--zone", "b"),
            ("promote", "4"),
            ("add-learner", "10.0.0.8:2888"),
            ("replace", "2", "5"),
            ("update", "3", "--zone", "c"),
            ("transfer", "3"),
        ):
            result = await run(endpoint(client), node, *arguments)
            assert result.exit_code == 0, result.output
    assert node.ensemble.membership.voters == {1, 3, 4, 5}
    third = node.ensemble.membership.member(3)
    assert third is not None
    assert (third.zone, third.address) == ("c", "10.0.0.3:2888")
    assert node.ensemble.transfers == [3]


async def test_refusal_is_told_with_its_code_and_hint(node: AdminNode) -> None:
    """And nothing is done."""
    async with serving(node) as client:
        stale = await run(endpoint(client), node, "remove", "3", "--config-index", "9")
        node.ensemble.silent = {2}
        risky = await run(endpoint(client), node, "remove", "3")
        forced = await run(endpoint(client), node, "remove", "3", "--force")
    assert (stale.exit_code, risky.exit_code, forced.exit_code) == (1, 1, 0)
    assert "(CONFIG_INDEX_STALE)" in stale.stderr
    assert "(QUORUM_AT_RISK)" in risky.stderr
    assert "hint: " in risky.stderr
    assert node.ensemble.done == [Remove(3)]


async def test_wrong_token_is_told_at_once(node: AdminNode) -> None:
    """It does not wait for a leader it may not see."""
    async with serving(node) as client:
        node.token_file.with_name("other").write_text("not the right token\n")
        node.token_file = node.token_file.with_name("other")
        result = await run(endpoint(client), node, "members", timeout="30")
    assert result.exit_code == 1
    assert "UNAUTHENTICATED" in result.stderr


async def test_missing_leader_is_told(node: AdminNode) -> None:
    """Also when the leader is known and not among the endpoints."""
    async with serving(node) as client:
        node.ensemble.leader = 0
        nobody = await run(endpoint(client), node, "members", timeout="0.2")
        node.ensemble.leader = 3
        other = await run(endpoint(client), node, "members", timeout="0.2")
    assert "NO_LEADER" in nobody.stderr
    assert "member 3 leads" in other.stderr


async def test_download_has_its_name_only_when_it_is_whole(node: AdminNode, tmp_path: Path) -> None:
    """One that does not exist leaves what is there."""
    target = tmp_path / "backup.snap"
    async with serving(node) as client:
        result = await run(endpoint(client), node, "--json", "download", str(target))
        assert result.exit_code == 0, result.output
        assert json_of(result)["id"] == "42-3"
        assert target.read_bytes() == node.snapshotter.content
        missing = await run(endpoint(client), node, "download", "--snapshot", "1-1", str(target))
        assert "NOT_FOUND" in missing.stderr
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup.snap"]


async def test_damaged_download_leaves_nothing(
    node: AdminNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrived is not what was sent."""
    monkeypatch.setattr(OpenSnapshot, "digest", lambda _self: "0" * 64)
    async with serving(node) as client:
        result = await run(endpoint(client), node, "download", str(tmp_path / "backup.snap"))
    assert result.exit_code == 1
    assert "arrived damaged" in result.stderr
    assert list(tmp_path.glob("backup*")) == []


async def test_drain_and_its_undoing(node: AdminNode) -> None:
    """At the first endpoint."""
    async with serving(node) as client:
        await run(endpoint(client), node, "drain", "--no-leadership")
        assert (node.ensemble.draining, node.ensemble.leader) == (True, 1)
        await run(endpoint(client), node, "drain", "--undo")
    assert not node.ensemble.draining
