"""Secrets that the spec names: missed, found without a key, or in order."""

import base64
from typing import Any

from tests.build.clusters import EVERYTHING, cluster
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.secret_names import NamedSecrets, inspect_named_secrets
from raftkeeper_operator.tls.authority import LEAF_DAYS, issue, make_authority

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
MEMBERS = ("*.zoo-members.default.svc", "zoo-members.default.svc")


def put_certificate(api: FakeApi, name: str, *names: str) -> None:
    authority = make_authority("theirs", NOW_MS)
    made = issue(authority, names, NOW_MS)
    files = {"tls.crt": made.certificate, "tls.key": made.key, "ca.crt": authority.certificate}
    put_secret(api, name, **files)


def put_secret(api: FakeApi, name: str, *keys: str, **files: str) -> None:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in files.items()}
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "default", "name": name},
        "data": dict.fromkeys(keys, "eA==") | data,
    }
    api.put(body)


async def test_what_a_spec_names_must_be_there(api: FakeApi, kube: Kube) -> None:
    """Each that is missing or lacks a key is said with the field that names it."""
    blueprint = cluster(EVERYTHING)
    assert (await inspect_named_secrets(kube, blueprint, NOW_MS)).missing == (
        "Secret client-cert (spec.tls.client.secretName) is not there",
        "Secret super (spec.auth.superDigest) is not there",
    )
    put_secret(api, "client-cert", "tls.crt", "tls.key")
    put_secret(api, "super", "digest")
    assert (await inspect_named_secrets(kube, blueprint, NOW_MS)).missing == (
        "Secret client-cert (spec.tls.client.secretName) lacks ca.crt",
    )


async def test_a_spec_that_names_none_asks_for_none(api: FakeApi, kube: Kube) -> None:
    """The operator's own Secrets are no business of this check, and cost no request."""
    assert await inspect_named_secrets(kube, cluster(), NOW_MS) == NamedSecrets()
    assert api.requests == []


async def test_a_certificate_of_somebody_else_is_looked_at(api: FakeApi, kube: Kube) -> None:
    """Readable, good for the names by which members are reached, and not expired."""
    blueprint = cluster({"tls": {"peer": {"secretName": "theirs"}}})
    put_secret(api, "theirs", "tls.crt", "tls.key", "ca.crt")
    seen = await inspect_named_secrets(kube, blueprint, NOW_MS)
    assert seen.missing == ("Secret theirs (spec.tls.peer.secretName): tls.crt is no certificate",)
    put_certificate(api, "theirs", *MEMBERS)
    seen = await inspect_named_secrets(kube, blueprint, NOW_MS)
    (sentence,) = seen.missing
    assert sentence.endswith("is not good for zoo-0.zoo-members.default.svc.cluster.local")
    put_certificate(api, "theirs", *MEMBERS, "*.zoo-members.default.svc.cluster.local")
    assert await inspect_named_secrets(kube, blueprint, NOW_MS) == NamedSecrets()
    later_ms = NOW_MS + (LEAF_DAYS + 1) * DAY_MS
    seen = await inspect_named_secrets(kube, blueprint, later_ms)
    assert seen.expired == (
        "Secret theirs (spec.tls.peer.secretName): its certificate has expired",
    )


async def test_an_issuers_secret_is_waited_for_with_the_reason(api: FakeApi, kube: Kube) -> None:
    """It takes cert-manager a moment; where there is no cert-manager nobody will make it."""
    blueprint = cluster({"tls": {"peer": {"issuerRef": {"name": "ours"}}}})
    (sentence,) = (await inspect_named_secrets(kube, blueprint, NOW_MS)).missing
    assert sentence == "Secret zoo-tls-peer (spec.tls.peer.issuerRef) is not there"
    seen = await inspect_named_secrets(kube, blueprint, NOW_MS, issuers=False)
    assert "this Kubernetes has no cert-manager" in seen.missing[0]
    put_certificate(api, "zoo-tls-peer", *MEMBERS, "*.zoo-members.default.svc.cluster.local")
    assert await inspect_named_secrets(kube, blueprint, NOW_MS) == NamedSecrets()
