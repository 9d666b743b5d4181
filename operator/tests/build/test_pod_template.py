"""The pods: one revision for all pools, pinned to their zones, restricted."""

import copy
from typing import Any

import pytest
from tests.build.clusters import EVERYTHING, cluster

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.backup import BackupSource
from raftkeeper_operator.build.blueprint import Object
from raftkeeper_operator.build.pod_template import build_pod_template, for_pool
from raftkeeper_operator.build.stateful_set import build_stateful_set

RESTORE = BackupSource.model_validate({"volume": {"claimName": "backups"}, "file": "nightly"})


def pods(spec: dict[str, Any], zone: str | None = None, **more: Any) -> Object:
    blueprint = cluster(spec, **more)
    made = build_pod_template(blueprint)
    return for_pool(blueprint, made.template, made.revision, zone)


def test_all_pools_have_one_revision() -> None:
    """What a zone adds to the pods is no part of the revision."""
    one, other = pods(EVERYTHING, "a"), pods(EVERYTHING, "b")
    revisions = [each["metadata"]["annotations"][labels.REVISION] for each in (one, other)]
    assert revisions[0] == revisions[1]
    assert one != other


def test_for_pool_leaves_the_template_alone() -> None:
    """A kept template serves every pool, so none may write into it."""
    blueprint = cluster(EVERYTHING)
    made = build_pod_template(blueprint)
    before = copy.deepcopy(made.template)
    for_pool(blueprint, made.template, made.revision, "a")
    assert made.template == before


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        ({"replicas": 5}, False),
        ({"storage": {"data": {"size": "20Gi"}}}, False),
        ({"paused": True}, False),
        ({"upgrade": {"minHealthySeconds": 1}}, False),
        ({"version": "0.1.1"}, True),
        ({"logging": {"level": "debug"}}, True),
        ({"resources": {"limits": {"memory": "2Gi"}}}, True),
        ({"tls": {"client": {"mode": "Permissive"}}}, True),
    ],
)
def test_only_what_pods_see_makes_a_revision(spec: dict[str, Any], *, changes: bool) -> None:
    """A rollout begins for a change of image or configuration, and for nothing else."""
    assert (build_pod_template(cluster(spec)) != build_pod_template(cluster())) is changes


def test_log_volume_lies_where_the_node_has_its_log() -> None:
    """Below the folder, which is a subPath then: a mount point that the runtime makes is root's. The
    container that restores a backup sees the same.
    """
    made = pods({"storage": {"log": {}}}, restore=RESTORE)["spec"]
    (node,), (restore,) = made["containers"], made["initContainers"]
    expected = [
        {"name": "data", "mountPath": "/var/lib/raftkeeper/data", "subPath": "data"},
        {"name": "log", "mountPath": "/var/lib/raftkeeper/data/log"},
    ]
    assert node["volumeMounts"][:2] == restore["volumeMounts"][:2] == expected


def test_a_restart_is_a_revision() -> None:
    """Another value of the restart annotation restarts the members one by one."""
    again = build_pod_template(cluster(restart="2"))
    assert again.revision != build_pod_template(cluster(restart="1")).revision


def test_zone_is_required_in_every_term() -> None:
    """Terms of a node affinity are alternatives, so each of them is pinned to the zone."""
    terms = [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}, {}]
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    }
    made = pods(
        {
            "placement": {"zones": ["a", "b", "c"]},
            "podTemplate": {"spec": {"affinity": affinity}},
        },
        "b",
    )
    required = made["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    in_zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b"]}
    assert [in_zone in term["matchExpressions"] for term in required["nodeSelectorTerms"]] == [
        True,
        True,
    ]
    assert made["spec"]["affinity"]["podAntiAffinity"]


def test_zone_reaches_the_node() -> None:
    """A member knows its zone where zones are listed, for the preference of leaders."""
    made = pods({"placement": {"zones": ["a", "b", "c"]}}, "c")
    environment = {item["name"]: item.get("value") for item in made["spec"]["containers"][0]["env"]}
    assert environment["RAFTKEEPER__ENSEMBLE__ZONE"] == "c"
    assert made["metadata"]["labels"][labels.POOL] == "c"


def test_preferred_zones_never_block() -> None:
    """With Preferred a pod runs in another zone rather than nowhere."""
    made = pods({"placement": {"zones": ["a", "b", "c"], "zonePolicy": "Preferred"}}, "a")
    assert list(made["spec"]["affinity"]["nodeAffinity"]) == [
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]


