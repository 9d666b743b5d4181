"""Claims about the admin API over HTTP: who may, what is asked for, what is answered."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from tests.unit.admin.admin_node import TOKEN, AdminNode, serving
from tests.unit.admin.fake_ensemble import CLUSTER, FakeEnsemble, incarnation

from raftkeeper.admin import operation_ids
from raftkeeper.admin.refusals import Code

Client = TestClient[Any, Any]
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "admin-api.md"


@pytest.fixture
def node(tmp_path: Path) -> AdminNode:
    """The leader of three, open."""
    node = AdminNode(tmp_path, FakeEnsemble())
    node.open()
    return node


async def error_of(client: Client, method: str, path: str, status: int, **more: Any) -> Any:
    """The error of a request that must end with this status."""
    async with client.request(method, path, **more) as response:
        assert response.status == status, await response.text()
        error = (await response.json())["error"]
        assert error["message"]
        assert error["hint"]
        return error


async def done(client: Client, method: str, path: str, **more: Any) -> Any:
    """The answer of a request that must succeed."""
    async with client.request(method, path, **more) as response:
        assert response.status == 200, await response.text()
        return await response.json()


CHANGE = {"If-Config-Index": "10"}
NEW = {"address": "10.0.0.7:2888"}


async def test_nobody_passes_without_a_token(node: AdminNode) -> None:
    """Neither to read nor to change; another token is none."""
    async with serving(node) as client:
        for authorization in ("", f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}"):
            headers = {"Authorization": authorization}
            for method, path in (("GET", "/v1/status"), ("POST", "/v1/members"), ("GET", "/x")):
                error = await error_of(client, method, path, 401, headers=headers)
                assert error["code"] == "UNAUTHENTICATED"


async def test_token_that_is_no_text_is_no_token(node: AdminNode) -> None:
    """Whoever sends bytes is refused like anybody else, and not a fault of the node."""
    async with serving(node) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /v1/status HTTP/1.0\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.split()[1] == b"401"


async def test_token_is_rotated_without_a_restart(node: AdminNode) -> None:
    """Both count while both are in the file."""
    async with serving(node) as client:
        new = {"Authorization": "Bearer another one that is new"}
        node.token_file.write_text(f"{TOKEN}\nanother one that is new\n")
        await done(client, "GET", "/v1/status", headers=new)
        await done(client, "GET", "/v1/status")
        node.token_file.write_text("another one that is new\n")
        await error_of(client, "GET", "/v1/status", 401)
        node.token_file.unlink()
        await error_of(client, "GET", "/v1/status", 401, headers=new)


async def test_status_is_there_before_the_data(tmp_path: Path) -> None:
    """A node that waits to be added shows its incarnation, and refuses the rest with a reason."""
    node = AdminNode(tmp_path, FakeEnsemble(own=0))
    async with serving(node) as client:
        status = await done(client, "GET", "/v1/status")
        assert (status["role"], status["ready"]) == ("waiting", False)
        assert status["identity"] == {
            "state": "waiting",
            "cluster_id": "",
            "member_id": 0,
            "incarnation": incarnation(0).hex(),
            "recovery_epoch": 0,
        }
        error = await error_of(client, "GET", "/v1/members", 503)
        assert error["code"] == "NOT_SERVING"
        assert await done(client, "GET", "/v1/snapshot") == {"snapshots": []}


async def test_numbers_beyond_all_measure_are_refused_in_a_sentence(node: AdminNode) -> None:
    """Python makes no number of more than some thousand digits, and no object a thousand levels deep."""
    many = "9" * 5000
    async with serving(node) as client:
        await done(client, "POST", "/v1/snapshot")
        for method, path, more in (
            ("DELETE", f"/v1/members/{many}", {"headers": CHANGE}),
            ("DELETE", "/v1/members/2", {"headers": {"If-Config-Index": many}}),
            ("POST", "/v1/members", {"headers": CHANGE, "data": "[" * 60_000}),
            ("GET", "/v1/snapshot/newest", {"headers": {"Range": f"bytes={many}-"}}),
        ):
            error = await error_of(client, method, path, 400, **more)
            assert error["code"] == "BAD_REQUEST"
            assert len(error["message"]) < 200


async def test_status_needs_no_leader(node: AdminNode) -> None:
    """It says what this member knows."""
    node.ensemble.leader = 0
    async with serving(node) as client:
        status = await done(client, "GET", "/v1/status")
    assert (status["role"], status["leader_id"], status["term"]) == ("follower", 0, 3)
    assert status["identity"]["cluster_id"] == CLUSTER.hex()
    assert [member["id"] for member in status["config"]] == [1, 2, 3]
    assert status["config_index"] == 10
    assert (status["last_term"], status["draining"]) == (3, False)
    assert (status["leader_age_ms"], status["damage"]) == (700, "")
    assert status["digest"] == {"index": 42, "value": "0000000000d16e57"}


async def test_members_show_match_index_and_last_contact(node: AdminNode) -> None:
    """And the config index that a change has to name."""
    async with serving(node) as client:
        members = await done(client, "GET", "/v1/members?linearizable=1")
        assert (members["leader_id"], members["config_index"]) == (1, 10)
        row = members["members"][1]
        assert (row["id"], row["role"], row["match_index"], row["last_contact_ms"]) == (
            (2, "voter", 10, 5)
        )
        node.ensemble.leader_confirmed = False
        error = await error_of(client, "GET", "/v1/members?linearizable=1", 503)
        assert error["code"] == "NO_LEADER"
        await done(client, "GET", "/v1/members")
        node.ensemble.leader = 2
        error = await error_of(client, "GET", "/v1/members?linearizable=1", 421)
        assert (error["leader_id"], error["leader_address"]) == (2, "10.0.0.2:2888")


async def test_operation_id_answers_as_the_first_did(node: AdminNode) -> None:
    """Also when both come at once, and whatever config index the repetition names."""
    async with serving(node) as client:
        headers = {**CHANGE, "Op-Id": "add-7"}
        first, second = await asyncio.gather(
            *(done(client, "POST", "/v1/members", json=NEW, headers=headers) for _ in range(2))
        )
        third = await done(
            client, "POST", "/v1/members", json={**NEW, "timeout_ms": 9}, headers=headers
        )
        assert first == second == third
        assert first["changed"]
        assert len(node.ensemble.done) == 1
        other = {"address": "10.0.0.8:2888"}
        error = await error_of(client, "POST", "/v1/members", 409, json=other, headers=headers)
        assert error["code"] == "OPERATION_ID_REUSED"


async def test_refused_operation_may_try_again_under_its_id(node: AdminNode) -> None:
    """A refusal did nothing."""
    node.ensemble.lagging = {4}
    async with serving(node) as client:
        await done(client, "POST", "/v1/members", json=NEW, headers=CHANGE)
        headers = {"If-Config-Index": "11", "Op-Id": "promote-4"}
        error = await error_of(client, "POST", "/v1/members/4/promote", 409, headers=headers)
        assert error["code"] == "NOT_CAUGHT_UP"
        node.ensemble.lagging = set()
        await done(client, "POST", "/v1/members/4/promote", headers=headers)


async def test_old_operation_ids_are_forgotten(
    node: AdminNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(operation_ids, "REMEMBERED_MAX", 2)
    ids = operation_ids.OperationIds()

    async def work() -> dict[str, Any]:
        return {}

    for number in range(4):
        await ids.run(str(number), "same", work)
    assert [(await ids.run(name, "same", work))[1] for name in ("3", "0")] == [True, False]


async def test_change_must_name_a_config_index(node: AdminNode) -> None:
    """A change without a comparison is a race."""
    async with serving(node) as client:
        error = await error_of(client, "DELETE", "/v1/members/3", 428)
        assert error["code"] == "CONFIG_INDEX_REQUIRED"
        headers = {"If-Config-Index": "9"}
        error = await error_of(client, "DELETE", "/v1/members/3", 412, headers=headers)
        assert (error["code"], error["config_index"]) == ("CONFIG_INDEX_STALE", 10)
        assert not node.ensemble.done


async def test_members_come_and_go(node: AdminNode) -> None:
    """Add, promote, replace, update, remove: each by its path."""
    async with serving(node) as client:

        async def change(method: str, path: str, **body: Any) -> Any:
            headers = {"If-Config-Index": str(node.ensemble.config_index)}
            return await done(client, method, path, json=body, headers=headers)

        await change("POST", "/v1/members", address="10.0.0.7:2888", zone="b", priority=3)
        await change("POST", "/v1/members/replace", old=3, new=4)
        await change("POST", "/v1/members", address="10.0.0.8:2888", role="learner")
        await change("POST", "/v1/members/5/promote")
        await change("PATCH", "/v1/members/5", address="10.0.0.9:2888")
        await change("DELETE", "/v1/members/2")
    assert node.ensemble.membership.voters == {1, 4, 5}
    four, five = node.ensemble.membership.members[1:]
    assert (four.zone, four.priority, five.address) == ("b", 3, "10.0.0.9:2888")


async def test_misunderstood_requests_name_the_field(node: AdminNode) -> None:
    """Unknown fields, wrong types, missing ones: nothing is done."""
    async with serving(node) as client:
        for body, word in (
            (b"{", "JSON"),
            (b"[]", "object"),
            (b'{"adress": "h:1"}', "adress"),
            (b'{"zone": "a"}', "address"),
            (b'{"address": 1}', "a string"),
            (b'{"address": "h"}', "host:port"),
            (b'{"address": "h:1", "incarnation": "12"}', "incarnation"),
            (b'{"address": "h:1", "timeout_ms": 0}', "timeout_ms"),
            (b'{"address": "h:1", "role": "voter"}', "learner"),
            (b"\xff", "JSON"),
        ):
            error = await error_of(client, "POST", "/v1/members", 400, data=body, headers=CHANGE)
            assert word in error["message"] + error["hint"], error
        await error_of(client, "POST", "/v1/members/x/promote", 400, headers=CHANGE)
        await error_of(client, "DELETE", "/v1/members/2?force=yes", 400, headers=CHANGE)
        await error_of(client, "GET", "/v1/nothing", 404)
        await error_of(client, "PUT", "/v1/status", 404)
    assert not node.ensemble.done


async def test_drain_gives_leadership_away_first(node: AdminNode) -> None:
    """And then the clients; a leader without anybody to lead keeps it and drains all the same."""
    async with serving(node) as client:
        answer = await done(client, "POST", "/v1/drain")
        assert (answer["leadership"], answer["clients_left"], answer["leader_id"]) == ("", 0, 2)
        assert (node.ensemble.draining, node.ensemble.drained) == (True, True)
        await done(client, "POST", "/v1/drain", json={"leadership": False})
        assert not node.ensemble.drained
        await done(client, "DELETE", "/v1/drain")
        assert not node.ensemble.draining
        node.ensemble.leader, node.ensemble.hangs = 1, True
        answer = await done(client, "POST", "/v1/drain")
        assert answer["leadership"].startswith("kept: ")
        assert answer["clients_left"] == 0


async def test_leadership_is_transferred(node: AdminNode) -> None:
    """To whom it was said."""
    async with serving(node) as client:
        answer = await done(client, "POST", "/v1/leader/transfer", json={"to": 3})
        assert (answer["leader_id"], answer["changed"]) == (3, True)
        again = await done(client, "POST", "/v1/leader/transfer", json={"to": 3, "from": 1})
        assert not again["changed"]


async def test_snapshot_is_streamed_with_its_digest(node: AdminNode) -> None:
    """Whole, and from an offset on."""
    content = node.snapshotter.content
    async with serving(node) as client:
        await error_of(client, "GET", "/v1/snapshot/newest", 404)
        taken = await done(client, "POST", "/v1/snapshot")
        assert taken == {"id": "42-3", "index": 42, "term": 3, "bytes": 3_000_000, "zxid": "0x2a"}
        listed = await done(client, "GET", "/v1/snapshot")
        assert [found["id"] for found in listed["snapshots"]] == ["42-3"]
        for name in ("42-3", "newest"):
            async with client.get(f"/v1/snapshot/{name}") as response:
                assert await response.read() == content
                digest = response.headers["Snapshot-SHA256"]
                assert digest == hashlib.sha256(content).hexdigest()
        headers = {"Range": "bytes=2999990-"}
        async with client.get("/v1/snapshot/42-3", headers=headers) as response:
            assert (response.status, await response.read()) == (206, content[-10:])
        headers = {"Range": "bytes=3000000-"}
        await error_of(client, "GET", "/v1/snapshot/42-3", 400, headers=headers)
        for name in ("42-4", "../token", "x"):
            await error_of(client, "GET", f"/v1/snapshot/{name}", 404)


async def test_snapshot_that_failed_is_no_success(node: AdminNode) -> None:
    """The disk is full, say."""
    node.snapshotter.works = False
    async with serving(node) as client:
        error = await error_of(client, "POST", "/v1/snapshot", 500)
        assert error["code"] == "SNAPSHOT_FAILED"


async def test_snapshot_under_way_is_no_answer_when_it_is_older(node: AdminNode) -> None:
    """A backup has everything that was there when it was asked for."""
    node.snapshotter.reaches = [40, 45]
    async with serving(node) as client:
        assert (await done(client, "POST", "/v1/snapshot"))["index"] == 45


def test_every_code_is_documented_with_its_status() -> None:
    """The page is what programs are written from."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: int(status) for name, status in rows} == {c.name: c.status for c in Code}
