"""A cluster's whole life against a fake Kubernetes, with an operator that dies after every effect.

Every life of the operator begins with nothing in memory, does one effect and ends. Whatever it was doing
must be finished by the next ones; and nothing of what must never happen may have happened.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.fake_api.objects import Object, Refusal
from tests.fake_api.rights import all_granted
from tests.fake_api.server import FakeApi
from tests.flow.controllers import SPACE, Controllers, is_ready
from tests.flow.keepers import Keepers, KeeperServers

from raftkeeper_operator.act.effect import Hands
from raftkeeper_operator.act.executor import Executor
from raftkeeper_operator.api import labels
from raftkeeper_operator.app.failpoints import ANNOTATION, Failpoints
from raftkeeper_operator.app.metrics import Metrics
from raftkeeper_operator.app.step import ClusterStep
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.keeper import KeeperClient, open_session
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.observe.infrastructure import Infrastructure
from raftkeeper_operator.observe.observer import Observer
from raftkeeper_operator.observe.resources import Applied
from raftkeeper_operator.report.events import Events
from raftkeeper_operator.report.reporter import Reporter

KEY = (SPACE, "zoo")
STEPS_MAX = 250
"""A whole upgrade of five members takes some eighty."""


class Died(BaseException):
    """The operator process is gone. Not an Exception, so nothing of it can catch this."""


class World:
    """The cluster, its Kubernetes, and an operator that lives as long as its failpoint lets it."""

    def __init__(self, controllers: Controllers, kube: Kube, keeper: KeeperClient) -> None:
        self.controllers = controllers
        self.api = controllers.api
        self.keepers = controllers.servers.keepers
        self.lives = 0
        self._kube = kube
        self._keeper = keeper
        self._step: ClusterStep | None = None

    # ---- the operator ----------------------------------------------------------------------------

    def _start(self, failpoint: str) -> ClusterStep:
        self.lives += 1
        clock_ms: Callable[[], int] = lambda: self.controllers.now_ms  # noqa: E731
        seconds: Callable[[], float] = lambda: self.controllers.now_ms / 1000  # noqa: E731
        applied = Applied()
        observer = Observer(
            self._kube,
            self._keeper,
            Infrastructure(self._kube, seconds),
            Surroundings("operators", "1.0.0"),
            applied=applied,
            clock_ms=clock_ms,
        )
        hands = Hands(self._kube, self._keeper, applied, clock_ms)
        executor = Executor(hands, Failpoints(failpoint, die, obeys_annotations=True))
        reporter = Reporter(
            self._kube, Events(self._kube, "test", seconds), Metrics("1.0.0"), seconds
        )
        return ClusterStep(self._kube, observer, executor, reporter)

    async def settle(self, failpoint: str = "after:*") -> None:
        """Lives of the operator, one after the other, until there is nothing left to do."""
        for _ in range(STEPS_MAX):
            step = self._step = self._step or self._start(failpoint)
            try:
                await step(KEY)
            except Died:
                self._step = None
            else:
                if self.plan().get("reason") in {"Settled", "RolledBack"}:
                    return
                await self.controllers.tick()
            self.check()
        raise AssertionError(f"not settled: {self.plan()}, {self.keepers.rows}")

    # ---- what must never happen ------------------------------------------------------------------

    def check(self) -> None:
        """After every step."""
        keepers = self.keepers
        ids = [row.id for row in keepers.rows]
        assert len(ids) == len(set(ids))
        assert keepers.founded <= 1
        for row in keepers.rows:
            if row.role == "voter" and self.voters_down_by_accident == 0:
                claim = f"data-{row.address.partition('.')[0]}"
                assert claim in self.controllers.of("persistentvolumeclaims"), row
        voters = keepers.voters()
        down = [row for row in voters if keepers.running(row) is None]
        assert len(down) <= 1 + self.voters_down_by_accident, (down, self.plan())
        service = self.service_ports()
        for pod in self.controllers.of("pods").values() if service else ():
            assert client_ports(pod["spec"]["containers"][0]["ports"]) <= service, self.plan()

    voters_down_by_accident = 0

    # ---- looking and wanting ---------------------------------------------------------------------

    def cluster(self) -> Object:
        return self.api.objects.get(("raftkeeperclusters", *KEY))

    def plan(self) -> Object:
        found = self.cluster().get("status", {}).get("plan", {})
        return dict(found)

    def service_ports(self) -> set[int]:
        """That clients reach the cluster by; none before there is a Service."""
        service = self.controllers.of("services").get("zoo")
        return {port["port"] for port in service["spec"]["ports"]} if service else set()

    def want(self, **spec: object) -> None:
        """The spec is another."""
        body = self.cluster()
        body["spec"] = {**body["spec"], **spec}
        body["metadata"]["generation"] += 1
        self.api.objects.touch(("raftkeeperclusters", *KEY))


def client_ports(ports: list[Object]) -> set[int]:
    return {port["containerPort"] for port in ports if port["name"].startswith("client")}


def die() -> None:
    raise Died


@pytest.fixture
async def world(api: FakeApi, kube: Kube, tmp_path: Path) -> AsyncIterator[World]:
    """A cluster of three has been asked for, and nothing has been done yet. The operator has the rights of
    its chart.
    """
    api.rights = all_granted()
    servers = KeeperServers(Keepers(), tmp_path)
    controllers = Controllers(api, servers)
    api.put(
        {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperCluster",
            "metadata": {"namespace": SPACE, "name": "zoo", "annotations": {}},
            "spec": {"replicas": 3},
        }
    )
    async with open_session() as session:
        yield World(controllers, kube, KeeperClient(session))
        await servers.stop_all()


async def test_founds_once_whenever_it_dies(world: World) -> None:
    """From nothing to three members, with one effect for each life."""
    await world.settle()
    assert [row.role for row in world.keepers.rows] == ["voter"] * 3
    assert world.keepers.founded == 1
    assert world.lives > 10
    status = world.cluster()["status"]
    assert status["ready"] == "3/3"
    assert status["clusterId"] == "c" * 32
    founding = world.api.objects.get(("configmaps", SPACE, "zoo-founding"))["data"]
    assert (founding["bootstrap"], founding["members"]) == ("false", "")


async def test_grows_and_shrinks_whenever_it_dies(world: World) -> None:
    """3 → 5 → 3 → 1: learners first, members out before their pods, ids never again."""
    await world.settle("")
    world.want(replicas=5)
    await world.settle()
    assert len(world.keepers.voters()) == 5
    assert len(world.controllers.of("pods")) == 5
    for replicas in (3, 1):
        world.want(replicas=replicas)
        await world.settle()
        assert len(world.keepers.voters()) == replicas
        assert len(world.controllers.of("pods")) == replicas
    retired = [row["claim"] for row in world.cluster()["status"]["retiredVolumes"]]
    assert len(retired) == 4
    world.want(replicas=3)
    await world.settle()
    assert max(row.id for row in world.keepers.rows) == 7


async def test_rolls_out_whenever_it_dies(world: World) -> None:
    """A new version reaches every pod, the leader's last, under the budget."""
    await world.settle("")
    before = {name: pod["metadata"]["uid"] for name, pod in world.controllers.of("pods").items()}
    world.want(version="1.0.1")
    await world.settle()
    pods = world.controllers.of("pods")
    assert all(pod["spec"]["containers"][0]["image"].endswith(":1.0.1") for pod in pods.values())
    assert all(before[name] != pod["metadata"]["uid"] for name, pod in pods.items())
    assert [row.id for row in world.keepers.rows] == [1, 2, 3], "same disks, same members"


