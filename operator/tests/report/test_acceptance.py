"""SpecAccepted: what is left out of the spec is said, and a missing Secret is a certificate's matter."""

from dataclasses import replace
from typing import Any

import pytest
from tests.build.clusters import cluster
from tests.decide.picture import well

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.build.pod_template import build_pod_template
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.secret_names import NamedSecrets
from raftkeeper_operator.observe.snapshot import Refusal
from raftkeeper_operator.report.acceptance import judge_acceptance
from raftkeeper_operator.report.conditions import Verdict

VALID: Verdict = ("CertificatesValid", "True", "CertificatesCurrent", "good for a while")


def seen(**overlay: object) -> Observation:
    return seen_of({"podTemplate": {"spec": overlay}})


def seen_of(spec: dict[str, Any]) -> Observation:
    blueprint = cluster(spec)
    template = build_pod_template(blueprint)
    return Observation(well(), {"metadata": {}}, blueprint, template, Objects())


def test_a_spec_in_use_is_accepted() -> None:
    """Nothing is ignored, nothing is in the way."""
    found = judge_acceptance([VALID], seen(), None)
    assert [verdict[:3] for verdict in found] == [
        VALID[:3],
        ("SpecAccepted", "True", "SpecFollowed"),
    ]


def test_ignored_fields_are_named() -> None:
    """With their paths, so that they can be taken out."""
    (verdict,) = judge_acceptance([], seen(hostNetwork=True), None)
    assert verdict[1:3] == ("False", "FieldsIgnored")
    assert "spec.hostNetwork" in verdict[3]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"services": {"client": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}},
            "nobody is kept out of this ClusterIP",
        ),
        ({"networkPolicy": {"clients": [{"podSelector": {}}]}}, "networkPolicy.clients"),
        ({"networkPolicy": {"monitoring": [{"podSelector": {}}]}}, "networkPolicy.monitoring"),
        (
            {"raft": {"snapshotsRetained": 9}, "keeper": {"extra": {"snapshot.retain": "5"}}},
            "snapshot.retain outranks",
        ),
        (
            {
                "keeper": {
                    "linearizableReads": True,
                    "extra": {"client.linearizable_reads": "false"},
                }
            },
            "client.linearizable_reads outranks",
        ),
    ],
)
def test_fields_that_do_nothing_are_named(spec: dict[str, Any], words: str) -> None:
    """Whoever wrote them believes that they hold."""
    (verdict,) = judge_acceptance([], seen_of(spec), None)
    assert verdict[1:3] == ("False", "FieldsIgnored")
    assert words in verdict[3]


@pytest.mark.parametrize(
    "spec",
    [
        {"services": {"client": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["::/0"]}}},
        {"networkPolicy": {"enabled": True, "clients": [{"podSelector": {}}]}},
        # Nobody has set the field of the spec, or to the same.
        {"keeper": {"extra": {"snapshot.retain": "5", "client.outstanding_max": "9"}}},
        {"raft": {"snapshotsRetained": 9}, "keeper": {"extra": {"snapshot.retain": "9"}}},
        {"logging": {"level": "debug"}, "keeper": {"extra": {"log.level": "debug"}}},
    ],
)
def test_fields_that_hold_are_accepted(spec: dict[str, Any]) -> None:
    """No word where nothing is lost."""
    (verdict,) = judge_acceptance([], seen_of(spec), None)
    assert verdict[1] == "True"


def test_a_label_that_no_node_bears_is_told() -> None:
    """Members were spread by nothing. A Kubernetes without zones is none of a spec that names no label."""
    custom = seen_of({"placement": {"topologyKey": "example.test/rack"}})
    (verdict,) = judge_acceptance([], replace(custom, without_zones=True), None)
    assert "no node bears the label example.test/rack" in verdict[3]
    for accepted in (custom, replace(seen(), without_zones=True)):
        (verdict,) = judge_acceptance([], accepted, None)
        assert verdict[1] == "True"


def test_objects_that_cannot_be_read_are_told_where_they_are_wanted() -> None:
    """With what the API server says."""
    broken = Objects(unreadable={"ServiceMonitor": "no", "Certificate": "no"})
    monitored = seen_of({"monitoring": {"serviceMonitor": True}})
    (verdict,) = judge_acceptance([], replace(monitored, objects=broken), None)
    assert verdict[3] == "ServiceMonitor: cannot be read, so it is neither made nor changed: no"
    (verdict,) = judge_acceptance([], replace(seen(), objects=broken), None)
    assert verdict[1] == "True"


def test_a_strangers_object_is_told() -> None:
    """With the executor's sentence."""
    report = Report(Result.REFUSED, "Service zoo is there", foreign=True)
    (verdict,) = judge_acceptance([], seen(), report)
    assert verdict[2:] == ("ForeignObject", "Service zoo is there")


def test_a_strangers_object_is_told_while_nobody_tries() -> None:
    """The action is left out for a while, and nothing has changed by that."""
    refused = (Refusal("one", "no"), Refusal("two", "StatefulSet zoo-b is there", foreign=True))
    tried = seen()
    tried = replace(tried, snapshot=replace(tried.snapshot, refused=refused))
    (verdict,) = judge_acceptance([], tried, None)
    assert verdict[2:] == ("ForeignObject", "StatefulSet zoo-b is there")


def test_a_missing_secret_makes_certificates_invalid() -> None:
    """Whatever the operator's own certificates are like."""
    secrets = NamedSecrets(missing=("Secret door is not there",))
    missing = replace(seen(), named_secrets=secrets)
    found = judge_acceptance([VALID], missing, None)
    assert ("CertificatesValid", "False", "CertificateMissing", "Secret door is not there") in found
    assert VALID not in found
    old = replace(seen(), named_secrets=replace(secrets, expired=("Secret gate has expired",)))
    found = judge_acceptance([VALID], old, None)
    assert ("CertificatesValid", "False", "CertificateExpired", "Secret gate has expired") in found
