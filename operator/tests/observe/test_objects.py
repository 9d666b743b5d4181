"""Objects of a cluster: kinds that others bring may be absent or broken, and nothing stands on them."""

import pytest
from tests.build.clusters import cluster
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients.errors import KubeError
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.objects import read_objects
from raftkeeper_operator.observe.resources import Applied, find_resources

MONITORED = cluster({"monitoring": {"serviceMonitor": True, "prometheusRule": True}})


def refuse(api: FakeApi, status: int, *words: str) -> None:
    def fault(_method: str, path: str) -> Refusal | None:
        asked = any(word in path for word in words)
        return Refusal(status, "Broken", "the webhook does not answer") if asked else None

    api.faults.append(fault)


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_a_broken_kind_of_others_keeps_nobody_from_looking(
    api: FakeApi, kube: Kube, status: int
) -> None:
    """What may not, or cannot, be listed is left as it is; all else is seen and done."""
    refuse(api, status, "cert-manager.io", "servicemonitors")
    objects = await read_objects(kube, "default", "zoo", "0f0e0d0c")
    assert set(objects.unreadable) == {"Certificate", "ServiceMonitor"}
    assert "does not answer" in objects.unreadable["Certificate"]
    assert objects.absent_kinds == frozenset()
    wanted = {each.kind for each in find_resources(MONITORED, objects, Applied())}
    assert "ServiceMonitor" not in wanted
    assert {"Service", "PrometheusRule"} <= wanted


async def test_a_kind_that_nobody_has_installed_is_absent(api: FakeApi, kube: Kube) -> None:
    """Which is another thing: it may be waited for by nobody."""
    refuse(api, 404, "cert-manager.io")
    objects = await read_objects(kube, "default", "zoo", "0f0e0d0c")
    assert objects.absent_kinds == {"Certificate"}
    assert objects.unreadable == {}


async def test_a_kind_of_our_own_must_be_read(api: FakeApi, kube: Kube) -> None:
    """Without it nothing could be decided."""
    refuse(api, 503, "statefulsets")
    with pytest.raises(KubeError):
        await read_objects(kube, "default", "zoo", "0f0e0d0c")