def test_spreading_is_as_strict_as_asked() -> None:
    """Without listed zones the scheduler spreads; strictly only if the spec says so."""
    for policy, word in ((None, "ScheduleAnyway"), ("Required", "DoNotSchedule")):
        placement = {"zonePolicy": policy} if policy else {}
        (spread,) = pods({"placement": placement})["spec"]["topologySpreadConstraints"]
        assert spread["whenUnsatisfiable"] == word


def test_anti_affinity_can_be_disabled() -> None:
    """A cluster of one node can be tried."""
    assert "affinity" not in pods({"placement": {"nodeAntiAffinity": "Disabled"}})["spec"]


def test_every_pod_is_restricted() -> None:
    """No root, no privileges, no writable image, no token of the API."""
    for spec in (pods({}), pods(EVERYTHING, "a"), pods({}, restore=RESTORE)):
        pod = spec["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"][:1], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_restore_is_no_part_of_the_revision() -> None:
    """When the ensemble is founded the init container goes, and nobody is restarted for it."""
    with_it, without = pods({}, restore=RESTORE), pods({})
    assert [item["name"] for item in with_it["spec"]["initContainers"]] == ["restore"]
    assert with_it["metadata"] == without["metadata"]
    assert "initContainers" not in without["spec"]


def test_pool_digest_tells_what_else_can_be_changed_in_place() -> None:
    """It differs with retention, restore and what pins a zone, and not with replicas or the template."""

    def digest(spec: dict[str, Any], replicas: int = 1, **more: Any) -> str:
        blueprint = cluster(spec, **more)
        made = build_pod_template(blueprint)
        pool = build_stateful_set(
            blueprint, None, replicas=replicas, template=made.template, revision=made.revision
        )
        found: str = pool["metadata"]["annotations"][labels.POOL_DIGEST]
        return found

    assert digest({}) == digest({"logging": {"level": "debug"}}, replicas=2)
    assert digest({}) != digest({"storage": {"retention": {"whenDeleted": "Delete"}}})
    assert digest({}) != digest({}, restore=RESTORE)
    zoned = {"placement": {"zones": ["a"]}}
    preferred = {"placement": {"zones": ["a"], "zonePolicy": "Preferred"}}
    assert digest(zoned) != digest(preferred)
    assert digest({}) == digest({"placement": {"zonePolicy": "Required"}})


def test_plain_port_is_closed_when_tls_is_required() -> None:
    """Required leaves 2281 as the only port of clients."""
    ports = pods({"tls": {"client": {"mode": "Required"}}})["spec"]["containers"][0]["ports"]
    names = [port["name"] for port in ports]
    assert "client-tls" in names
    assert "client" not in names


def test_secrets_of_the_spec_are_mounted() -> None:
    """Certificates that somebody else makes take the place of the operator's."""
    tls = {"peer": {"secretName": "peers"}, "client": {"mode": "Permissive", "secretName": "door"}}
    volumes = {item["name"]: item for item in pods({"tls": tls})["spec"]["volumes"]}
    assert volumes["peer-tls"]["secret"]["secretName"] == "peers"
    assert volumes["client-tls"]["secret"]["secretName"] == "door"


@pytest.mark.parametrize(
    ("spec", "image", "target"),
    [
        ({}, "raftkeeper/raftkeeper:0.1.0", "0.1.0"),
        ({"version": "0.2.0"}, "raftkeeper/raftkeeper:0.2.0", "0.2.0"),
        ({"image": {"repository": "r.test/x", "tag": "dev"}}, "r.test/x:dev", None),
        ({"version": "0.2.0", "image": {"tag": "dev"}}, "raftkeeper/raftkeeper:dev", "0.2.0"),
        ({"image": {"tag": "v1.2.3-slim"}}, "raftkeeper/raftkeeper:v1.2.3-slim", "1.2.3"),
        ({"image": {"tag": "1.2"}}, "raftkeeper/raftkeeper:1.2", None),
        (
            {"image": {"digest": "sha256:" + "0" * 64}},
            "raftkeeper/raftkeeper@sha256:" + "0" * 64,
            None,
        ),
    ],
)
def test_image_is_what_the_spec_leads_to(
    spec: dict[str, Any], image: str, target: str | None
) -> None:
    """A digest outranks a tag, a tag the version; a tag that is no release's says nothing of one."""
    blueprint = cluster(spec)
    assert (blueprint.image, blueprint.target_version) == (image, target)