async def test_rolls_back_whenever_it_dies(world: World) -> None:
    """An image that does not exist stops at the first pod, and the good one comes back."""
    await world.settle("")
    image = world.controllers.of("pods")["zoo-0"]["spec"]["containers"][0]["image"]
    world.controllers.bad_images.add(image.replace("1.0.0", "1.0.9"))
    world.want(version="1.0.9")
    await world.settle()
    pods = world.controllers.of("pods")
    assert {pod["spec"]["containers"][0]["image"] for pod in pods.values()} == {image}
    conditions = {c["type"]: c for c in world.cluster()["status"]["conditions"]}
    assert conditions["Upgraded"]["reason"] == "RolledBack"
    assert len([row for row in world.keepers.rows if row.role == "voter"]) == 3


async def test_a_label_of_zones_that_no_node_bears_is_told(world: World) -> None:
    """Members run, spread by nothing, and the spec is not followed as it stands."""
    world.want(placement={"topologyKey": "example.test/rack"})
    await world.settle("")
    conditions = {c["type"]: c for c in world.cluster()["status"]["conditions"]}
    assert conditions["SpecAccepted"]["reason"] == "FieldsIgnored"
    assert "example.test/rack" in conditions["SpecAccepted"]["message"]


async def test_clients_ports_follow_what_pods_run(world: World) -> None:
    """From plain to TLS only: the plain port stays for as long as a pod serves it (`check` looks)."""
    await world.settle("")
    assert world.service_ports() == {2181}
    world.want(tls={"client": {"mode": "Required"}}, networkPolicy={"enabled": True})
    await world.settle()
    assert world.service_ports() == {2281}
    rules = world.api.objects.get(("networkpolicies", SPACE, "zoo"))["spec"]["ingress"]
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    assert (2181 in ports, 2281 in ports) == (False, True)


