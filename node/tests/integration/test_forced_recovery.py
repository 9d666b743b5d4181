"""Claims about a forced recovery: what the survivor had is there, time goes on, and no old disk ever votes.

Two of three are lost for good. The third becomes another ensemble, by the command or by its setting;
fresh members join it; and the disks that were given up come back.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException
from kazoo.retry import KazooRetry
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import wait_until
from tests.integration.test_backup import run

WRITES = 300
"""Acknowledged before the loss; enough for a log that is no single block."""


class Load:
    """Writes in a session that is older than the loss, and remembers what was acknowledged, by zxid."""

    def __init__(self, hosts: str) -> None:
        patient = KazooRetry(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1)
        self.client = KazooClient(hosts, timeout=30, connection_retry=patient)
        self.states: list[str] = []
        self.acknowledged: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self.client.start(timeout=20)
        self.client.add_listener(self.states.append)
        self.client.create("/load")
        self.client.create("/mine", ephemeral=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.client.stop()
        self.client.close()

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.acknowledged) >= count, f"{count} writes are acknowledged")

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            path = f"/load/{number:06d}"
            try:
                _, stat = self.client.create(path, path.encode(), include_data=True)
            except KazooException:
                self._stop.wait(0.02)
                continue
            self.acknowledged[path] = stat.czxid


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[AdminEnsemble]:
    """All three serve; each knows by its address which of the list it is."""
    ensemble = AdminEnsemble(tmp_path)
    for number, node in ensemble.nodes.items():
        del node.settings["ensemble_member"]
        node.settings["peer_address"] = address(ensemble, number)
    with ensemble as running:
        yield running


def address(ensemble: AdminEnsemble, number: int) -> str:
    return f"127.0.0.1:{ensemble.peer_ports[number]}"


def data(ensemble: AdminEnsemble, number: int) -> Path:
    return ensemble.nodes[number].directory / "data"


def command(ensemble: AdminEnsemble, number: int, *more: object) -> list[object]:
    where = ["--data-dir", data(ensemble, number), "--address", address(ensemble, number)]
    return ["recover", *where, *(more or ["--epoch", 1, "--acknowledge-data-loss"])]


def lose(ensemble: AdminEnsemble, *numbers: int) -> dict[int, Path]:
    """Kills them and takes their disks away; where these are now."""
    for number in numbers:
        ensemble.nodes[number].kill()
    kept = {}
    for number in numbers:
        kept[number] = ensemble.nodes[number].directory / "old-data"
        data(ensemble, number).rename(kept[number])
    return kept


def take_in(ensemble: AdminEnsemble, number: int, *voters: int) -> int:
    """Adds the node that waits at this number, and promotes it; its id."""
    wait_until(lambda: ensemble.waits(number), "the node waits")
    incarnation = ensemble.status(number)["identity"]["incarnation"]
    admin = ensemble.client(*voters)
    body = {"address": address(ensemble, number), "incarnation": incarnation}
    new = int(admin.change("POST", "/v1/members", body, None)["member_id"])
    wait_until(lambda: ensemble.caught_up(new), "the learner has caught up")
    assert admin.change("POST", f"/v1/members/{new}/promote", {}, None)["changed"]
    wait_until(lambda: ensemble.nodes[number].ready()[0] == 200, "the new member serves")
    return new


def identity(ensemble: AdminEnsemble, number: int) -> dict[str, Any]:
    found: dict[str, Any] = ensemble.status(number)["identity"]
    return found


def check_load(load: Load, client: KazooClient, known_zxid: int) -> int:
    """Everything that the survivor had is there; how much that is."""
    had = [path for path, zxid in load.acknowledged.items() if zxid <= known_zxid]
    there = set(client.get_children("/load"))
    assert {path.rpartition("/")[2] for path in had} <= there
    for path in had[:: max(1, len(had) // 50)]:
        assert client.get(path)[0] == path.encode()
    return len(had)


def test_survivor_is_recovered_and_the_old_disks_are_fenced(ensemble: AdminEnsemble) -> None:
    """The whole story: loss under load, the command, clients that come back, new members, old disks."""
    survivor, *others = (2, 1, 3)
    with Load(ensemble.hosts()) as load:
        load.wait_for(WRITES)
        session = load.client.client_id
        old_cluster = identity(ensemble, survivor)["cluster_id"]
        kept = lose(ensemble, *others)
        ensemble.nodes[survivor].kill()
        seen_by_clients = max(load.acknowledged.values())
        before = len(load.acknowledged)

        said, _ = run(*command(ensemble, survivor))
        assert said["recovered"]
        assert said["from_cluster_id"] == old_cluster != said["cluster_id"]
        assert (said["from_member_id"], said["member_id"]) == (survivor, 4)
        assert Path(said["old_data"]) == data(ensemble, survivor) / "given-up-1"
        assert int(said["zxid_after"], 16) > seen_by_clients
        again, _ = run(*command(ensemble, survivor))
        assert not again["recovered"]
        assert "done already" in again["reason"]

        order = f"1@{address(ensemble, survivor)}"
        for node in ensemble.nodes.values():
            node.settings["ensemble_recovery"] = order
        ensemble.nodes[survivor].start()
        load.wait_for(before + 50)
        assert load.client.client_id == session, "the old session goes on"
        assert load.client.exists("/mine") is not None
        assert KazooState.LOST not in load.states
        known = int(said["zxid"], 16)
        assert check_load(load, load.client, known) >= WRITES // 2
        later = [zxid for zxid in load.acknowledged.values() if zxid > seen_by_clients]
        assert len(later) >= 50
        assert min(later) > int(said["zxid_after"], 16)

        for number in others:
            ensemble.nodes[number].launch()
            take_in(ensemble, number, survivor)
        assert {n: identity(ensemble, n)["member_id"] for n in (1, 2, 3)} == {2: 4, 1: 5, 3: 6}
        assert {identity(ensemble, n)["recovery_epoch"] for n in (1, 2, 3)} == {1}

        back = others[0]
        node = ensemble.nodes[back]
        node.kill()
        shutil.rmtree(data(ensemble, back))
        kept[back].rename(data(ensemble, back))
        node.launch()
        wait_until(lambda: ensemble.waits(back), "the old disk waits")
        assert node.events("data.given_up")
        assert (data(ensemble, back) / "given-up-1/identity").exists()
        assert identity(ensemble, back)["recovery_epoch"] == 1
        load.wait_for(len(load.acknowledged) + 20)

        node = ensemble.nodes[survivor]
        assert node.terminate() == 0
        node.start()
        assert identity(ensemble, survivor)["cluster_id"] == said["cluster_id"]
        check_load(load, load.client, known)


def test_order_alone_makes_one_leader_and_sets_the_others_aside(ensemble: AdminEnsemble) -> None:
    """As an operator does it: every node starts with the setting, and all have their old disks."""
    with Load(ensemble.hosts()) as load:
        load.wait_for(WRITES)
        old_cluster = identity(ensemble, 3)["cluster_id"]
        for node in ensemble.nodes.values():
            node.kill()
        for node in ensemble.nodes.values():
            node.settings["ensemble_recovery"] = f"1@{address(ensemble, 3)}"
            node.launch()
        wait_until(lambda: ensemble.nodes[3].ready()[0] == 200, "the survivor serves")
        (recovered,) = ensemble.nodes[3].events("ensemble.recovered")
        assert check_load(load, load.client, int(recovered["zxid"], 16)) >= WRITES // 2
        for number in (1, 2):
            wait_until(lambda number=number: ensemble.waits(number), "it waits")  # type: ignore[misc]
            assert identity(ensemble, number)["cluster_id"] == ""
        assert identity(ensemble, 3)["cluster_id"] != old_cluster
        for number in (1, 2):
            take_in(ensemble, number, 3)
        incarnations = {n: identity(ensemble, n)["incarnation"] for n in (1, 2, 3)}
        for number in (1, 2, 3):
            assert ensemble.nodes[number].terminate() == 0
            ensemble.nodes[number].start()
        assert {n: identity(ensemble, n)["incarnation"] for n in (1, 2, 3)} == incarnations, (
            "the same order again asks for nothing"
        )


def test_old_member_without_the_order_is_refused_by_the_new_ensemble(
    ensemble: AdminEnsemble,
) -> None:
    """The clusters' ids keep them apart; it finds no leader and serves nobody."""
    for node in ensemble.nodes.values():
        node.kill()
    said, _ = run(*command(ensemble, 1))
    ensemble.nodes[1].start()
    ensemble.nodes[2].launch()
    wait_until(
        lambda: any(
            "cluster" in str(line.get("reason", "")) and said["cluster_id"] in str(line)
            for line in ensemble.nodes[2].lines()
        ),
        "the old member is turned away",
    )
    assert ensemble.nodes[2].ready()[0] != 200
    assert ensemble.status(2)["leader_id"] == 0
    assert ensemble.status(1)["role"] == "leader"
    assert {member["id"] for member in ensemble.status(1)["config"]} == {4}


