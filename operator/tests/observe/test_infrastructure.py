"""Nodes and storage: read by one for all, page by page, and little of it kept."""

import asyncio
import tracemalloc
from typing import Any

import pytest
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe import infrastructure as infrastructure_module
from raftkeeper_operator.observe.infrastructure import FRESH_S, RETRY_S, Infrastructure, read_node

NODES_PATH = "/api/v1/nodes"
IMAGE = {"names": ["example.test/image@sha256:0123456789abcdef"], "sizeBytes": 1}


def node(number: int) -> dict[str, Any]:
    """Of some 13 KB, as a kubelet that keeps fifty images writes it."""
    labels = {
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "kubernetes.io/hostname": f"n{number}",
    }
    labels |= {f"example.test/label-{index}": "the same everywhere" for index in range(20)}
    names = [f"{name}-{number}" for name in IMAGE["names"] * 4]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"n{number}", "labels": labels},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [{"names": names, "sizeBytes": index} for index in range(50)],
        },
    }


def asked(api: FakeApi, path: str) -> int:
    return sum(1 for _, each in api.requests if each == path)


async def test_all_clusters_lean_on_one_reading(api: FakeApi, kube: Kube) -> None:
    """However many look at once, and again only when it is no longer fresh."""
    api.put(node(1))
    now = [0.0]
    ground = Infrastructure(kube, lambda: now[0])
    found = await asyncio.gather(*(ground.ground() for _ in range(8)))
    assert asked(api, NODES_PATH) == 1
    assert {each.zones("topology.kubernetes.io/zone")["n1"] for each in found} == {"zone-1"}
    now[0] += FRESH_S
    await asyncio.gather(ground.ground(), ground.storage([]))
    assert asked(api, NODES_PATH) == 2


async def test_those_that_wait_for_a_reading_fail_with_it(api: FakeApi, kube: Kube) -> None:
    """Not one after the other, each with its own deadline; soon after it is tried anew."""
    now = [0.0]
    ground = Infrastructure(kube, lambda: now[0])
    api.faults.append(
        lambda _method, path: Refusal(503, "Down", "etcd is away") if path == NODES_PATH else None
    )
    found = await asyncio.gather(*(ground.ground() for _ in range(8)), return_exceptions=True)
    assert all("etcd is away" in str(error) for error in found)
    assert asked(api, NODES_PATH) == 1
    api.faults.clear()
    now[0] += RETRY_S
    assert (await ground.ground()).known


async def test_nodes_are_read_page_by_page(
    api: FakeApi, kube: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more of them whole in memory than a page holds."""
    monkeypatch.setattr(infrastructure_module, "NODES_PAGE", 2)
    for number in range(5):
        api.put(node(number))
    found = await Infrastructure(kube).ground()
    assert asked(api, NODES_PATH) == 3
    assert found.hosts() == {f"n{number}" for number in range(5)}


async def test_a_thousand_nodes_are_a_few_megabytes() -> None:
    """Kept and while they are read: the operator's memory has a limit, and other work to do."""
    page = infrastructure_module.NODES_PAGE

    class Pages:
        """A Kube that makes each page when it is asked for."""

        async def pages(self, _resource: Any, *, objects: int) -> Any:
            for first in range(0, 1000, objects):
                yield [node(number) for number in range(first, first + objects)]

        async def list_objects(self, _resource: Any) -> list[Any]:
            return []

    kube: Any = Pages()
    read_node(node(0))
    tracemalloc.start()
    try:
        infrastructure = Infrastructure(kube)
        ground = await infrastructure.ground()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ground.nodes) == 1000
    assert kept < 4 << 20, kept
    assert peak < kept + page * (80 << 10), peak


async def test_what_may_not_be_read_is_not_known(api: FakeApi, kube: Kube) -> None:
    """An operator without the ClusterRole: nothing is taken for gone."""
    api.faults.append(
        lambda _method, path: Refusal(403, "Forbidden", "no") if path == NODES_PATH else None
    )
    ground = await Infrastructure(kube).ground()
    assert ground.hosts() is None
    assert ground.states() is None
