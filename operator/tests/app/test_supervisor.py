"""The regular look at all clusters: whom nobody looks after, and whom nobody has to."""

from typing import Any

from tests.fake_api.objects import Object
from tests.fake_api.server import FakeApi

from raftkeeper_operator.api import labels
from raftkeeper_operator.app.health import UNATTENDED_S, Progress
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.settings import read_settings
from raftkeeper_operator.app.supervisor import Supervisor
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.kube import Kube


def put_cluster(api: FakeApi, name: str, **meta: Any) -> Object:
    kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
    return api.put({**kind, "metadata": {"namespace": "ns", "name": name, **meta}, "spec": {}})


async def why_dead_after_looking(api: FakeApi, kube: Kube) -> str:
    now = [1000.0]
    progress = Progress(lambda: now[0])
    supervisor = Supervisor(
        api.access(), read_settings([], {}), Surroundings("sys", "1"), Metrics("1"), progress
    )
    await supervisor.look_around(kube)
    now[0] += UNATTENDED_S + 1
    await supervisor.look_around(kube)
    return progress.why_dead()


async def test_a_cluster_that_waits_for_anothers_finalizer_kills_nobody(
    api: FakeApi, kube: Kube
) -> None:
    """We are done with it: foreground deletion and a pod on a dead node keep it for as long as they like."""
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    put_cluster(api, "going", finalizers=["foregroundDeletion"], **going)
    assert await why_dead_after_looking(api, kube) == ""


async def test_a_cluster_whose_deletion_waits_for_us_has_to_be_looked_after(
    api: FakeApi, kube: Kube
) -> None:
    """As has one that is not being deleted at all."""
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    put_cluster(api, "ours", finalizers=[labels.FINALIZER, "foregroundDeletion"], **going)
    assert "ns/ours" in await why_dead_after_looking(api, kube)
    api.objects.by_key.clear()
    put_cluster(api, "new")
    assert "ns/new" in await why_dead_after_looking(api, kube)
