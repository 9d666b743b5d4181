"""Kubernetes' objects as values: what is missing, odd or broken is read for what it is."""

from typing import Any

import pytest

from raftkeeper_operator.api import labels
from raftkeeper_operator.observe.differences import contains, was_applied, with_digest
from raftkeeper_operator.observe.fields import milliseconds, ordinal_of, size
from raftkeeper_operator.observe.infrastructure import Ground, GroundNode, read_node
from raftkeeper_operator.observe.members import read_status
from raftkeeper_operator.observe.pools import read_pod, read_pool
from raftkeeper_operator.observe.volumes import (
    Place,
    Storage,
    is_member_claim,
    read_place,
    read_volume,
)


def pod(**status: Any) -> dict[str, Any]:
    meta = {"name": "zoo-a-2", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": {"nodeName": "node1"}, "status": status}


def container(**states: Any) -> dict[str, Any]:
    return {"name": "raftkeeper", **states}


def test_a_pod_is_matched_by_its_name() -> None:
    """Pool and ordinal are in it, and a zone is its node's."""
    seen = read_pod(pod(), {"node1": "zone-1"}, None)
    assert (seen.pool, seen.ordinal, seen.zone) == ("zoo-a", 2, "zone-1")
    assert not seen.ready
    assert seen.unready_since_ms == seen.created_ms == milliseconds("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({}, ""),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk pressure"}, "disk pressure"),
        ({"containerStatuses": [container(state={"running": {}})]}, ""),
        (
            {"containerStatuses": [container(state={"waiting": {"reason": "ContainerCreating"}})]},
            "",
        ),
        (
            {
                "containerStatuses": [
                    container(state={"waiting": {"reason": "ErrImagePull", "message": "no\nsuch"}})
                ]
            },
            "ErrImagePull: no",
        ),
        (
            {
                "containerStatuses": [
                    container(
                        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                        lastState={"terminated": {"exitCode": 1, "message": "bad setting\n"}},
                    )
                ]
            },
            "CrashLoopBackOff: bad setting",
        ),
        ({"containerStatuses": [container(state={"terminated": {"exitCode": 3}})]}, "exit code 3"),
        (
            {"initContainerStatuses": [{"state": {"terminated": {"exitCode": 0}}}]},
            "",
        ),
    ],
)
def test_trouble_is_said_in_the_kubelets_words(status: dict[str, Any], trouble: str) -> None:
    """What a person needs to see first; what passes by itself is none."""
    assert read_pod(pod(**status), {}, None).trouble == trouble


def test_a_pod_that_no_node_takes_says_why() -> None:
    """In the scheduler's words."""
    found = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}
    assert read_pod(pod(conditions=[found]), {}, None).unschedulable == "no"


def claim(**spec: Any) -> dict[str, Any]:
    meta = {
        "name": "data-zoo-a-0",
        "uid": "u",
        "labels": {labels.CLUSTER_UID: "uid", labels.MEMBER: "7"},
        "annotations": {labels.RETIRED_AT: "100"},
    }
    return {"metadata": meta, "spec": {"volumeName": "pv", **spec}, "status": {"phase": "Bound"}}


def test_a_local_volume_is_lost_with_its_node() -> None:
    """Only when the nodes are known and its own is not among them."""
    pinned = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [pinned]}]}
    place = read_place({"spec": {"nodeAffinity": {"required": terms}}})
    assert place.hosts == {"node1"}
    for hosts, lost in ((frozenset({"node1"}), False), (frozenset({"node2"}), True), (None, False)):
        volume = read_volume(claim(), "uid", Storage({"pv": place}, hosts, {}))
        assert volume.lost is lost
    anywhere = read_volume(claim(), "uid", Storage({"pv": Place()}, frozenset({"node2"}), {}))
    assert not anywhere.lost


def test_a_volumes_zone_is_by_the_label_that_names_nodes_zones() -> None:
    """Else a volume would lie in a zone that no node is in, and a lost disk would wait for it for ever."""
    rack = {"key": "example.test/rack", "operator": "In", "values": ["r1"]}
    zone = {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "In", "values": ["z1"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [zone, rack]}]}
    storage = Storage({"pv": read_place({"spec": {"nodeAffinity": {"required": terms}}})}, None, {})
    assert read_volume(claim(), "uid", storage).zone == "z1"
    assert read_volume(claim(), "uid", storage, "example.test/rack").zone == "r1"
    assert read_volume(claim(), "uid", storage, "example.test/other").zone == ""


