"""Since when a volume is lost: from the first look that finds its node gone, until one that finds it back."""

from typing import Any

from tests.fake_api.server import FakeApi

from raftkeeper_operator.api import labels
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.infrastructure import Infrastructure
from raftkeeper_operator.observe.observer import Observer
from raftkeeper_operator.observe.resources import Applied

NODE = {"kind": "Node", "metadata": {"name": "node1"}, "status": {}}


async def test_loss_is_counted_while_its_node_is_gone(api: FakeApi, kube: Kube) -> None:
    """One that comes back in between begins anew, and so does an operator."""
    meta = {"namespace": "ns", "name": "zoo"}
    kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
    uid = api.put({**kind, "metadata": meta, "spec": {"replicas": 3}})["metadata"]["uid"]
    match = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [match]}]}
    spec = {"nodeAffinity": {"required": terms}}
    api.put({"kind": "PersistentVolume", "metadata": {"name": "pv"}, "spec": spec})
    marks = {labels.CLUSTER: "zoo", labels.CLUSTER_UID: uid}
    claim = {"namespace": "ns", "name": "data-zoo-0", "labels": marks}
    kind = {"kind": "PersistentVolumeClaim"}
    api.put({**kind, "metadata": claim, "spec": {"volumeName": "pv"}}, status={"phase": "Bound"})
    now_ms = 1_000_000

    def make_observer() -> Observer:
        nothing: Any = None
        infrastructure = Infrastructure(kube, lambda: now_ms / 1000)
        here = Surroundings("operators", "1.0.0")
        return Observer(
            kube, nothing, infrastructure, here, applied=Applied(), clock_ms=lambda: now_ms
        )

    observer, found = make_observer(), []
    for there in (True, False, False, True, False):
        now_ms += 60_000
        api.objects.by_key.pop(("nodes", "", "node1"), None)
        if there:
            api.put(NODE)
        seen = await observer.observe("ns", "zoo")
        assert seen is not None
        (volume,) = seen.snapshot.volumes
        assert volume.lost is not there
        found.append(volume.lost_since_ms)
    assert found == [0, 1_120_000, 1_120_000, 0, 1_300_000]
    now_ms += 60_000
    seen = await make_observer().observe("ns", "zoo")
    assert seen is not None
    assert seen.snapshot.volumes[0].lost_since_ms == 1_360_000
