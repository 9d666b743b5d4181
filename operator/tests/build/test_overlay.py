"""The overlay of pods: merged as a strategic merge, and never over what is the operator's."""

from typing import Any

from tests.build.clusters import cluster

from raftkeeper_operator.build.pod_template import PodTemplate, build_pod_template


def overlaid(overlay: dict[str, Any]) -> PodTemplate:
    return build_pod_template(cluster({"podTemplate": overlay}))


def test_no_overlay_changes_nothing() -> None:
    """An empty overlay leaves the template as it is, and nothing is ignored."""
    made = overlaid({"metadata": {}, "spec": {}})
    assert made == build_pod_template(cluster())
    assert made.ignored == ()


def test_containers_are_merged_by_name() -> None:
    """A variable joins the node's container; another container stands beside it."""
    made = overlaid(
        {
            "spec": {
                "containers": [
                    {"name": "raftkeeper", "env": [{"name": "MALLOC_ARENA_MAX", "value": "2"}]},
                    {"name": "sidecar", "image": "sidecar:1"},
                ]
            }
        }
    )
    node, sidecar = made.template["spec"]["containers"]
    assert sidecar == {"name": "sidecar", "image": "sidecar:1"}
    assert {"name": "MALLOC_ARENA_MAX", "value": "2"} in node["env"]
    assert {"POD_NAME", "RAFTKEEPER__PEER__ADDRESS"} < {item["name"] for item in node["env"]}
    assert made.ignored == ()


def test_what_is_the_operators_is_left_out_and_named() -> None:
    """Image, probes, settings, owned volumes and labels stay, and the overlay's are reported."""
    made = overlaid(
        {
            "metadata": {"labels": {"raftkeeper.io/cluster": "other", "team": "a"}},
            "spec": {
                "hostNetwork": True,
                "volumes": [{"name": "config", "emptyDir": {}}, {"name": "mine", "emptyDir": {}}],
                "containers": [
                    {
                        "name": "raftkeeper",
                        "image": "other:1",
                        "livenessProbe": None,
                        "env": [
                            {"name": "POD_NAME", "value": "x"},
                            {"name": "RAFTKEEPER__LOG__LEVEL", "value": "debug"},
                        ],
                        "volumeMounts": [
                            {"name": "mine", "mountPath": "/var/lib/raftkeeper"},
                            {"name": "mine", "mountPath": "/mine"},
                        ],
                    }
                ],
            },
        }
    )
    assert made.ignored == (
        "metadata.labels[raftkeeper.io/cluster]",
        "spec.containers[raftkeeper].env[POD_NAME]",
        "spec.containers[raftkeeper].env[RAFTKEEPER__LOG__LEVEL]",
        "spec.containers[raftkeeper].image",
        "spec.containers[raftkeeper].livenessProbe",
        "spec.containers[raftkeeper].volumeMounts[/var/lib/raftkeeper]",
        "spec.hostNetwork",
        "spec.volumes[config]",
    )
    plain = build_pod_template(cluster()).template
    node = made.template["spec"]["containers"][0]
    assert node["env"] == plain["spec"]["containers"][0]["env"]
    assert node["image"] == plain["spec"]["containers"][0]["image"]
    assert node["volumeMounts"][-1] == {"name": "mine", "mountPath": "/mine"}
    assert made.template["metadata"]["labels"]["team"] == "a"
    assert made.template["metadata"]["labels"]["raftkeeper.io/cluster"] == "zoo"
    assert made.template["spec"]["volumes"][-1] == {"name": "mine", "emptyDir": {}}


def test_other_fields_are_replaced_or_merged() -> None:
    """Maps are merged, plain lists are replaced as a whole."""
    made = overlaid(
        {
            "spec": {
                "securityContext": {"runAsUser": 5},
                "tolerations": [{"operator": "Exists"}],
                "priorityClassName": "high",
            }
        }
    )
    spec = made.template["spec"]
    assert spec["securityContext"]["runAsUser"] == 5
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["priorityClassName"] == "high"


def test_odd_items_do_not_raise() -> None:
    """What should be a list and is none is left out and named; odd items are the API server's."""
    container = {"name": "raftkeeper", "env": "x", "volumeMounts": [7, {}]}
    made = overlaid({"spec": {"containers": [container]}})
    assert made.ignored == ("spec.containers[raftkeeper].env",)
    assert made.template["spec"]["containers"][0]["volumeMounts"][-2:] == [7, {}]
