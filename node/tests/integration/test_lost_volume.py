"""Claims about members that lost their disk and come back at the same address: never the old id.

What a Kubernetes operator does after a volume is lost: the pod is there again under its name, waits,
is added as a learner beside its own former self, and takes its place in one joint step.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.retry import KazooRetry
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import wait_until


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[AdminEnsemble]:
    """All three serve; each knows by its address which of the list it is."""
    ensemble = AdminEnsemble(tmp_path)
    for number, node in ensemble.nodes.items():
        del node.settings["ensemble_member"]
        node.settings["peer_address"] = f"127.0.0.1:{ensemble.peer_ports[number]}"
    with ensemble as running:
        yield running


@pytest.fixture
def client(ensemble: AdminEnsemble) -> Iterator[KazooClient]:
    """A client of all three."""
    patient = KazooRetry(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1)
    client = KazooClient(ensemble.hosts(), timeout=10, connection_retry=patient)
    client.start(timeout=20)
    yield client
    client.stop()
    client.close()


def wipe(ensemble: AdminEnsemble, number: int) -> str:
    """Kills a member, empties its disk, starts it at the same address; the incarnation that waits."""
    node = ensemble.nodes[number]
    node.kill()
    shutil.rmtree(node.directory / "data")
    for name in ("ensemble_members", "ensemble_bootstrap"):
        node.settings.pop(name, None)
    node.settings["ensemble_join"] = "true"
    node.launch()
    wait_until(lambda: ensemble.waits(number), "the wiped node waits")
    return str(ensemble.status(number)["identity"]["incarnation"])


def take_in(ensemble: AdminEnsemble, number: int, old: int, incarnation: str) -> int:
    """Adds the waiting node beside its former self and lets it take its place; the new id."""
    address = f"127.0.0.1:{ensemble.peer_ports[number]}"
    others = [other for other in ensemble.nodes if other != number]
    admin = ensemble.client(*others)
    added = admin.change(
        "POST", "/v1/members", {"address": address, "incarnation": incarnation}, None
    )
    new = int(added["member_id"])
    wait_until(lambda: ensemble.caught_up(new), "the learner has caught up")
    same_address = [row["id"] for row in admin.members()["members"] if row["address"] == address]
    assert sorted(same_address) == [old, new]
    assert admin.change("POST", "/v1/members/replace", {"old": old, "new": new}, None)["changed"]
    return new


def test_founders_know_themselves_by_their_address(ensemble: AdminEnsemble) -> None:
    """Nobody was told its number."""
    assert {n: ensemble.status(n)["identity"]["member_id"] for n in (1, 2, 3)} == {1: 1, 2: 2, 3: 3}


@pytest.mark.parametrize("which", ["leader", "follower"])
def test_wiped_member_takes_its_own_place_at_the_same_address(
    ensemble: AdminEnsemble, client: KazooClient, which: str
) -> None:
    """Learner with a new id, caught up, joint replace; afterwards it is worth a vote, and restarts."""
    client.create("/kept", b"before")
    leader = ensemble.leader()
    number = leader if which == "leader" else next(n for n in (1, 2, 3) if n != leader)
    incarnation = wipe(ensemble, number)
    status = ensemble.status(number)
    assert (status["role"], status["ready"]) == ("waiting", False)
    assert "live" in ensemble.nodes[number].page("/health/live")
    client.set("/kept", b"between")
    new = take_in(ensemble, number, number, incarnation)
    assert new == 4
    roles = {row["id"]: row["role"] for row in ensemble.client().members()["members"]}
    assert sorted(roles) == sorted({1, 2, 3, 4} - {number})
    client.set("/kept", b"after")

    node = ensemble.nodes[number]
    assert node.terminate() == 0
    node.start()
    assert ensemble.status(number)["identity"]["member_id"] == 4
    assert ensemble.status(number)["identity"]["incarnation"] == incarnation
    other = next(n for n in (1, 2, 3) if n != number)
    ensemble.nodes[other].kill()
    client.set("/kept", b"with its vote")
    assert client.get("/kept")[0] == b"with its vote"


def test_disk_wiped_twice_is_added_under_a_third_id(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """A learner that loses its disk before it was promoted is one more stranger."""
    client.create("/kept", b"before")
    number = next(n for n in (1, 2, 3) if n != ensemble.leader())
    first = wipe(ensemble, number)
    address = f"127.0.0.1:{ensemble.peer_ports[number]}"
    admin = ensemble.client(*(n for n in (1, 2, 3) if n != number))
    body = {"address": address, "incarnation": first}
    assert admin.change("POST", "/v1/members", body, None)["member_id"] == 4
    second = wipe(ensemble, number)
    assert second != first
    assert admin.change("DELETE", "/v1/members/4", {}, None)["changed"]
    assert take_in(ensemble, number, number, second) == 5
    client.set("/kept", b"after")


def test_wiped_founder_with_its_first_settings_waits_and_is_taken_in(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """Founding is still configured; the empty disk must not found again, nor end in a loop."""
    client.create("/kept", b"before")
    node = ensemble.nodes[1]
    node.kill()
    shutil.rmtree(node.directory / "data")
    node.launch()
    wait_until(lambda: "ensemble.exists" in node.log_path.read_text(), "it finds the ensemble")
    incarnation = ensemble.status(1)["identity"]["incarnation"]
    assert take_in(ensemble, 1, 1, incarnation) == 4
    wait_until(lambda: node.ready()[0] == 200, "it serves")
    client.set("/kept", b"after")
