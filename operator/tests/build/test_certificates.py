"""cert-manager's Certificates: made where an issuer is named, in the place of the operator's own."""

from typing import Any

from tests.build.clusters import cluster

from raftkeeper_operator.build.blueprint import Object
from raftkeeper_operator.build.ordinary import unwanted_objects, wanted_objects
from raftkeeper_operator.build.pod_template import build_pod_template

PEER: dict[str, Any] = {"tls": {"peer": {"issuerRef": {"name": "ours"}}}}
BOTH: dict[str, Any] = {
    "tls": {
        "peer": {"issuerRef": {"name": "ours"}},
        "client": {"mode": "Required", "issuerRef": {"name": "public", "kind": "ClusterIssuer"}},
    }
}


def certificates(objects: tuple[Object, ...]) -> dict[str, Object]:
    return {
        item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "Certificate"
    }


def secrets_of(spec: dict[str, Any]) -> dict[str, str]:
    volumes = build_pod_template(cluster(spec)).template["spec"]["volumes"]
    return {item["name"]: item["secret"]["secretName"] for item in volumes if "secret" in item}


def test_issuer_signs_in_the_operators_place() -> None:
    """For the names by which members and the Service are reached; pods mount what comes of it."""
    blueprint = cluster(BOTH)
    made = certificates(wanted_objects(blueprint))
    assert set(made) == {"zoo-tls-peer", "zoo-tls-client"}
    peer, client = made["zoo-tls-peer"], made["zoo-tls-client"]
    assert peer["issuerRef"] == {"name": "ours", "kind": "Issuer", "group": "cert-manager.io"}
    assert client["issuerRef"]["kind"] == "ClusterIssuer"
    assert set(peer["dnsNames"]) == {
        "*.zoo-members.default.svc",
        "*.zoo-members.default.svc.cluster.local",
        "zoo-members.default.svc",
    }
    assert "client auth" in peer["usages"]
    assert "zoo.default.svc" in client["dnsNames"]
    mounted = secrets_of(BOTH)
    assert (mounted["peer-tls"], mounted["client-tls"]) == ("zoo-tls-peer", "zoo-tls-client")
    assert not blueprint.issues_certificates


def test_what_no_issuer_signs_stays_the_operators() -> None:
    """And Certificates of an earlier spec are no longer wanted."""
    assert certificates(wanted_objects(cluster())) == {}
    assert set(certificates(unwanted_objects(cluster()))) == {"zoo-tls-peer", "zoo-tls-client"}
    mixed = cluster({"tls": {**PEER["tls"], "client": {"mode": "Permissive"}}})
    assert set(certificates(wanted_objects(mixed))) == {"zoo-tls-peer"}
    assert mixed.issues_certificates
    assert mixed.client_tls_secret == "zoo-tls"
