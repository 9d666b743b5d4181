"""Effects: each may be done twice, and each is refused when what it was decided on is not so any more."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.fake_api.objects import Refusal
from tests.fake_api.server import FakeApi
from tests.flow.controllers import SPACE, Controllers, decode
from tests.flow.keepers import Keepers, KeeperServers

from raftkeeper_operator.act.effect import Hands
from raftkeeper_operator.act.executor import EFFECTS, Executor, Report, Result
from raftkeeper_operator.api import labels
from raftkeeper_operator.app.failpoints import Failpoints
from raftkeeper_operator.build.blueprint import Surroundings
from raftkeeper_operator.clients.keeper import KeeperClient, open_session
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.decide import plan as plans
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import Action
from raftkeeper_operator.observe.infrastructure import Infrastructure
from raftkeeper_operator.observe.observer import Observation, Observer
from raftkeeper_operator.observe.resources import Applied
from raftkeeper_operator.tls.authority import is_signed_by
from raftkeeper_operator.tls.rotation import SPREAD_MS

DONE, STALE, REFUSED, FAILED = Result.DONE, Result.STALE, Result.REFUSED, Result.FAILED


class Stage:
    """A cluster that runs, an observer and an executor."""

    def __init__(self, controllers: Controllers, kube: Kube, keeper: KeeperClient) -> None:
        self.controllers = controllers
        self.api = controllers.api
        self.keepers = controllers.servers.keepers
        clock = lambda: controllers.now_ms  # noqa: E731
        applied = Applied()
        self.observer = Observer(
            kube,
            keeper,
            Infrastructure(kube, lambda: controllers.now_ms / 1000),
            Surroundings("operators", "1.0.0"),
            applied=applied,
            clock_ms=clock,
        )
        self.executor = Executor(Hands(kube, keeper, applied, clock), Failpoints())

    async def look(self) -> Observation:
        seen = await self.observer.observe(SPACE, "zoo")
        assert seen is not None
        return seen

    async def act(self, action: Action, seen: Observation | None = None) -> Report:
        return await self.executor.act(seen or await self.look(), action)

    async def settle(self) -> None:
        """Until the spec is followed."""
        for _ in range(120):
            seen = await self.look()
            plan = decide(seen.snapshot)
            if plan.action is None:
                await self.controllers.tick()
                if plan.reason == "Settled":
                    return
            else:
                assert (await self.act(plan.action, seen)).result is DONE, plan
        raise AssertionError(plan)

    def of(self, plural: str, name: str) -> dict[str, Any]:
        return self.api.objects.get((plural, SPACE, name))

    def version(self, plural: str, name: str) -> str:
        return str(self.of(plural, name)["metadata"]["resourceVersion"])

    def uid(self, plural: str, name: str) -> str:
        return str(self.of(plural, name)["metadata"]["uid"])


@pytest.fixture
async def bare(api: FakeApi, kube: Kube, tmp_path: Path) -> AsyncIterator[Stage]:
    """A cluster is asked for, and nothing is there."""
    servers = KeeperServers(Keepers(), tmp_path)
    api.put(
        {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperCluster",
            "metadata": {"namespace": SPACE, "name": "zoo"},
            "spec": {"replicas": 3, "upgrade": {"minHealthySeconds": 0}},
        }
    )
    async with open_session() as session:
        yield Stage(Controllers(api, servers), kube, KeeperClient(session))
        await servers.stop_all()


@pytest.fixture
async def stage(bare: Stage) -> Stage:
    """It runs."""
    await bare.settle()
    return bare


def test_every_action_has_its_effect() -> None:
    """A decision that nobody carries out would be made for ever."""
    kinds = {kind for union in get_args(plans.Action) for kind in (get_args(union) or (union,))}
    assert kinds == set(EFFECTS)


# ---- ordinary objects ------------------------------------------------------------------------------


async def test_an_object_of_somebody_else_is_left_alone(bare: Stage) -> None:
    """A name that is taken is told, not taken over."""
    meta = {"namespace": SPACE, "name": "zoo", "labels": {"app": "theirs"}}
    bare.api.put({"kind": "Service", "metadata": meta, "spec": {"theirs": True}})
    report = await bare.act(plans.ApplyResource("Service", "zoo"))
    assert report.result is REFUSED
    assert "does not belong" in report.message
    assert bare.of("services", "zoo")["spec"] == {"theirs": True}


@pytest.mark.parametrize("kind", ["StatefulSet", "ConfigMap", "PodDisruptionBudget"])
async def test_a_name_that_is_taken_is_told(bare: Stage, kind: str) -> None:
    """By another cluster, say, whose name ends as a zone of this one; one of a former cluster goes by itself."""
    revision = (await bare.look()).template.revision
    name, action = {
        "StatefulSet": ("zoo", plans.CreatePool("zoo", "", 3, revision, 1)),
        "ConfigMap": ("zoo-founding", plans.CreateFounding(((1, "a:1"),))),
        "PodDisruptionBudget": ("zoo", plans.SetBudget(2)),
    }[kind]
    for cluster, result, foreign in (("other", REFUSED, True), ("zoo", STALE, False)):
        marks = {labels.CLUSTER: cluster, labels.CLUSTER_UID: "another"}
        meta = {"namespace": SPACE, "name": name, "labels": marks}
        theirs = bare.api.put({"kind": kind, "metadata": meta, "spec": {}})
        theirs["metadata"]["labels"] = marks
        report = await bare.act(action)
        assert (report.result, report.foreign) == (result, foreign)
        assert f"{kind} {name} is there and does not belong" in report.message


async def test_a_token_is_made_once(bare: Stage) -> None:
    """A second time changes nothing: members know the first."""
    action = plans.ApplyResource("Secret", "zoo-admin")
    seen = await bare.look()
    assert (await bare.act(action, seen)).result is DONE
    first = decode(bare.of("secrets", "zoo-admin"))
    assert len(first["token"]) >= 43
    assert (await bare.act(action, seen)).result is DONE
    assert decode(bare.of("secrets", "zoo-admin")) == first


async def test_an_emptied_token_is_made_anew(stage: Stage) -> None:
    """Nobody can be let in without one."""
    stage.of("secrets", "zoo-admin")["data"] = {}
    stage.api.objects.touch(("secrets", SPACE, "zoo-admin"))
    assert decide((await stage.look()).snapshot).target == "zoo-admin"
    await stage.act(plans.ApplyResource("Secret", "zoo-admin"))
    assert decode(stage.of("secrets", "zoo-admin"))["token"]


async def test_of_two_operators_one_makes_the_ca(bare: Stage) -> None:
    """Both have seen none; the second gets a conflict, and certificates are of the first."""
    action = plans.RenewCertificate("zoo-ca")
    seen = await bare.look()
    assert (await bare.act(action, seen)).result is DONE
    first = decode(bare.of("secrets", "zoo-ca"))
    bare.api.faults.append(_hide_once("/secrets/zoo-ca"))
    assert (await bare.act(action, seen)).result is STALE
    assert decode(bare.of("secrets", "zoo-ca")) == first


async def test_a_lost_ca_is_followed_by_one_that_signs_later(stage: Stage) -> None:
    """Members keep their certificate until all of them trust the new CA, and trust both meanwhile."""
    first = decode(stage.of("secrets", "zoo-tls"))
    stage.api.objects.delete(("secrets", SPACE, "zoo-ca"), {})
    await stage.settle()
    second = decode(stage.of("secrets", "zoo-tls"))
    authority = decode(stage.of("secrets", "zoo-ca"))
    assert second["tls.crt"] == first["tls.crt"]
    assert second["ca.crt"] == authority["tls.crt"] + first["ca.crt"]
    assert stage.of("configmaps", "zoo-ca-bundle")["data"]["ca.crt"] == second["ca.crt"]
    await stage.controllers.tick(SPREAD_MS / 1000)
    await stage.settle()
    third = decode(stage.of("secrets", "zoo-tls"))
    assert is_signed_by(third["tls.crt"], authority["tls.crt"])
    assert third["ca.crt"] == second["ca.crt"]


def _hide_once(path: str) -> Any:
    """The object is not there yet, for the first who looks."""
    seen = []

    def fault(method: str, asked: str) -> Refusal | None:
        if method == "GET" and asked.endswith(path) and not seen:
            seen.append(asked)
            return Refusal(404, "NotFound", "not yet")
        return None

    return fault


async def test_what_is_edited_by_hand_is_set_right(stage: Stage) -> None:
    """A Service that leads nowhere is noticed though it bears the right digest."""
    stage.of("services", "zoo")["spec"]["selector"] = {"app": "nothing"}
    stage.api.objects.touch(("services", SPACE, "zoo"))
    plan = decide((await stage.look()).snapshot)
    assert plan.action == plans.ApplyResource("Service", "zoo")
    await stage.act(plan.action)
    assert stage.of("services", "zoo")["spec"]["selector"][labels.CLUSTER] == "zoo"


async def test_other_spelling_is_not_applied_for_ever(stage: Stage) -> None:
    """A server that writes a value in another way than we do is believed after one apply."""
    service = stage.of("services", "zoo")
    assert stage.api.objects.applied
    service["spec"]["ports"] = [{**p, "port": str(p["port"])} for p in service["spec"]["ports"]]
    seen = await stage.look()
    assert [r.name for r in seen.snapshot.resources] == []
    stage.api.objects.touch(("services", SPACE, "zoo"))
    seen = await stage.look()
    assert [r.name for r in seen.snapshot.resources] == ["zoo"]


async def test_an_unwanted_object_goes_if_it_is_ours(stage: Stage) -> None:
    """And may be asked for twice."""
    action = plans.ApplyResource("Service", "zoo", unwanted=True)
    assert (await stage.act(action)).result is DONE
    assert ("services", SPACE, "zoo") not in stage.api.objects.by_key
    assert (await stage.act(action)).result is DONE


# ---- founding --------------------------------------------------------------------------------------


async def test_founding_is_created_and_never_overwritten(bare: Stage) -> None:
    """Whoever comes second is told that it is there."""
    seen = await bare.look()
    assert (await bare.act(plans.CreateFounding(((1, "a:1"),)), seen)).result is DONE
    assert (await bare.act(plans.CreateFounding(((1, "b:1"),)), seen)).result is STALE
    assert bare.of("configmaps", "zoo-founding")["data"]["members"] == "1=a:1"


def recovery(stage: Stage, seen: Observation) -> plans.OrderRecovery:
    """Decided on this look, whatever it was for."""
    return plans.OrderRecovery(
        1,
        "zoo-2.zoo-members:2888",
        "c" * 32,
        tuple(pod.uid for pod in seen.snapshot.pods),
        tuple(volume.uid for volume in seen.snapshot.volumes),
        stage.version("configmaps", "zoo-founding"),
    )


async def lose_two(stage: Stage) -> None:
    """And see it."""
    for pod in ("zoo-0", "zoo-1"):
        await stage.controllers.lose_disk(pod)
    for _ in range(4):
        await stage.controllers.tick()


async def test_recovery_is_ordered_when_a_majority_is_lost(stage: Stage) -> None:
    """Beside what the founding says already, with the pods that do not know of it."""
    await lose_two(stage)
    seen = await stage.look()
    assert (await stage.act(recovery(stage, seen), seen)).result is DONE
    data = stage.of("configmaps", "zoo-founding")["data"]
    assert data["recovery"] == "1@zoo-2.zoo-members:2888"
    assert set(data["recovery-uninformed"].split(",")) == {pod.uid for pod in seen.snapshot.pods}
    assert (data["cluster-id"], data["bootstrap"], data["join"]) == ("c" * 32, "false", "true")
    assert (await stage.act(recovery(stage, seen), seen)).result is DONE, "again"


async def test_recovery_is_not_ordered_on_an_old_look(stage: Stage) -> None:
    """Somebody leads, a majority is there, something came, or the founding is another one by now."""
    well = await stage.look()
    report = await stage.act(recovery(stage, well), well)
    assert (report.result, report.message) == (STALE, "somebody leads")
    stage.keepers.leader_id = 0
    report = await stage.act(recovery(stage, well), well)
    assert (report.result, report.message) == (STALE, "a majority of the voters can come back")
    await lose_two(stage)
    report = await stage.act(recovery(stage, well), well)
    assert report.result is STALE
    assert "zoo-0, zoo-1 came since the look" in report.message
    seen = await stage.look()
    old = replace(recovery(stage, seen), resource_version="1")
    assert (await stage.act(old, seen)).result is STALE
    assert stage.of("configmaps", "zoo-founding")["data"]["recovery"] == ""


async def test_founding_is_opened_only_as_it_was_seen(stage: Stage) -> None:
    """One that was closed meanwhile stays closed."""
    report = await stage.act(plans.OpenFounding(((1, "a:1"),), "1"))
    assert report.result is STALE
    assert stage.of("configmaps", "zoo-founding")["data"]["bootstrap"] == "false"


# ---- pools -----------------------------------------------------------------------------------------


async def test_a_pool_is_changed_only_as_it_was_seen(stage: Stage) -> None:
    """Replicas, template, fields, deletion: all on the version that was decided on."""
    revision = (await stage.look()).template.revision
    for action in (
        plans.SetPoolReplicas("zoo", 5, "1"),
        plans.SetTemplate("zoo", revision, "1"),
        plans.UpdatePool("zoo", "1"),
        plans.DeletePool("zoo", stage.uid("statefulsets", "zoo"), "1"),
        plans.OrphanPool("zoo", "another"),
    ):
        assert (await stage.act(action)).result is STALE, action
    assert stage.of("statefulsets", "zoo")["spec"]["replicas"] == 3


async def test_replicas_are_set_and_nothing_else(stage: Stage) -> None:
    """What others have added to the pool stays."""
    pool = stage.of("statefulsets", "zoo")
    pool["metadata"]["annotations"]["theirs"] = "yes"
    stage.api.objects.touch(("statefulsets", SPACE, "zoo"))
    action = plans.SetPoolReplicas("zoo", 4, stage.version("statefulsets", "zoo"))
    assert (await stage.act(action)).result is DONE
    pool = stage.of("statefulsets", "zoo")
    assert pool["spec"]["replicas"] == 4
    assert pool["metadata"]["annotations"]["theirs"] == "yes"
    assert (await stage.act(action)).result is STALE


async def test_a_template_is_kept_before_a_pool_has_it(stage: Stage) -> None:
    """So that a rollback of other pools, or of this one, finds it."""
    stage.api.put(
        {
            **stage.of("raftkeeperclusters", "zoo"),
            "spec": {"replicas": 3, "version": "1.0.1"},
        }
    )
    seen = await stage.look()
    action = plans.SetTemplate("zoo", seen.template.revision, stage.version("statefulsets", "zoo"))
    stage.api.faults.append(
        lambda method, path: (
            Refusal(503, "Down", "down") if method == "PUT" and "statefulsets" in path else None
        )
    )
    assert (await stage.act(action, seen)).result is FAILED
    assert f"template-{seen.template.revision}" in stage.of("configmaps", "zoo-revisions")["data"]
    stage.api.faults.clear()
    assert (await stage.act(action, seen)).result is DONE


async def test_a_template_that_was_not_kept_cannot_be_used(stage: Stage) -> None:
    """A made-up one would be worse than none."""
    action = plans.SetTemplate("zoo", "lost", stage.version("statefulsets", "zoo"))
    report = await stage.act(action)
    assert (report.result, "was not kept" in report.message) == (STALE, True)


async def test_records_are_safe_to_repeat(stage: Stage) -> None:
    """Good and rejected revisions; the second time is too late, and writes nothing."""
    revision = (await stage.look()).template.revision
    for action in (plans.RejectRevision("bad"), plans.RecordGood(revision, "bad", 1)):
        seen = stage.version("configmaps", "zoo-revisions")
        once = replace(action, resource_version=seen)
        assert (await stage.act(once)).result is DONE
        version = stage.version("configmaps", "zoo-revisions")
        assert (await stage.act(once)).result is STALE
        assert (await stage.act(action)).result is STALE
        assert stage.version("configmaps", "zoo-revisions") == version
    snapshot = (await stage.look()).snapshot
    assert (snapshot.revisions.good, snapshot.revisions.rejected) == (revision, "bad")


async def test_a_record_of_a_former_cluster_is_not_written_to(bare: Stage) -> None:
    """It is on its way out, and the template would go with it."""
    marks = {labels.CLUSTER: "zoo", labels.CLUSTER_UID: "former"}
    meta = {"namespace": SPACE, "name": "zoo-revisions", "labels": marks}
    bare.api.put({"kind": "ConfigMap", "metadata": meta, "data": {"good": "theirs"}})
    seen = await bare.look()
    revision = seen.template.revision
    for action in (
        plans.CreatePool("zoo", "", 3, revision, 1),
        plans.RecordGood(revision, ""),
        plans.RejectRevision(revision),
    ):
        report = await bare.act(action, seen)
        assert (report.result, "does not belong" in report.message) == (STALE, True), action
    assert bare.of("configmaps", "zoo-revisions")["data"] == {"good": "theirs"}
    assert ("statefulsets", SPACE, "zoo") not in bare.api.objects.by_key


async def test_a_lost_record_is_made_anew_with_its_template(stage: Stage) -> None:
    """Without it the next rollout could not be rolled back."""
    stage.api.objects.delete(("configmaps", SPACE, "zoo-revisions"), {})
    await stage.settle()
    revision = (await stage.look()).template.revision
    data = stage.of("configmaps", "zoo-revisions")["data"]
    assert (data["good"], f"template-{revision}" in data) == (revision, True)
    del data[f"template-{revision}"]
    stage.api.objects.touch(("configmaps", SPACE, "zoo-revisions"))
    await stage.settle()
    assert f"template-{revision}" in stage.of("configmaps", "zoo-revisions")["data"]


async def test_a_budget_is_set_only_in_the_place_of_the_one_that_was_seen(stage: Stage) -> None:
    """One decided on an old picture must not let two go."""
    version = stage.version("poddisruptionbudgets", "zoo")
    for budget in (plans.SetBudget(0), plans.SetBudget(0, "1"), plans.SetBudget(None, "1")):
        assert (await stage.act(budget)).result is STALE, budget
    assert stage.of("poddisruptionbudgets", "zoo")["spec"]["minAvailable"] == 2
    assert (await stage.act(plans.SetBudget(1, version))).result is DONE
    assert stage.of("poddisruptionbudgets", "zoo")["spec"]["minAvailable"] == 1
    assert (await stage.act(plans.SetBudget(0, version))).result is STALE
    version = stage.version("poddisruptionbudgets", "zoo")
    assert (await stage.act(plans.SetBudget(None, version))).result is DONE
    assert (await stage.act(plans.SetBudget(2))).result is DONE


async def test_a_pool_that_is_orphaned_leaves_its_pods(stage: Stage) -> None:
    """It is created anew around them."""
    stage.of("pods", "zoo-0")["metadata"]["ownerReferences"] = [
        {"uid": stage.uid("statefulsets", "zoo")}
    ]
    action = plans.OrphanPool("zoo", stage.uid("statefulsets", "zoo"))
    assert (await stage.act(action)).result is DONE
    assert stage.of("pods", "zoo-0")
    assert (await stage.act(action)).result is DONE


async def test_pool_that_is_deleted_leaves_the_volumes_that_it_owns(stage: Stage) -> None:
    """With whenDeleted: Delete Kubernetes makes it their owner, and they may be in quarantine."""
    stage.of("persistentvolumeclaims", "data-zoo-2")["metadata"]["ownerReferences"] = [
        {"uid": stage.uid("statefulsets", "zoo"), "kind": "StatefulSet", "name": "zoo"}
    ]
    uid, version = stage.uid("statefulsets", "zoo"), stage.version("statefulsets", "zoo")
    assert (await stage.act(plans.DeletePool("zoo", uid, version))).result is DONE
    assert ("statefulsets", SPACE, "zoo") not in stage.api.objects.by_key
    claim = stage.of("persistentvolumeclaims", "data-zoo-2")
    assert claim["metadata"]["ownerReferences"] == []
    assert "deletionTimestamp" not in claim["metadata"]


# ---- pods and volumes ------------------------------------------------------------------------------


async def test_a_pod_is_meant_by_its_uid(stage: Stage) -> None:
    """Its successor of the same name is somebody else."""
    stage.of("poddisruptionbudgets", "zoo")["status"] = {"disruptionsAllowed": 1}
    assert (await stage.act(plans.DeletePod("zoo-0", "another"))).result is STALE
    assert (await stage.act(plans.Evict("zoo-0", "another"))).result is STALE
    assert stage.of("pods", "zoo-0")
    action = plans.DeletePod("zoo-0", stage.uid("pods", "zoo-0"))
    assert (await stage.act(action)).result is DONE
    assert (await stage.act(action)).result is DONE


async def test_an_eviction_waits_for_the_budget(stage: Stage) -> None:
    """And says so."""
    stage.of("poddisruptionbudgets", "zoo")["status"] = {"disruptionsAllowed": 0}
    report = await stage.act(plans.Evict("zoo-0", stage.uid("pods", "zoo-0")))
    assert (report.result, "budget" in report.message) == (REFUSED, True)


async def test_a_volume_of_a_member_is_never_deleted(stage: Stage) -> None:
    """Whatever was decided: by seat, by label, and when nobody can be asked."""
    action = plans.DeleteVolume("data-zoo-0", stage.uid("persistentvolumeclaims", "data-zoo-0"))
    assert (await stage.act(action)).result is STALE
    moved = stage.keepers.rows[0]
    moved.address = "elsewhere.example:2888"
    stage.of("persistentvolumeclaims", "data-zoo-0")["metadata"]["labels"][labels.MEMBER] = "1"
    report = await stage.act(action)
    assert (report.result, "holds member 1" in report.message) == (STALE, True)
    stage.keepers.rows.remove(moved)
    seen = await stage.look()
    stage.keepers.leader_id = 0
    report = await stage.act(action, seen)
    assert (report.result, "nobody leads" in report.message) == (STALE, True)
    assert stage.of("persistentvolumeclaims", "data-zoo-0")


async def test_volumes_are_kept_from_going_with_their_pool(stage: Stage) -> None:
    """Policy and owner, each twice; other owners stay."""
    pool = stage.of("statefulsets", "zoo")
    pool["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = "Delete"
    stage.api.objects.touch(("statefulsets", SPACE, "zoo"))
    version = stage.version("statefulsets", "zoo")
    assert (await stage.act(plans.KeepVolumes("zoo", "1"))).result is STALE
    assert (await stage.act(plans.KeepVolumes("zoo", version))).result is DONE
    policy = stage.of("statefulsets", "zoo")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    other = {"kind": "Other", "uid": "other", "name": "other"}
    tie = {"kind": "StatefulSet", "uid": stage.uid("statefulsets", "zoo"), "name": "zoo"}
    stage.of("persistentvolumeclaims", "data-zoo-2")["metadata"]["ownerReferences"] = [other, tie]
    uid = stage.uid("persistentvolumeclaims", "data-zoo-2")
    assert (await stage.act(plans.UntieVolume("data-zoo-2", "another"))).result is STALE
    for _ in range(2):
        assert (await stage.act(plans.UntieVolume("data-zoo-2", uid))).result is DONE
    owners = stage.of("persistentvolumeclaims", "data-zoo-2")["metadata"]["ownerReferences"]
    assert owners == [other]


async def test_a_free_volume_is_deleted_once(stage: Stage) -> None:
    """That very claim, and not another of its name."""
    stage.keepers.rows = [row for row in stage.keepers.rows if row.id != 3]
    await stage.controllers.tick()
    assert (await stage.act(plans.DeleteVolume("data-zoo-2", "another"))).result is STALE
    uid = stage.uid("persistentvolumeclaims", "data-zoo-2")
    assert (await stage.act(plans.DeleteVolume("data-zoo-2", uid))).result is DONE
    claim = stage.of("persistentvolumeclaims", "data-zoo-2")
    assert claim["metadata"]["deletionTimestamp"]


async def test_volumes_are_labelled_and_grown(stage: Stage) -> None:
    """Retire, adopt, grow; each twice."""
    uid = stage.uid("persistentvolumeclaims", "data-zoo-2")
    for action in (
        plans.RetireVolume("data-zoo-2", uid),
        plans.AdoptVolume("data-zoo-2", uid),
        plans.GrowVolume("data-zoo-2", uid, 20 << 30),
    ):
        for _ in range(2):
            assert (await stage.act(action)).result is DONE, action
        volume = next(v for v in (await stage.look()).snapshot.volumes if v.name == "data-zoo-2")
        assert bool(volume.retired_ms) is isinstance(action, plans.RetireVolume)
        other = replace(action, uid="another")
        assert (await stage.act(other)).result is STALE
    assert volume.requested_bytes == 20 << 30
    assert volume.owned


# ---- the ensemble ----------------------------------------------------------------------------------


async def test_membership_changes_compare_and_repeat(stage: Stage) -> None:
    """On another membership nothing is done; the same one twice is done once."""
    seen = await stage.look()
    index = stage.keepers.config_index
    assert (await stage.act(plans.RemoveMember(3, index - 1), seen)).result is STALE
    assert len(stage.keepers.rows) == 3
    for _ in range(2):
        assert (await stage.act(plans.RemoveMember(3, index), seen)).result is DONE
    assert [row.id for row in stage.keepers.rows] == [1, 2]
    assert stage.keepers.config_index == index + 1


async def test_nothing_is_changed_without_a_leader(stage: Stage) -> None:
    """The look found none, so there is nobody to ask."""
    stage.keepers.leader_id = 0
    for action in (
        plans.Promote(1, 1),
        plans.Replace(1, 2, 1),
        plans.UpdateMember(1, "z", 1),
        plans.Transfer(1, 2, 1),
        plans.AddLearner("zoo-0", "a:1", "00", "z", 1),
    ):
        assert (await stage.act(action)).result is STALE, action


async def test_a_transfer_back_and_forth_is_two_transfers(stage: Stage) -> None:
    """The term makes the difference."""
    for leaving, to in ((1, 2), (2, 1), (1, 2)):
        seen = await stage.look()
        assert seen.snapshot.ensemble is not None
        action = plans.Transfer(leaving, to, seen.snapshot.ensemble.term)
        assert (await stage.act(action, seen)).result is DONE
        assert stage.keepers.leader_id == to


async def test_that_very_pod_is_drained(stage: Stage) -> None:
    """And let in again; its successor is not meant."""
    uid = stage.uid("pods", "zoo-1")
    assert (await stage.act(plans.Drain("zoo-1", "another", 2))).result is STALE
    assert (await stage.act(plans.Drain("zoo-1", uid, 2))).result is DONE
    assert stage.keepers.nodes["zoo-1"].draining
    assert (await stage.act(plans.Undrain("zoo-1", uid, 2))).result is DONE
    assert not stage.keepers.nodes["zoo-1"].draining


async def test_a_member_that_vanishes_meanwhile_is_an_unknown_outcome(stage: Stage) -> None:
    """No answer is no refusal: it may have been done."""
    seen = await stage.look()
    await stage.controllers.servers.stop("zoo-0")
    report = await stage.act(plans.Promote(2, stage.keepers.config_index), seen)
    assert (report.result, "UNREACHABLE" in report.message) == (FAILED, True)


async def test_an_unreachable_api_server_is_an_unknown_outcome(stage: Stage) -> None:
    """The next look shows what came of it."""
    seen = await stage.look()
    stage.api.faults.append(lambda _method, _path: Refusal(503, "Down", "down"))
    report = await stage.act(plans.DeletePod("zoo-0", stage.uid("pods", "zoo-0")), seen)
    assert report.result is FAILED
