"""Fixtures for all tests of the operator."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.fake_api.server import FakeApi

from raftkeeper_operator.clients.kube import Kube


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """An API server without objects."""
    with FakeApi() as running:
        yield running


@pytest.fixture
async def kube(api: FakeApi) -> AsyncIterator[Kube]:
    """The client of `api`."""
    client = Kube(api.access())
    yield client
    await client.close()
