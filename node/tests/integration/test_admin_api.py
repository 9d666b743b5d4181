"""Claims about the admin API of three real nodes: members come and go, leadership moves, repeatably."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from tests.integration.admin_ensemble import TOKEN, AdminEnsemble
from tests.integration.ensemble_process import four_letter, wait_until
from tests.integration.inspecting import inspect_folder

from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.tools.admin_client import AdminError


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[AdminEnsemble]:
    """All three serve."""
    with AdminEnsemble(tmp_path) as running:
        yield running


@pytest.fixture
def client(ensemble: AdminEnsemble) -> Iterator[KazooClient]:
    """A client of all three."""
    client = KazooClient(ensemble.hosts(), timeout=10)
    client.start(timeout=20)
    yield client
    client.stop()
    client.close()


def test_leader_shows_its_members_with_match_index_and_contact(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """Linearizable, and only at the leader."""
    client.create("/a", b"x")
    admin = ensemble.client()
    leader = ensemble.leader()
    wait_until(
        lambda: all(row["caught_up"] for row in admin.members()["members"]), "all are caught up"
    )
    members = admin.members()
    assert members["leader_id"] == leader
    rows = {row["id"]: row for row in members["members"]}
    assert sorted(rows) == [1, 2, 3]
    for number, row in rows.items():
        assert row["role"] == ("leader" if number == leader else "voter")
        assert row["match_index"] >= 2
        if number != leader:
            assert row["last_contact_ms"] < 1000
            assert row["address"] == f"127.0.0.1:{ensemble.peer_ports[number]}"
    follower = next(number for number in rows if number != leader)
    with pytest.raises(AdminError) as caught:
        admin.ask(ensemble.endpoint(follower), "GET", "/v1/members?linearizable=1")
    assert (caught.value.code, caught.value.details["leader_id"]) == ("NOT_LEADER", leader)
    levels = ensemble.status(leader)
    assert levels["ensemble_feature_level"] == levels["feature_level"] == FEATURE_LEVEL


def test_new_disk_is_added_promoted_and_takes_anothers_place(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """The whole way: learner, voter, replacement of a dead voter, removal; writes go on."""
    client.create("/kept", b"before")
    admin = ensemble.client()
    address = ensemble.start_waiting(4)
    added = admin.change("POST", "/v1/members", {"address": address}, None)
    assert (added["member_id"], added["changed"]) == (4, True)
    again = admin.change("POST", "/v1/members", {"address": address}, None)
    assert again == {**added, "changed": False}
    wait_until(lambda: ensemble.caught_up(4), "the learner has caught up")
    wait_until(lambda: ensemble.mode(4) == "observer", "it serves as a learner")

    dead = next(n for n in (1, 2, 3) if n != ensemble.leader())
    ensemble.nodes[dead].kill()
    wait_until(
        lambda: any(r["id"] == dead and not r["active"] for r in admin.members()["members"]),
        "the dead one is seen to be silent",
    )
    replaced = admin.change("POST", "/v1/members/replace", {"old": dead, "new": 4}, None)
    assert replaced["changed"]
    roles = {row["id"]: row["role"] for row in admin.members()["members"]}
    assert sorted(roles) == sorted({1, 2, 3, 4} - {dead})
    assert roles[4] == "voter"
    client.set("/kept", b"after")

    other = next(n for n in roles if roles[n] == "voter" and n != 4)
    assert admin.change("DELETE", f"/v1/members/{other}", {}, None)["changed"]
    assert not admin.change("DELETE", f"/v1/members/{other}", {}, None)["changed"]
    fourth = KazooClient(ensemble.hosts(4), timeout=10)
    fourth.start(timeout=20)
    fourth.sync("/kept")
    assert fourth.get("/kept")[0] == b"after"
    fourth.stop()
    fourth.close()
    assert admin.members()["next_id"] == 5


def test_repeated_operation_is_done_once_over_a_change_of_leader(ensemble: AdminEnsemble) -> None:
    """The new leader finds it in the replicated membership."""
    admin = ensemble.client()
    leader = ensemble.leader()
    index = admin.members()["config_index"]
    address = ensemble.start_waiting(4)
    headers = {"If-Config-Index": str(index), "Op-Id": str(uuid.uuid4())}
    body = {"address": address}
    first = admin.ask(ensemble.endpoint(leader), "POST", "/v1/members", body, headers)
    same = admin.ask(ensemble.endpoint(leader), "POST", "/v1/members", body, headers)
    assert same == first
    moved = admin.transfer(0)
    assert moved["leader_id"] != leader
    new_leader = moved["leader_id"]
    wait_until(
        lambda: admin.find_leader() == ensemble.endpoint(new_leader), "the new leader knows it"
    )
    other = admin.change("POST", "/v1/members", body, index)
    assert other == {**first, "changed": False}
    assert len(admin.members()["members"]) == 4


def test_leader_removes_itself_and_the_others_go_on(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """It answers first; the two that are left elect one of them."""
    leader = ensemble.leader()
    answer = ensemble.client().change("DELETE", f"/v1/members/{leader}", {}, None)
    assert answer["changed"]
    rest = [number for number in (1, 2, 3) if number != leader]
    members = ensemble.client(*rest).members()
    assert members["leader_id"] in rest
    assert [row["id"] for row in members["members"]] == rest
    new = KazooClient(ensemble.hosts(*rest), timeout=10)
    new.start(timeout=20)
    new.create("/after-removal")
    new.stop()
    new.close()


def test_removed_members_say_so_and_serve_nobody(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """One that hears its removal, and one that was away while it was removed."""
    admin = ensemble.client()
    leader = ensemble.leader()
    away, present = (number for number in (1, 2, 3) if number != leader)
    address = ensemble.start_waiting(4)
    admin.change("POST", "/v1/members", {"address": address}, None)
    wait_until(lambda: ensemble.caught_up(4), "the learner has caught up")
    ensemble.nodes[away].kill()
    admin.change("POST", "/v1/members/replace", {"old": away, "new": 4}, None)
    at_removed = KazooClient(ensemble.hosts(present), timeout=10)
    at_removed.start(timeout=20)
    admin.change("DELETE", f"/v1/members/{present}", {}, None)
    ensemble.nodes[away].launch()
    for removed in (present, away):
        node = ensemble.nodes[removed]
        wait_until(lambda node=node: node.events("ensemble.removed"), "it knows")  # type: ignore[misc]
        code, body = node.ready()
        assert code == 503
        assert "was removed from the ensemble" in str(body)
    wait_until(lambda: not at_removed.connected, "its client was sent away")
    at_removed.stop()
    at_removed.close()
    assert node.running.poll() is None
    client.create("/goes-on")


def test_stale_config_index_changes_nothing(ensemble: AdminEnsemble) -> None:
    """Compare-and-swap."""
    admin = ensemble.client()
    before = admin.members()
    with pytest.raises(AdminError) as caught:
        admin.change("DELETE", "/v1/members/3", {}, before["config_index"] + 1)
    assert caught.value.code == "CONFIG_INDEX_STALE"
    assert admin.members()["config_index"] == before["config_index"]


def test_leadership_goes_where_it_is_sent(ensemble: AdminEnsemble, client: KazooClient) -> None:
    """By the API, and by four-letter words."""
    admin = ensemble.client()
    target = next(number for number in (1, 2, 3) if number != ensemble.leader())
    assert admin.transfer(target) == {
        "operation": "transfer",
        "leader_id": target,
        "changed": True,
    }
    client.create("/after-transfer")
    wait_until(lambda: ensemble.leader() == target, "it leads")
    asker = next(number for number in (1, 2, 3) if number != target)

    def asked() -> bool:
        four_letter(ensemble.nodes[asker].port, b"rqld")
        return ensemble.leader() == asker

    wait_until(asked, "who asks for leadership gets it")
    assert four_letter(ensemble.nodes[asker].port, b"ydld") == "Sent yield leadership request.\n"
    wait_until(lambda: ensemble.leader() != asker, "who gives it away loses it")


def test_drained_member_has_no_clients_and_no_leadership(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """They are with the others, with their sessions."""
    admin = ensemble.client()
    leader = ensemble.leader()
    own = KazooClient(ensemble.hosts(leader), timeout=10)
    own.start(timeout=20)
    own.create("/mine", ephemeral=True)
    answer = admin.drain(ensemble.endpoint(leader), leadership=True, undo=False)
    assert (answer["leadership"], answer["clients_left"]) == ("", 0)
    assert answer["leader_id"] != leader
    assert ensemble.status(leader)["clients"] == 0
    wait_until(lambda: client.exists("/mine") is not None, "the session lives on")
    admin.drain(ensemble.endpoint(leader), leadership=True, undo=True)
    wait_until(lambda: own.connected and own.exists("/mine") is not None, "it may come back")
    own.stop()
    own.close()


def test_drained_member_does_not_get_leadership_back(ensemble: AdminEnsemble) -> None:
    """Though it is preferred most: whoever leads next passes it over, until it is drained no more."""
    admin = ensemble.client()
    preferred = ensemble.leader()
    admin.change("PATCH", f"/v1/members/{preferred}", {"priority": 9}, None)
    admin.drain(ensemble.endpoint(preferred), leadership=True, undo=False)

    def all_say(unfit: str) -> bool:
        """As the leader has heard it of the preferred member; and all could take over."""
        rows = admin.members()["members"]
        found = {row["id"]: row["unfit"] for row in rows}
        return found[preferred] == unfit and all(row["caught_up"] for row in rows)

    wait_until(lambda: all_say("it is being drained"), "the next leader hears of it")
    second = ensemble.leader()
    third = ({1, 2, 3} - {preferred, second}).pop()
    assert admin.transfer(0)["leader_id"] == third
    admin.drain(ensemble.endpoint(preferred), leadership=True, undo=True)
    wait_until(lambda: all_say(""), "it may lead again")
    body = {"to": 0, "from": third}
    admin.ask(ensemble.endpoint(third), "POST", "/v1/leader/transfer", body)
    wait_until(lambda: ensemble.leader() == preferred, "it leads again")


def test_members_have_the_zone_and_priority_of_their_configuration(tmp_path: Path) -> None:
    """Founders and who is added later; and an update counts from then on, over restarts too."""
    ensemble = AdminEnsemble(tmp_path)
    for number, node in ensemble.nodes.items():
        node.settings |= {"ensemble_zone": f"zone{number}", "ensemble_priority": number}
    with ensemble:
        admin = ensemble.client()
        ensemble.common |= {"ensemble_zone": "zone4", "ensemble_priority": 4}
        admin.change("POST", "/v1/members", {"address": ensemble.start_waiting(4)}, None)
        rows = ensemble.client().members()["members"]
        known = {row["id"]: (row["zone"], row["priority"]) for row in rows}
        assert known == {number: (f"zone{number}", number) for number in (1, 2, 3, 4)}
        admin.change("PATCH", "/v1/members/2", {"priority": 9}, None)
        ensemble.nodes[2].terminate()
        ensemble.nodes[2].launch()
        wait_until(lambda: bool(ensemble.nodes[2].events("ensemble.details_differ")), "it says so")
        assert [row["priority"] for row in ensemble.status(2)["config"]] == [1, 9, 3, 4]


def test_status_is_served_without_a_quorum(ensemble: AdminEnsemble) -> None:
    """The survivor says that there is no leader; it is not ready, and changes are refused."""
    survivor = ensemble.leader()
    for number, node in ensemble.nodes.items():
        if number != survivor:
            node.kill()
    wait_until(lambda: ensemble.status(survivor)["leader_id"] == 0, "the leader gives up")
    code, body = ensemble.nodes[survivor].ready()
    assert (code, body["has_quorum"]) == (503, False)
    assert len(ensemble.status(survivor)["config"]) == 3
    with pytest.raises(AdminError) as caught:
        ensemble.client(survivor, timeout_s=0.5).change("DELETE", "/v1/members/1", {}, None)
    assert caught.value.code == "NO_LEADER"


def test_snapshot_of_any_member_is_downloaded_and_inspected(
    ensemble: AdminEnsemble, client: KazooClient, tmp_path: Path
) -> None:
    """Its digest is right; the stopped folder shows the same znode and the write in the log."""
    client.create("/saved", b"value")
    follower = next(number for number in (1, 2, 3) if number != ensemble.leader())
    target = tmp_path / "backup.snap"
    admin = ensemble.client(follower)

    def applied() -> bool:
        zxid = client.exists("/saved").czxid
        return int(ensemble.status(follower)["zxid"], 16) >= zxid

    wait_until(applied, "the follower has applied it")
    taken = admin.take_snapshot(ensemble.endpoint(follower))
    saved = admin.download(ensemble.endpoint(follower), taken["id"], target)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == saved["sha256"]
    assert ensemble.nodes[follower].terminate() == 0
    directory = ensemble.nodes[follower].directory / "data"
    tree = inspect(directory, "--snapshot", "newest", "--data")
    assert "/saved  5 bytes, version 0  b'value'" in tree.stdout
    log = inspect(directory, "--log")
    assert "create /saved, 5 bytes" in log.stdout
    report = json.loads(inspect(directory, "--json").stdout)
    assert report["identity"]["member_id"] == follower
    assert sorted(report["config"]["voters"]) == [1, 2, 3]
    assert not report["damage"]


def test_command_line_shows_the_ensemble(ensemble: AdminEnsemble) -> None:
    """As a person would call it."""
    endpoints = ",".join(ensemble.endpoint(number) for number in (1, 2, 3))
    command = [sys.executable, "-m", "raftkeeper", "admin", "--endpoints", endpoints]
    result = subprocess.run(
        [*command, "status"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
        env={**os.environ, "COLUMNS": "200", "RAFTKEEPER_ADMIN_TOKEN": TOKEN},
    )
    assert result.stdout.count("follower") == 2
    assert result.stdout.count(" leader ") >= 1


def inspect(directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """`raftkeeper inspect`, which must not complain."""
    result = inspect_folder(directory, *options)
    result.check_returncode()
    return result