def test_a_claim_says_whose_it_is() -> None:
    """Member, owner and quarantine come from its labels."""
    storage = Storage({}, None, {"fast": True})
    volume = read_volume(claim(storageClassName="fast"), "uid", storage)
    assert (volume.pool, volume.ordinal, volume.member_id) == ("zoo-a", 0, 7)
    assert (volume.owned, volume.expandable, volume.retired_ms) == (True, True, 100_000)
    assert not read_volume(claim(), "another", storage).owned


def test_a_log_claim_is_its_members_as_well() -> None:
    """Told apart by its name; other claims that bear the cluster's label are nobody's."""
    body = claim()
    assert is_member_claim(body)
    body["metadata"]["name"] = "log-zoo-a-0"
    volume = read_volume(body, "uid", Storage({}, None, {}))
    assert (volume.is_log, volume.pool, volume.ordinal) == (True, "zoo-a", 0)
    for name in ("backups", "backups-zoo-a-0", "data", "log-of-mine", "data-zoo-x"):
        assert not is_member_claim({"metadata": {"name": name}})


def test_a_pool_says_the_size_of_each_of_its_volumes() -> None:
    """By the names of its claim templates."""

    def template(name: str, size: str) -> dict[str, Any]:
        spec = {"resources": {"requests": {"storage": size}}}
        return {"metadata": {"name": name}, "spec": spec}

    spec = {"volumeClaimTemplates": [template("log", "1Ki"), template("data", "2Ki")]}
    pool = read_pool({"metadata": {"name": "zoo"}, "spec": spec}, current=True)
    assert (pool.storage_bytes, pool.log_bytes) == (2048, 1024)


def test_what_kubernetes_would_delete_with_a_pool_is_seen() -> None:
    """By the pool's own policy, and by the owners that it has given to claims; a person's is none."""
    meta = {"name": "zoo", "generation": 2}
    spec = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
    pool = read_pool({"metadata": meta, "spec": spec}, current=True)
    assert (pool.deletes_volumes, pool.observed) == (True, False)
    status = {"observedGeneration": 2}
    pool = read_pool({"metadata": meta, "spec": {}, "status": status}, current=True)
    assert (pool.deletes_volumes, pool.observed) == (False, True)
    body = claim()
    for kind, tied_to in (("Backup", set()), ("StatefulSet", {"u"})):
        body["metadata"]["ownerReferences"] = [{"kind": kind, "uid": "u"}]
        assert read_volume(body, "uid", Storage({}, None, {})).tied_to == tied_to


def test_a_failed_growth_is_seen() -> None:
    """As the storage says it."""
    body = claim()
    body["status"]["allocatedResourceStatuses"] = {"storage": "NodeResizeInfeasible"}
    assert read_volume(body, "uid", Storage({}, None, {})).resize_trouble == "NodeResizeInfeasible"


def test_only_nodes_that_take_pods_make_a_zone_live() -> None:
    """Not ready, cordoned or going: its pods cannot come back there now."""

    def node(name: str, zone: str, ready: str = "True", **spec: Any) -> GroundNode:
        return read_node(
            {
                "metadata": {"name": name, "labels": {"zone": zone}},
                "spec": spec,
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            }
        )

    ground = Ground(
        (node("n1", "a"), node("n2", "b", "Unknown"), node("n3", "c", unschedulable=True)),
        known=True,
    )
    assert ground.live_zones("zone") == {"a"}
    assert ground.zones("zone") == {"n1": "a", "n2": "b", "n3": "c"}
    assert ground.hosts() == {"n1", "n2", "n3"}
    assert Ground().hosts() is None


def test_a_node_that_says_little_is_understood() -> None:
    """One that starts, or of another version."""
    status = read_status({})
    assert (status.state, status.member_id, status.free_bytes) == ("starting", 0, -1)
    assert read_status({"disk": {"free_bytes": 0}}).free_bytes == 0
    assert read_status({"disk": {"log_free_bytes": 7}}).log_free_bytes == 7


@pytest.mark.parametrize(("text", "value"), [("", 0), (None, 0), ("nonsense", 0), ("1Gi", 1 << 30)])
def test_sizes_that_cannot_be_read_are_none(text: object, value: int) -> None:
    """As are times and ordinals."""
    assert size(text) == value
    assert milliseconds("nonsense") == 0
    assert ordinal_of("zoo") == -1


def test_what_is_there_beside_ours_is_not_ours_to_judge() -> None:
    """Defaults of the server and additions of others are no difference; a change of ours is."""
    desired = {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 1}], "none": {}}}
    actual = {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 1, "nodePort": 5}], "more": 1}}
    assert contains(actual, desired)
    assert not contains({**actual, "spec": {"ports": []}}, desired)
    assert not contains({**actual, "spec": {"ports": [{"port": 2}]}}, desired)
    assert was_applied(desired, with_digest(desired))
    assert not was_applied({**desired, "spec": {}}, with_digest(desired))
