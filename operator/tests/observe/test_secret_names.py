"""Secrets that the spec names: missed, found without a key, or in order."""

from typing import Any

from tests.build.clusters import EVERYTHING, cluster
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.secret_names import find_missing_secrets


def put_secret(api: FakeApi, name: str, *keys: str) -> None:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "default", "name": name},
        "data": dict.fromkeys(keys, "eA=="),
    }
    api.put(body)


async def test_what_a_spec_names_must_be_there(api: FakeApi, kube: Kube) -> None:
    """Each that is missing or lacks a key is said with the field that names it."""
    blueprint = cluster(EVERYTHING)
    assert await find_missing_secrets(kube, blueprint) == (
        "Secret client-cert (spec.tls.client.secretName) is not there",
        "Secret super (spec.auth.superDigest) is not there",
    )
    put_secret(api, "client-cert", "tls.crt", "tls.key")
    put_secret(api, "super", "digest")
    assert await find_missing_secrets(kube, blueprint) == (
        "Secret client-cert (spec.tls.client.secretName) lacks ca.crt",
    )


async def test_a_spec_that_names_none_asks_for_none(api: FakeApi, kube: Kube) -> None:
    """The operator's own Secrets are no business of this check, and cost no request."""
    assert await find_missing_secrets(kube, cluster()) == ()
    assert api.requests == []