async def test_clients_ports_go_back_with_a_rollback(world: World) -> None:
    """Pods that serve plain clients again are not left behind a Service for TLS alone."""
    await world.settle("")
    image = world.controllers.of("pods")["zoo-0"]["spec"]["containers"][0]["image"]
    world.controllers.bad_images.add(image.replace("1.0.0", "1.0.9"))
    world.want(version="1.0.9", tls={"client": {"mode": "Required"}})
    await world.settle()
    assert world.plan()["reason"] == "RolledBack"
    assert world.service_ports() == {2181}
    endpoints = world.cluster()["status"]["endpoints"]
    assert endpoints["client"].endswith(":2181")
    assert "clientTls" not in endpoints


async def test_replaces_a_lost_volume_whenever_it_dies(world: World) -> None:
    """A new identity as a learner, then a joint replacement; the old id is gone for ever."""
    await world.settle("")
    world.voters_down_by_accident = 1
    await world.controllers.lose_disk("zoo-0")
    for _ in range(2):
        await world.controllers.tick()
    await world.settle()
    assert sorted(row.id for row in world.keepers.rows) == [2, 3, 4]
    assert {row.role for row in world.keepers.rows} == {"voter"}


async def test_names_that_are_taken_keep_no_lost_volume_from_being_replaced(world: World) -> None:
    """A budget of somebody else, and an object that is refused: told, and gone round."""
    await world.settle("")
    theirs = {labels.CLUSTER: "other", labels.CLUSTER_UID: "another"}
    budget = world.api.objects.get(("poddisruptionbudgets", *KEY))
    budget["metadata"]["labels"] = theirs
    world.api.objects.touch(("poddisruptionbudgets", *KEY))
    world.api.faults.append(
        lambda method, path: (
            Refusal(422, "Invalid", "a bad peer")
            if method == "PATCH" and "networkpolicies" in path
            else None
        )
    )
    world.want(networkPolicy={"enabled": True})
    world.voters_down_by_accident = 1
    await world.controllers.lose_disk("zoo-0")
    step = world._start("")
    for _ in range(60):
        await world.controllers.tick()
        await step(KEY)
        world.check()
    assert sorted(row.id for row in world.keepers.rows) == [2, 3, 4]
    assert {row.role for row in world.keepers.rows} == {"voter"}
    plan = world.plan()
    assert plan["reason"] == "ActionRefused"
    told = " ".join(plan["blockedBy"])
    assert "PodDisruptionBudget zoo is there and does not belong" in told
    assert "a bad peer" in told
    conditions = {c["type"]: c for c in world.cluster()["status"]["conditions"]}
    assert conditions["SpecAccepted"]["reason"] == "ForeignObject"
    assert conditions["Progressing"]["reason"] == "Blocked"
    assert budget["metadata"]["labels"] == theirs


async def test_sleeps_and_wakes_whenever_it_dies(world: World) -> None:
    """No pods, all volumes, the same members afterwards."""
    await world.settle("")
    world.voters_down_by_accident = 3
    world.want(hibernate=True)
    for _ in range(10):
        await world.controllers.tick()
        try:
            await world._start("")(KEY)
        except Died:
            continue
    assert world.controllers.of("pods") == {}
    assert world.plan()["reason"] == "Hibernated"
    world.want(hibernate=False)
    await world.controllers.tick()
    await world.settle()
    assert [row.id for row in world.keepers.rows] == [1, 2, 3]
    assert all(is_ready(pod) for pod in world.controllers.of("pods").values())


