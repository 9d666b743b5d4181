"""The operator as a process, against the fake API server: its life from the Lease to the last breath."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.fake_api.objects import Object
from tests.fake_api.server import FakeApi

from raftkeeper_operator.app.failpoints import EXIT_FAILPOINT
from raftkeeper_operator.app.lease import EXIT_LOST

LEASE = ("leases", "operators", "raftkeeper-operator")
CLUSTER = ("raftkeeperclusters", "ns", "zoo")
DEADLINE_S = 40.0
"""Starting Python with all its modules takes a second, or ten on a busy machine."""


class Operator:
    """One process."""

    def __init__(self, directory: Path, api: FakeApi, *flags: str) -> None:
        user = {"name": "test", "user": {}}
        cluster = {"name": "test", "cluster": {"server": api.url}}
        context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [cluster],
            "contexts": [context],
            "users": [user],
        }
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config))
        self.log = directory / f"log-{time.monotonic_ns()}"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "raftkeeper_operator",
                    "--lease-namespace=operators",
                    "--listen=127.0.0.1",
                    "--port=0",
                    *flags,
                ],
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdout=out,
                stderr=out,
            )

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until it holds, while the process lives."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def ends_with(self) -> int:
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def start(tmp_path: Path, api: FakeApi) -> Iterator[Callable[..., Operator]]:
    """Starts operators, and ends those that are left over."""
    started: list[Operator] = []

    def begin(*flags: str) -> Operator:
        started.append(Operator(tmp_path, api, *flags))
        return started[-1]

    yield begin
    for operator in started:
        operator.process.kill()
        operator.process.wait(DEADLINE_S)


def ask_for_cluster(api: FakeApi) -> None:
    meta = {"namespace": "ns", "name": "zoo"}
    kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
    api.put({**kind, "metadata": meta, "spec": {"replicas": 3}})


def there(api: FakeApi, *key: str) -> bool:
    return key in api.objects.by_key


def cluster(api: FakeApi) -> Object:
    return api.objects.get(CLUSTER)


def holder(api: FakeApi) -> str:
    lease = api.objects.by_key.get(LEASE, {"spec": {}})
    return str(lease["spec"].get("holderIdentity") or "")


@pytest.mark.timeout(180)
def test_a_life(api: FakeApi, start: Callable[..., Operator]) -> None:
    """Lease, cluster, change, deletion, end: with one process, and in time."""
    operator = start("--identity=one")
    operator.wait_for(lambda: holder(api) == "one")
    ask_for_cluster(api)
    operator.wait_for(lambda: there(api, "statefulsets", "ns", "zoo"))
    operator.wait_for(
        lambda: cluster(api)["metadata"].get("finalizers") == ["raftkeeper.io/finalizer"]
    )
    operator.wait_for(lambda: "plan" in cluster(api).get("status", {}))

    # A change of the spec is heard of at once; an owned object by its stream.
    api.objects.merge(CLUSTER, {"spec": {"paused": True}}, status=False)
    operator.wait_for(lambda: cluster(api)["status"]["plan"]["reason"] == "Paused")
    api.objects.merge(CLUSTER, {"spec": {"paused": False}}, status=False)
    operator.wait_for(lambda: cluster(api)["status"]["plan"]["reason"] == "Bootstrapping")

    # Nobody here plays the controller, whose word is waited for.
    pool = ("statefulsets", "ns", "zoo")
    api.objects.get(pool)["status"] = {"observedGeneration": 1}
    api.objects.touch(pool)
    api.objects.delete(CLUSTER, {})
    deleted = time.monotonic()
    operator.wait_for(lambda: not there(api, *CLUSTER))
    assert time.monotonic() - deleted < 5

    told = time.monotonic()
    operator.process.send_signal(signal.SIGTERM)
    assert operator.ends_with() == 0, operator.log.read_text()
    assert time.monotonic() - told < 15
    assert holder(api) == ""
    assert "Traceback" not in operator.log.read_text()


@pytest.mark.timeout(180)
def test_it_annotates_nothing_on_the_cluster(api: FakeApi, start: Callable[..., Operator]) -> None:
    """The framework keeps nothing of its own on people's objects."""
    ask_for_cluster(api)
    operator = start()
    operator.wait_for(lambda: there(api, "statefulsets", "ns", "zoo"))
    assert not cluster(api)["metadata"].get("annotations")
    assert set(cluster(api).get("status", {})) & {"kopf"} == set()


@pytest.mark.timeout(180)
def test_a_standby_takes_over_and_goes_on(api: FakeApi, start: Callable[..., Operator]) -> None:
    """One that is killed leaves the rest to the other."""
    ask_for_cluster(api)
    one = start("--identity=one", "--failpoint=after:CreateFounding")
    assert one.ends_with() == EXIT_FAILPOINT
    assert there(api, "configmaps", "ns", "zoo-founding")
    assert not there(api, "statefulsets", "ns", "zoo")
    two = start("--identity=two")
    two.wait_for(lambda: holder(api) == "two")
    two.wait_for(lambda: there(api, "statefulsets", "ns", "zoo"))


@pytest.mark.timeout(180)
def test_a_lost_lease_ends_the_process(api: FakeApi, start: Callable[..., Operator]) -> None:
    """Whoever has it now is alone."""
    operator = start("--identity=one")
    operator.wait_for(lambda: holder(api) == "one")
    api.objects.merge(LEASE, {"spec": {"holderIdentity": "two"}}, status=False)
    assert operator.ends_with() == EXIT_LOST
    assert holder(api) == "two"


@pytest.mark.timeout(180)
def test_a_standby_ends_when_it_is_told(api: FakeApi, start: Callable[..., Operator]) -> None:
    """Waiting for the Lease is no reason to stay, and nothing of another's is touched."""
    meta = {"namespace": "operators", "name": "raftkeeper-operator"}
    spec = {"holderIdentity": "two", "leaseDurationSeconds": 3600}
    api.put({"kind": "Lease", "metadata": meta, "spec": spec})
    operator = start("--identity=one")
    operator.wait_for(lambda: b"lease.waiting" in operator.log.read_bytes())
    operator.process.send_signal(signal.SIGTERM)
    assert operator.ends_with() == 0
    assert holder(api) == "two"


@pytest.mark.timeout(180)
def test_what_is_wrong_at_the_start_is_said(api: FakeApi, start: Callable[..., Operator]) -> None:
    """One line and an exit code that no restart can cure."""
    operator = start("--failpoint=sometimes")
    assert operator.ends_with() == 78
    assert "is no failpoint" in operator.log.read_text()
