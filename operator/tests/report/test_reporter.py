"""What is written and counted: a spec that cannot be used, a cluster that sleeps."""

from dataclasses import replace
from typing import Any

from tests.build.clusters import cluster
from tests.decide.picture import leaderless, want, well
from tests.fake_api.objects import Object
from tests.fake_api.server import FakeApi

from raftkeeper_operator.api.conditions import ConditionType
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.build.pod_template import build_pod_template
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.snapshot import Snapshot
from raftkeeper_operator.report.events import Events
from raftkeeper_operator.report.reporter import Reporter

NAME, SPACE = well().name, well().namespace
OF_BACKUPS = {ConditionType.COMPLETE, ConditionType.SCHEDULED}


class Office:
    """A reporter, its cluster, and what it has written."""

    def __init__(self, api: FakeApi, kube: Kube) -> None:
        self.api = api
        self.metrics = Metrics("1")
        self.now = 100.0
        self.reporter = Reporter(kube, Events(kube, "test"), self.metrics, lambda: self.now)
        kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
        self.api.put({**kind, "metadata": {"namespace": SPACE, "name": NAME}, "spec": {}})

    def body(self) -> Object:
        return self.api.objects.get(("raftkeeperclusters", SPACE, NAME))

    async def report(self, snapshot: Snapshot) -> None:
        blueprint = cluster()
        template = build_pod_template(blueprint)
        seen = Observation(snapshot, self.body(), blueprint, template, Objects())
        await self.reporter.report(seen, decide(snapshot), None)

    def conditions(self) -> dict[str, Any]:
        return {each["type"]: each for each in self.body()["status"]["conditions"]}


async def test_a_spec_that_cannot_be_used_is_all_that_is_known(api: FakeApi, kube: Kube) -> None:
    """Conditions stay and are Unknown, members are as they were, phase and plan say what is the matter."""
    office = Office(api, kube)
    await office.report(well())
    before = office.body()["status"]
    assert (before["phase"], before["plan"]["reason"]) == ("Running", "Settled")
    await office.reporter.report_unusable(office.body(), "spec.replicas: is no number")
    status, conditions = office.body()["status"], office.conditions()
    assert set(conditions) == set(ConditionType) - OF_BACKUPS
    assert conditions["SpecAccepted"]["status"] == "False"
    assert conditions["Progressing"]["reason"] == "Blocked"
    assert {conditions[kind]["status"] for kind in ("Ready", "StorageHealthy")} == {"Unknown"}
    assert status["phase"] == "Blocked"
    assert status["plan"]["reason"] == "SpecInvalid"
    assert "is no number" in status["plan"]["message"]
    assert status["members"] == before["members"]


async def test_a_spec_that_cannot_be_used_is_counted_and_told_once(
    api: FakeApi, kube: Kube
) -> None:
    """Figures of the last look go, an alert can see how long it lasts, and nothing is written twice."""
    office = Office(api, kube)
    await office.report(well())
    await office.reporter.report_unusable(office.body(), "spec.replicas: is no number")
    version = office.body()["metadata"]["resourceVersion"]
    office.now += 1800
    await office.reporter.report_unusable(office.body(), "spec.replicas: is no number")
    assert office.body()["metadata"]["resourceVersion"] == version
    page = office.metrics.page().decode()
    assert "cluster_ready{" not in page
    assert f'cluster="{NAME}",namespace="{SPACE}",reason="SpecInvalid"}} 1800.0' in page
    events = [each for each in api.objects.of("events") if each["reason"] == "SpecInvalid"]
    assert [each["type"] for each in events] == ["Warning"]


async def test_a_cluster_that_sleeps_is_told_from_one_that_fails(api: FakeApi, kube: Kube) -> None:
    """Alerts go by it: neither serves, and one of them is meant not to."""
    office = Office(api, kube)
    asleep = want(leaderless(well()), hibernate=True)
    pools = tuple(replace(pool, replicas=0) for pool in asleep.pools)
    await office.report(replace(asleep, pods=(), pools=pools))
    assert office.body()["status"]["plan"]["reason"] == "Hibernated"
    series = f'{{cluster="{NAME}",namespace="{SPACE}"}}'
    page = office.metrics.page().decode()
    assert f"cluster_ready{series} 0.0" in page
    assert f"cluster_hibernated{series} 1.0" in page
    assert "plan_blocked_seconds{" not in page, "it waits for nothing"
    await office.report(leaderless(well()))
    assert "plan_blocked_seconds{" in office.metrics.page().decode()
    assert f"cluster_hibernated{series} 0.0" in office.metrics.page().decode()