def _unacknowledged(ensemble: AdminEnsemble) -> list[object]:
    return command(ensemble, 1, "--epoch", 1)


def _nowhere(ensemble: AdminEnsemble) -> list[object]:
    return [*command(ensemble, 1), "--data-dir", ensemble.directory / "nowhere"]


def _no_epoch(ensemble: AdminEnsemble) -> list[object]:
    return command(ensemble, 1, "--epoch", 0, "--acknowledge-data-loss")


def _damaged(ensemble: AdminEnsemble) -> list[object]:
    ensemble.nodes[1].kill()
    segment = min((data(ensemble, 1) / "log").iterdir())
    content = bytearray(segment.read_bytes())
    content[600] ^= 0xFF
    segment.write_bytes(content)
    return command(ensemble, 1)


@pytest.mark.parametrize(
    ("ask", "code", "words"),
    [
        (_unacknowledged, 2, "--acknowledge-data-loss"),
        (command, 1, "another process uses this data directory"),
        (_nowhere, 1, "is no node's data folder"),
        (_no_epoch, 2, "the epoch is a number from 1"),
        (_damaged, 1, "recover the member that knows most of the others"),
    ],
    ids=["unacknowledged", "in use", "no data", "no epoch", "damaged"],
)
def test_what_may_not_be_recovered_is_refused_and_left_as_it_is(
    ensemble: AdminEnsemble, ask: Callable[..., list[object]], code: int, words: str
) -> None:
    """With a sentence that says what to do."""
    arguments = ask(ensemble, 1) if ask is command else ask(ensemble)
    _, said = run(*arguments, code=code)
    assert words in said
    assert not (data(ensemble, 1) / "given-up-1").exists()
    assert not (ensemble.directory / "nowhere").exists()
