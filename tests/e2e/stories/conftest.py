"""What every story has: a cluster that runs, the operator in it, a namespace of its own, and an end at
which everything is written down when it went wrong.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import images
from e2e.access import api_of
from e2e.api import Api, ApiError
from e2e.deadline import wait_for
from e2e.ensemble import Ensemble
from e2e.evidence import collect, outline
from e2e.home import REPOSITORY, home, say
from e2e.load import Load
from e2e.operator_release import NAMESPACE as OPERATOR_NAMESPACE
from e2e.operator_release import Operator
from e2e.provider import Provider, choose
from e2e.skipping import pytest_runtest_call, pytest_runtest_setup

__all__ = ["pytest_runtest_call", "pytest_runtest_setup"]

EVIDENCE = REPOSITORY / "build" / "e2e"
NAMESPACE_TIMEOUT_S = 120
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A cluster: found, or brought up and taken down again (unless KEEP is set).

    Two runs would take each other's namespaces and operator away, so the second waits for the first.
    """
    with (home() / "stories.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run of the stories is under way; waiting for its end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        chosen = choose()
        brought_up = chosen.up()
        yield chosen
        if brought_up and not os.environ.get("KEEP"):
            chosen.down()


@pytest.fixture(scope="session")
def api(provider: Provider) -> Iterator[Api]:
    with api_of(provider.kubectl, provider.kubeconfig) as found:
        yield found


@pytest.fixture(scope="session")
def release(provider: Provider, api: Api) -> Operator:
    images.provide(provider)
    found = Operator(provider, api)
    try:
        found.install()
    except Exception:
        _leave_evidence(api, provider, [OPERATOR_NAMESPACE], EVIDENCE / "operator")
        raise
    return found


@pytest.fixture(scope="session")
def next_image(provider: Provider) -> str:
    """A second version of the node's image, for every node of the cluster."""
    images.provide_next(provider)
    return images.NEXT_NODE_IMAGE


@pytest.fixture
def operator(release: Operator) -> Iterator[Operator]:
    """The operator as it should be, before and after."""
    yield release
    release.scale(2)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, api: Api, provider: Provider) -> Iterator[str]:
    """A namespace of the story's own, in which every pod has to keep to the strictest rules."""
    story = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50]
    name = f"e2e-{story.strip('-')}"
    _remove(api, name)
    api.create("namespaces", None, {"metadata": {"name": name, "labels": RESTRICTED}})
    yield name
    if getattr(request.node, "failed", False):
        _leave_evidence(api, provider, [name, OPERATOR_NAMESPACE], EVIDENCE / name)
    _remove(api, name)


@pytest.fixture
def ensemble(operator: Operator, api: Api, namespace: str) -> Ensemble:
    """A cluster `zoo`, not applied yet."""
    return Ensemble(api, namespace, "zoo", images.NODE_IMAGE)


@pytest.fixture
def load(api: Api, namespace: str) -> Load:
    """Clients, not started yet."""
    return Load(api, namespace)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets the fixtures know how it went."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's own result
    if report.failed:
        item.failed = True  # type: ignore[attr-defined]


def _leave_evidence(api: Api, provider: Provider, namespaces: list[str], target: Path) -> None:
    """All of it in files, and the outline in what the run prints: a CI machine is gone with its files."""
    say(f"what was seen of {namespaces[0]} is in {target}")
    for line in outline(api, namespaces):
        say(line)
    collect(api, namespaces, target)
    provider.collect_logs(target / "nodes")


def _remove(api: Api, name: str) -> None:
    """The clusters first, while their operator lives; then all of it."""
    if api.find("namespaces", None, name) is None:
        return
    try:
        for cluster in api.list("raftkeeperclusters", name):
            api.delete("raftkeeperclusters", name, cluster["metadata"]["name"])
    except ApiError as error:
        if error.status != 404:  # the CRDs are not there yet
            raise
    api.delete("namespaces", None, name)

    def gone() -> bool:
        left = api.find("namespaces", None, name)
        assert left is None, json.dumps(left["status"] if left else {})[:500]
        return True

    wait_for(f"the namespace {name} is gone", gone, timeout_s=NAMESPACE_TIMEOUT_S)
