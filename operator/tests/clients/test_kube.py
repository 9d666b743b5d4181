"""The client of the API server, against the fake one."""

import asyncio
import socket

import pytest
from kubernetes.config import ConfigException
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients import kube as kube_module
from raftkeeper_operator.clients.errors import (
    Conflict,
    KubeError,
    Refused,
    TooManyRequests,
    Unreachable,
)
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.kube_access import Call, KubeAccess
from raftkeeper_operator.clients.resources import CONFIG_MAPS, PODS, resource_of


def config_map(name: str, **data: str) -> dict[str, object]:
    meta = {"namespace": "ns", "name": name, "labels": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


async def test_what_is_not_there_is_none(kube: Kube) -> None:
    """A missing object is an answer, not an error."""
    assert await kube.get(CONFIG_MAPS, "ns", "a") is None


async def test_apply_creates_then_changes_then_removes_what_is_left_out(kube: Kube) -> None:
    """A whole object is applied; fields of the last time that are not in it go away."""
    await kube.apply(config_map("a", x="1", y="2"))
    await kube.apply(config_map("a", x="3"))
    found = await kube.get(CONFIG_MAPS, "ns", "a")
    assert found is not None
    assert found["data"] == {"x": "3"}


async def test_an_apply_without_a_change_changes_no_version(kube: Kube) -> None:
    """A repetition is free for everybody who watches."""
    first = await kube.apply(config_map("a", x="1"))
    second = await kube.apply(config_map("a", x="1"))
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


async def test_create_does_not_overwrite(kube: Kube) -> None:
    """Of two that create the same object one gets a conflict."""
    await kube.create(config_map("a", x="1"))
    with pytest.raises(Conflict):
        await kube.create(config_map("a", x="2"))


async def test_lists_go_on_page_after_page(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    """More objects than a page holds are all found, by their labels."""
    monkeypatch.setattr(kube_module, "PAGE_OBJECTS", 2)
    for number in range(5):
        await kube.create(config_map(f"a{number}"))
    assert len(await kube.list_objects(CONFIG_MAPS, "ns", labels="a=b")) == 5
    assert await kube.list_objects(CONFIG_MAPS, "ns", labels="a=c") == []
    assert await kube.list_objects(CONFIG_MAPS, "elsewhere") == []


async def test_replace_is_refused_on_an_old_version(kube: Kube) -> None:
    """What somebody else changed meanwhile is not undone."""
    seen = await kube.create(config_map("a", x="1"))
    await kube.apply(config_map("a", x="2"))
    with pytest.raises(Conflict):
        await kube.replace(seen)
    del seen["metadata"]["resourceVersion"]
    with pytest.raises(ValueError, match="resourceVersion"):
        await kube.replace(seen)


async def test_delete_spares_a_successor_of_the_same_name(kube: Kube) -> None:
    """The UID decides, not the name; what is gone already is no error."""
    seen = await kube.create(config_map("a"))
    with pytest.raises(Conflict):
        await kube.delete(CONFIG_MAPS, "ns", "a", uid="another")
    assert await kube.delete(CONFIG_MAPS, "ns", "a", uid=seen["metadata"]["uid"])
    assert not await kube.delete(CONFIG_MAPS, "ns", "a", uid=seen["metadata"]["uid"])


async def test_delete_spares_what_has_changed(kube: Kube) -> None:
    """With a resource version only the object as it was seen is deleted."""
    seen = (await kube.create(config_map("a", x="1")))["metadata"]
    await kube.apply(config_map("a", x="2"))
    with pytest.raises(Conflict):
        await kube.delete(CONFIG_MAPS, "ns", "a", uid=seen["uid"], version=seen["resourceVersion"])


async def test_evict_obeys_the_budget(api: FakeApi, kube: Kube) -> None:
    """While the budget allows nothing the pod stays; then it goes."""
    pod = api.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "ns", "name": "p"}})
    budget = {"kind": "PodDisruptionBudget", "metadata": {"namespace": "ns", "name": "b"}}
    api.put(budget, status={"disruptionsAllowed": 0})
    uid = pod["metadata"]["uid"]
    with pytest.raises(TooManyRequests):
        await kube.evict("ns", "p", uid=uid)
    api.put(budget, status={"disruptionsAllowed": 1})
    with pytest.raises(Conflict):
        await kube.evict("ns", "p", uid="another")
    assert await kube.evict("ns", "p", uid=uid)
    assert not await kube.evict("ns", "p", uid=uid)
    assert await kube.get(PODS, "ns", "p") is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, Refused), (422, Refused), (429, TooManyRequests), (503, Unreachable)],
)
async def test_answers_have_their_exceptions(
    api: FakeApi, kube: Kube, status: int, error: type[KubeError]
) -> None:
    """Each kind of refusal is told apart, and says what was asked."""
    api.faults.append(lambda _method, _path: Refusal(status, "Because", "of this"))
    with pytest.raises(error, match=r"GET /api/v1/.*: of this") as caught:
        await kube.get(CONFIG_MAPS, "ns", "a")
    assert caught.value.reason == "Because"


async def test_nobody_there_is_unreachable() -> None:
    """A refused connection is an answer in time, and not repeated by the library."""
    client = Kube(KubeAccess.to_address("http://127.0.0.1:9"))
    async with asyncio.timeout(2):
        with pytest.raises(Unreachable):
            await client.get(CONFIG_MAPS, "ns", "a")
    await client.close()


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call has a deadline even when the connection stands."""
    monkeypatch.setattr(kube_module, "DEADLINE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as never_accepts:
        host, port = never_accepts.getsockname()
        client = Kube(KubeAccess.to_address(f"http://{host}:{port}"))
        with pytest.raises(Unreachable):
            await client.get(CONFIG_MAPS, "ns", "a")
        await client.close()


async def test_what_is_no_json_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's page in the place of the API server is quoted in the error."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad\r\nContent-Length: 9\r\nConnection: close\r\n\r\nSorry, no")
        writer.close()

    server = await asyncio.start_server(page, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = Kube(KubeAccess.to_address(f"http://{host}:{port}"))
    with pytest.raises(Unreachable, match="Sorry, no"):
        await client.get(CONFIG_MAPS, "ns", "a")
    server.close()
    await client.close()


def test_a_watch_gives_lines_until_it_ends(api: FakeApi) -> None:
    """Events come as they happen, and the end is an end."""
    api.put(config_map("a"))
    query = [("watch", "true"), ("timeoutSeconds", "0.3")]
    lines = api.access().lines(Call("GET", CONFIG_MAPS.path(), query), 5)
    assert b'"ADDED"' in next(lines)
    api.put(config_map("b"))
    assert b'"b"' in next(lines)
    assert list(lines) == []


def test_unknown_kinds_are_errors_of_ours() -> None:
    """An object the operator's role does not cover is refused before it is sent."""
    with pytest.raises(ValueError, match="Ingress"):
        resource_of("Ingress")


async def test_credentials_that_cannot_be_read_are_no_answer(api: FakeApi) -> None:
    """The library's own exception does not get through: whoever asks tries again, as with any silence."""
    access = api.access()

    def refuse(_configuration: object) -> None:
        raise ConfigException("Service token file does not exist.")

    configuration = access._client.configuration
    configuration.api_key = {"authorization": "Bearer old"}
    configuration.refresh_api_key_hook = refuse
    with pytest.raises(Unreachable, match="token file"):
        access.request(Call("GET", "/api/v1/pods"), 5)
