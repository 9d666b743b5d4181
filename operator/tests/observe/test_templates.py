"""Which templates count beside the spec's: those of pods, and the one that a rollback leads to."""

import json
from typing import Any

from tests.build.clusters import cluster

from raftkeeper_operator.build.pod_template import PodTemplate, build_pod_template
from raftkeeper_operator.build.services import build_client_service
from raftkeeper_operator.observe.kept import read_revisions
from raftkeeper_operator.observe.templates import (
    client_ports_of,
    proven_template,
    target_template,
)

PLAIN = build_pod_template(cluster())
TLS = build_pod_template(cluster({"tls": {"client": {"mode": "Required"}}}))


def kept(*templates: PodTemplate, **data: str) -> dict[str, Any]:
    found = {f"template-{each.revision}": json.dumps(each.template) for each in templates}
    return {"metadata": {"resourceVersion": "1"}, "data": {**found, **data}}


def test_ports_are_those_of_pods_and_of_what_they_become() -> None:
    """While a rollout is under way both, and in the end the new ones alone."""
    assert client_ports_of(TLS.template, {}) == {2281}
    assert client_ports_of(TLS.template, {"zoo-0": PLAIN.template, "zoo-1": TLS.template}) == {
        2181,
        2281,
    }
    assert client_ports_of(PLAIN.template, {"zoo-0": {"spec": {}}}) == {2181}


def test_a_rejected_template_is_not_what_pods_become() -> None:
    """The good one is, and it is the one that backups run with."""
    body = kept(PLAIN, TLS, good=PLAIN.revision, rejected=TLS.revision)
    revisions = read_revisions(body, TLS)
    assert target_template(TLS, revisions, body) == PLAIN.template
    assert proven_template(revisions, body) == PLAIN.template
    body = kept(PLAIN, TLS, good=PLAIN.revision)
    assert target_template(TLS, read_revisions(body, TLS), body) == TLS.template
    assert proven_template(read_revisions(body, TLS), body) == PLAIN.template
    assert target_template(TLS, read_revisions(None, TLS), None) == TLS.template
    assert proven_template(read_revisions(None, TLS), None) is None


def test_a_service_without_pods_follows_the_spec() -> None:
    """As long as nothing runs there is nothing else to follow."""
    spec = {"tls": {"client": {"mode": "Permissive"}}}
    ports = build_client_service(cluster(spec))["spec"]["ports"]
    assert [port["name"] for port in ports] == ["client", "client-tls"]
    ports = build_client_service(cluster(spec, served=frozenset({2181})))["spec"]["ports"]
    assert [port["port"] for port in ports] == [2181]