async def test_volumes_that_are_retained_after_all_outlive_the_cluster(world: World) -> None:
    """It was to go with them, sleeps, is told to leave them and is deleted, with an operator that dies."""
    await world.settle("")
    world.want(storage={"retention": {"whenDeleted": "Delete"}})
    await world.settle()
    await world.controllers.tick()
    claims = world.controllers.of("persistentvolumeclaims")
    assert all(claim["metadata"]["ownerReferences"] for claim in claims.values())
    world.voters_down_by_accident = 3
    world.want(hibernate=True)
    for _ in range(STEPS_MAX):
        with contextlib.suppress(Died):
            await world._start("after:*")(KEY)
        await world.controllers.tick()
        if not world.controllers.of("pods"):
            break
    world.want(storage={"retention": {"whenDeleted": "Retain"}})
    world.cluster()["metadata"]["finalizers"] = ["raftkeeper.io/finalizer"]
    world.api.objects.delete(("raftkeeperclusters", *KEY), {})
    for _ in range(STEPS_MAX):
        with contextlib.suppress(Died):
            if (await world._start("after:UntieVolume")(KEY)).finished:
                break
        await world.controllers.tick()
    world.api.objects.merge(
        ("raftkeeperclusters", *KEY), {"metadata": {"finalizers": []}}, status=False
    )
    assert world.controllers.of("statefulsets") == {}
    assert sorted(world.controllers.of("persistentvolumeclaims")) == sorted(claims)


async def test_recovers_a_survivor_whenever_it_dies(world: World) -> None:
    """Two of three volumes are gone: explained, refused, then done as asked; the order stays."""
    await world.settle("")
    world.voters_down_by_accident = 3
    survivor = f"zoo-2.zoo-members.{SPACE}.svc.cluster.local:2888"
    await world.controllers.lose_disk("zoo-0")
    await world.controllers.lose_disk("zoo-1")
    step = world._start("")
    for _ in range(6):
        await world.controllers.tick()
        await step(KEY)
    status = world.cluster()["status"]
    conditions = {c["type"]: c for c in status["conditions"]}
    assert conditions["RecoveryRequired"]["reason"] == "MajorityLost"
    assert status["recovery"]["proposedSurvivor"] == "zoo-2"
    assert status["clusterId"] == "c" * 32

    force = {"epoch": 1, "acknowledgeDataLoss": True}
    world.want(recovery={"forceQuorum": force})
    await world.settle()
    assert sorted(row.id for row in world.keepers.rows) == [4, 5, 6]
    assert {row.role for row in world.keepers.rows} == {"voter"}
    status = world.cluster()["status"]
    assert status["clusterId"] == f"{1:032x}"
    assert status["recovery"] == {"observedEpoch": 1, "order": f"1@{survivor}"}
    conditions = {c["type"]: c for c in status["conditions"]}
    assert conditions["RecoveryRequired"]["status"] == "False"
    founding = world.api.objects.get(("configmaps", SPACE, "zoo-founding"))["data"]
    assert founding["recovery"] == f"1@{survivor}"
    assert (founding["cluster-id"], founding["join"]) == (f"{1:032x}", "true")


async def test_two_operators_do_it_once(world: World) -> None:
    """Both see, decide and act at the same time; preconditions let one of them through."""
    await world.settle("")
    world.want(replicas=5)
    one, two = world._start(""), world._start("")
    for _ in range(60):
        await asyncio.gather(one(KEY), two(KEY))
        await world.controllers.tick()
        world.check()
    assert sorted(row.id for row in world.keepers.rows) == [1, 2, 3, 4, 5]
    assert world.plan()["reason"] == "Settled"


async def test_an_annotation_ends_the_operator_for_its_cluster(world: World) -> None:
    """The end-to-end stories use it on a running operator."""
    world.cluster()["metadata"]["annotations"][ANNOTATION] = "after:CreateFounding"
    world.api.objects.touch(("raftkeeperclusters", *KEY))
    with pytest.raises(Died):
        await world._start("")(KEY)
    assert "zoo-founding" in world.controllers.of("configmaps")
