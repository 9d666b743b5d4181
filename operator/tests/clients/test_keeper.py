"""The client of the members' admin API, against a real node's admin API; TLS against a server of ours."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.flow.keepers import Disk, Keepers, KeeperServers, Node

from raftkeeper_operator.clients import keeper as keeper_module
from raftkeeper_operator.clients.keeper import (
    Change,
    KeeperAccess,
    KeeperClient,
    KeeperError,
    open_session,
    trust,
)
from raftkeeper_operator.observe.members import ask_members
from raftkeeper_operator.tls.rotation import renew_authority, renew_leaf

TOKEN = "a token for tests"
START_S = 40.0


@pytest.fixture
async def client() -> AsyncIterator[KeeperClient]:
    """On a session of its own."""
    async with open_session() as session:
        yield KeeperClient(session)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real node, alone, with its admin API on loopback; its endpoint."""
    pytest.importorskip("raftkeeper._engine", reason="the node is not built in this environment")
    folder = tmp_path_factory.mktemp("node")
    (folder / "token").write_text(TOKEN)
    admin, peer = free_port(), free_port()
    settings = {
        "CLIENT__LISTEN": "127.0.0.1",
        "CLIENT__PORT": free_port(),
        "HTTP__LISTEN": "127.0.0.1",
        "HTTP__PORT": free_port(),
        "PEER__LISTEN": "127.0.0.1",
        "PEER__PORT": peer,
        "PEER__ADDRESS": f"127.0.0.1:{peer}",
        "ADMIN__LISTEN": "127.0.0.1",
        "ADMIN__PORT": admin,
        "ADMIN__TOKEN_FILE": folder / "token",
        "STORAGE__DATA_DIR": folder / "data",
        "ENSEMBLE__MEMBERS": f"1=127.0.0.1:{peer}",
        "ENSEMBLE__BOOTSTRAP": "true",
    }
    environment = {**os.environ, **{f"RAFTKEEPER__{k}": str(v) for k, v in settings.items()}}
    command = [str(Path(sys.executable).with_name("raftkeeper")), "server"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + START_S
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", admin), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"127.0.0.1:{admin}"
    process.terminate()
    process.wait(20)


async def refusal(request: object) -> str:
    """The code that a request is refused with."""
    with pytest.raises(KeeperError) as caught:
        await request  # type: ignore[misc]
    return caught.value.code


ACCESS = KeeperAccess(TOKEN)


@pytest.mark.timeout(120)
async def test_a_real_members_word_is_understood(client: KeeperClient, node: str) -> None:
    """Status and membership, as the observer reads them."""
    async with asyncio.timeout(START_S):
        while True:
            census = await ask_members(client, ACCESS, {"zoo-0": node})
            if census.ensemble is not None:
                break
            await asyncio.sleep(0.05)
    status, ensemble = census.nodes["zoo-0"], census.ensemble
    assert (status.state, status.member_id, status.role) == ("member", 1, "leader")
    assert len(status.incarnation) == 32
    assert status.version
    assert status.free_bytes > 0
    assert ensemble.cluster_id == status.cluster_id
    assert (ensemble.leader_id, ensemble.settled, ensemble.is_joint) == (1, True, False)
    (member,) = ensemble.members
    assert member.votes
    assert member.active
    assert member.caught_up
    assert member.incarnation == status.incarnation
    assert ensemble.next_id == 2


@pytest.mark.timeout(120)
async def test_every_request_is_one_that_a_real_member_knows(
    client: KeeperClient, node: str
) -> None:
    """Each is refused for its own reason, never for its form."""
    async with asyncio.timeout(START_S):
        while True:
            if (await client.status(ACCESS, node)).get("leader_id"):
                break
            await asyncio.sleep(0.05)
    index = (await client.members(ACCESS, node))["config_index"]

    def fresh(name: str) -> Change:
        return Change(index, f"uid/1/Test/{name}")

    added = await client.add_learner(
        ACCESS, node, fresh("a"), address="127.0.0.1:9", incarnation="0" * 32, zone="z"
    )
    again = await client.add_learner(
        ACCESS, node, fresh("a"), address="127.0.0.1:9", incarnation="0" * 32, zone="z"
    )
    assert added == again
    index = added["config_index"]
    learner = added["member_id"]
    assert await refusal(client.promote(ACCESS, node, fresh("p"), learner)) == "NOT_CAUGHT_UP"
    assert await refusal(client.replace(ACCESS, node, fresh("x"), 1, learner)) == "NOT_CAUGHT_UP"
    index = (await client.remove(ACCESS, node, fresh("r"), learner))["config_index"]
    assert await refusal(client.remove(ACCESS, node, fresh("s"), 1)) == "LAST_VOTER"
    assert await refusal(client.remove(ACCESS, node, fresh("u"), 99)) == "UNKNOWN_MEMBER"
    stale = Change(index - 1, "uid/1/Test/stale")
    update = client.update(ACCESS, node, stale, 1, {"zone": "z"})
    assert await refusal(update) == "CONFIG_INDEX_STALE"
    done = await client.update(ACCESS, node, fresh("zone"), 1, {"zone": "zone-1"})
    assert done["changed"]
    transfer = client.transfer(ACCESS, node, leaving=1, to=99, operation_id="uid/1/Test/t")
    assert await refusal(transfer) in {"TRANSFER_REFUSED", "UNKNOWN_MEMBER"}
    assert (await client.drain(ACCESS, node))["operation"] == "drain"
    assert (await client.undrain(ACCESS, node))["operation"] == "undrain"
    assert "index" in await client.snapshot(ACCESS, node)


async def test_a_wrong_token_is_refused(client: KeeperClient, node: str) -> None:
    """And the token is not in what is shown of it."""
    wrong = KeeperAccess("wrong")
    assert await refusal(client.status(wrong, node)) == "UNAUTHENTICATED"
    assert "wrong" not in repr(wrong)


async def test_members_are_known_by_the_clusters_ca(client: KeeperClient, tmp_path: Path) -> None:
    """By address, under the name of the headless Service; another CA's server is nobody."""
    now_ms = time.time_ns() // 1_000_000
    name = "zoo-members.ns.svc"
    ca = renew_authority({}, {}, "zoo", now_ms)
    keepers = Keepers(TOKEN)
    servers = KeeperServers(keepers, tmp_path)
    keeper = Node("zoo-0", "a:1", Disk("0" * 32), {})
    await servers.start("127.0.0.1", keeper, renew_leaf({}, ca, [name], now_ms), port=0)
    endpoint = servers.endpoint("zoo-0")
    try:
        good = KeeperAccess(TOKEN, trust(ca["tls.crt"]), name)
        assert (await client.status(good, endpoint))["role"] == "waiting"
        stranger = renew_authority({}, {}, "zoo", now_ms)
        for bad in (
            KeeperAccess(TOKEN, trust(stranger["tls.crt"]), name),
            KeeperAccess(TOKEN, trust(ca["tls.crt"]), "other.ns.svc"),
            KeeperAccess(TOKEN),
        ):
            assert await refusal(client.status(bad, endpoint)) == "UNREACHABLE"
    finally:
        await servers.stop_all()


async def test_silence_and_nonsense_are_no_answers(
    client: KeeperClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the deadline, whatever is at the address."""
    monkeypatch.setattr(keeper_module, "STATUS_DEADLINE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        assert await refusal(client.status(ACCESS, f"{host}:{port}")) == "UNREACHABLE"
    assert await refusal(client.status(ACCESS, "127.0.0.1:9")) == "UNREACHABLE"

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>" * (keeper_module.ANSWER_BYTES_MAX // 3))

    app = web.Application()
    app.router.add_get("/v1/status", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    monkeypatch.setattr(keeper_module, "STATUS_DEADLINE_S", 10)
    assert await refusal(client.status(ACCESS, f"{host}:{port}")) == "UNREACHABLE"
    await runner.cleanup()


def test_a_ca_that_is_none_is_an_error_at_once() -> None:
    """Not at the first handshake."""
    with pytest.raises(ssl.SSLError):
        trust("no certificate")
