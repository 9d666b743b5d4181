"""Claims about ZooKeeper's reconfig and /zookeeper/config, with kazoo against three real nodes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import BadArgumentsError, BadVersionError, NoAuthError
from tests.integration.admin_ensemble import AdminEnsemble
from tests.integration.ensemble_process import wait_until

ADMIN = "super:test"
DIGEST = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
CONFIG = "/zookeeper/config"


@pytest.fixture
def ensemble(tmp_path: Path) -> Iterator[AdminEnsemble]:
    """All three serve, and take reconfig requests of the super user."""
    settings = {"features_reconfig": "true", "auth_super_digest": DIGEST}
    with AdminEnsemble(tmp_path, **settings) as running:
        yield running


@pytest.fixture(params=["leader", "follower"])
def client(ensemble: AdminEnsemble, request: pytest.FixtureRequest) -> Iterator[KazooClient]:
    """The super user: at the leader, which carries requests out, and at who sends them there."""
    leader = ensemble.leader()
    at = leader if request.param == "leader" else next(n for n in (1, 2, 3) if n != leader)
    client = KazooClient(ensemble.hosts(at), timeout=10)
    client.start(timeout=20)
    client.add_auth("digest", ADMIN)
    yield client
    client.stop()
    client.close()


def lines(data: bytes) -> dict[str, str]:
    """The config by its keys."""
    return dict(line.split("=", 1) for line in data.decode().splitlines())


def test_config_is_the_same_on_every_member(ensemble: AdminEnsemble) -> None:
    """With its addresses and the index of the membership."""
    texts = set()
    for number in (1, 2, 3):
        client = KazooClient(ensemble.hosts(number), timeout=10)
        client.start(timeout=20)
        texts.add(client.get(CONFIG)[0])
        client.stop()
        client.close()
    assert len(texts) == 1
    config = lines(texts.pop())
    port = ensemble.peer_ports[2]
    assert config["server.2"] == f"127.0.0.1:{port}:{port}:participant"
    assert int(config["version"], 16) == ensemble.client().members()["config_index"]


def test_member_joins_and_another_leaves_by_reconfig(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """The answer is the new config, its watches fire, and the admin API sees the same."""
    seen: list[str] = []
    client.get(CONFIG, watch=lambda event: seen.append(event.type))
    address = ensemble.start_waiting(4)
    port = address.rpartition(":")[2]
    joining = f"server.4=127.0.0.1:{port}:{port}:observer;2181"
    data, _ = client.reconfig(joining, None, None)
    assert lines(data)["server.4"].endswith(":observer")
    wait_until(lambda: seen == ["CHANGED"], "the watch fires")
    wait_until(lambda: ensemble.caught_up(4), "the learner has caught up")
    mine = client._connection._socket.getpeername()[1]
    leaving = next(
        number
        for number in (1, 2, 3)
        if number != ensemble.leader() and ensemble.nodes[number].port != mine
    )
    participant = joining.replace("observer", "participant")
    data, _ = client.reconfig(participant, str(leaving), None, from_config=-1)
    config = lines(data)
    assert f"server.{leaving}" not in config
    assert config["server.4"].endswith(":participant")
    roles = {row["id"]: row["role"] for row in ensemble.client().members()["members"]}
    assert roles[4] == "voter"
    assert leaving not in roles
    assert client.get(CONFIG)[0] == data


def test_reconfig_is_compared_with_the_version(
    ensemble: AdminEnsemble, client: KazooClient
) -> None:
    """And refused with ZooKeeper's errors; the connection goes on."""
    version = int(lines(client.get(CONFIG)[0])["version"], 16)
    with pytest.raises(BadVersionError):
        client.reconfig(None, "3", None, from_config=version + 1)
    with pytest.raises(BadArgumentsError):
        client.reconfig("server.9=h:1:1", None, None)
    with pytest.raises(BadArgumentsError):
        client.reconfig(None, None, "server.1=h:1:1")
    assert client.exists("/") is not None
    assert len(ensemble.client().members()["members"]) == 3


def test_only_those_who_may_write_the_config_reconfigure(ensemble: AdminEnsemble) -> None:
    """Nobody but the super user, by default."""
    client = KazooClient(ensemble.hosts(ensemble.leader()), timeout=10)
    client.start(timeout=20)
    with pytest.raises(NoAuthError):
        client.reconfig(None, "3", None)
    client.stop()
    client.close()
