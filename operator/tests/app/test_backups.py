"""Backups from resource to file and back, against an API server: each step once, and once more."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.build.clusters import cluster
from tests.decide.picture import leaderless, well
from tests.fake_api.server import FakeApi

from raftkeeper_operator.api.cluster import ClusterSpec
from raftkeeper_operator.app.backups import explain_orphans, look_after_backups
from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.build.founding import build_closed_founding
from raftkeeper_operator.build.pod_template import build_pod_template
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import BACKUPS, JOBS, SCHEDULES
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.restoring import find_restore
from raftkeeper_operator.observe.snapshot import Snapshot
from raftkeeper_operator.report.backups import judge_backups, last_backup

Object = dict[str, Any]
RESULT = {"index": 9, "term": 2, "zxid": 255, "znodes": 5, "bytes": 100, "sha256": "ab"}
DESTINATION = {"volume": {"claimName": "backups"}}


def observation(
    snapshot: Snapshot | None = None, change: Callable[[Blueprint], Blueprint] = lambda it: it
) -> Observation:
    blueprint = change(cluster())
    seen = snapshot or well()
    # The clock stands where the objects' times are.
    seen = replace(seen, now_ms=1_900_000_000_000)
    return Observation(seen, {"metadata": {}}, blueprint, build_pod_template(blueprint), Objects())


def put_backup(api: FakeApi, name: str = "b", **metadata: Any) -> Object:
    return api.put(
        {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperBackup",
            "metadata": {"namespace": "default", "name": name, **metadata},
            "spec": {"cluster": "zoo", "destination": DESTINATION},
        }
    )


async def end_job(api: FakeApi, kube: Kube, name: str, words: str, kind: str = "Complete") -> None:
    job = await kube.get(JOBS, "default", name)
    assert job is not None
    api.put(job, status={"conditions": [{"type": kind, "status": "True"}]})
    terminated = {"state": {"terminated": {"message": words}}, "name": "backup"}
    api.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": "default",
                "name": f"{name}-x",
                "labels": {"batch.kubernetes.io/job-name": name},
            },
        },
        status={"containerStatuses": [terminated]},
    )


async def status(kube: Kube, name: str = "b") -> Object:
    body = await kube.get(BACKUPS, "default", name)
    assert body is not None
    found: Object = body.get("status") or {}
    return found


async def test_a_backup_runs_and_succeeds(api: FakeApi, kube: Kube) -> None:
    """From the resource to its Job, and from the Job's last words to the status."""
    put_backup(api)
    _, rest_s = await look_after_backups(kube, observation())
    assert rest_s == 0
    assert (await status(kube))["phase"] == "Running"
    job = await kube.get(JOBS, "default", "b-backup")
    assert job is not None
    _, rest_s = await look_after_backups(kube, observation())
    assert rest_s > 0
    await end_job(
        api, kube, "b-backup", json.dumps(RESULT | {"location": "file:///backups/b.snap"})
    )
    await look_after_backups(kube, observation())
    found = await status(kube)
    assert found["phase"] == "Succeeded"
    assert (found["znodes"], found["zxid"], found["file"]) == (5, "0xff", "b.snap")
    assert found["conditions"][0]["reason"] == "BackupStored"


async def test_a_backup_runs_as_members_that_are_well_do(api: FakeApi, kube: Kube) -> None:
    """By the last good template: after a rollback the spec's image is one that nobody can run."""
    put_backup(api)
    overlay = {"spec": {"nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "dedicated"}]}}
    good = build_pod_template(cluster({"image": {"tag": "good"}, "podTemplate": overlay}))
    seen = replace(observation(), proven=good.template)
    await look_after_backups(kube, seen)
    job = await kube.get(JOBS, "default", "b-backup")
    assert job is not None
    spec = job["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"].endswith(":good")
    assert spec["nodeSelector"] == {"disk": "fast"}
    assert spec["tolerations"] == [{"key": "dedicated"}]


async def test_a_failed_job_is_told(api: FakeApi, kube: Kube) -> None:
    """With the Job's own words."""
    put_backup(api)
    await look_after_backups(kube, observation())
    await end_job(api, kube, "b-backup", '{"error": "the volume is full"}', "Failed")
    await look_after_backups(kube, observation())
    found = await status(kube)
    assert (found["phase"], found["message"]) == ("Failed", "the volume is full")


async def test_the_same_step_twice_writes_nothing_more(api: FakeApi, kube: Kube) -> None:
    """Once everything is said, looking again changes nothing."""
    put_backup(api)
    await look_after_backups(kube, observation())
    before = len(api.writes())
    await look_after_backups(kube, observation())
    assert len(api.writes()) == before


async def test_a_job_of_a_lost_step_is_taken_up(api: FakeApi, kube: Kube) -> None:
    """An operator that died between the Job and the status does not make a second one."""
    body = put_backup(api)
    await look_after_backups(kube, observation())
    api.put(body, status={})
    await look_after_backups(kube, observation())
    assert (await status(kube))["phase"] == "Running"
    assert len(await kube.list_objects(JOBS, "default")) == 1


async def test_without_a_leader_it_waits(api: FakeApi, kube: Kube) -> None:
    """And says for what."""
    put_backup(api)
    await look_after_backups(kube, observation(leaderless(well())))
    found = await status(kube)
    assert found["phase"] == "Pending"
    assert "no leader" in found["message"]
    assert await kube.list_objects(JOBS, "default") == []


async def test_a_schedule_makes_backups_and_says_when(api: FakeApi, kube: Kube) -> None:
    """The backup bears the schedule's label; the status names it, and the next moment."""
    api.put(
        {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperBackupSchedule",
            "metadata": {"namespace": "default", "name": "nightly"},
            "spec": {"cluster": "zoo", "schedule": "@daily", "destination": DESTINATION},
        },
        status={"lastScheduledAt": "2030-03-15T00:00:00Z"},
    )
    await look_after_backups(kube, observation())
    (made,) = await kube.list_objects(BACKUPS, "default")
    assert made["metadata"]["labels"]["raftkeeper.io/schedule"] == "nightly"
    assert made["spec"]["destination"] == DESTINATION | {
        "volume": {"claimName": "backups", "path": ""}
    }
    body = await kube.get(SCHEDULES, "default", "nightly")
    assert body is not None
    assert body["status"]["lastBackup"] == made["metadata"]["name"]
    assert body["status"]["nextScheduledAt"] > body["status"]["lastScheduledAt"]
    before = len(await kube.list_objects(BACKUPS, "default"))
    await look_after_backups(kube, observation())
    assert len(await kube.list_objects(BACKUPS, "default")) == before


async def test_backups_of_no_cluster_are_told_so(api: FakeApi, kube: Kube) -> None:
    """Nobody looks after them, so the list of all clusters does."""
    put_backup(api)
    await explain_orphans(kube, (), {("default", "other")})
    assert (await status(kube))["conditions"][0]["reason"] == "ClusterNotFound"
    writes = len(api.writes())
    await explain_orphans(kube, (), {("default", "zoo")})
    assert len(api.writes()) == writes


async def test_a_restore_finds_its_backup_until_the_ensemble_is_founded(
    api: FakeApi, kube: Kube
) -> None:
    """It must have succeeded; and once there is an ensemble nobody looks any more."""
    spec = ClusterSpec.model_validate({"bootstrap": {"restore": {"backupName": "b"}}})
    blueprint = replace(cluster(), spec=spec)
    assert "is not there" in (await find_restore(kube, blueprint, Objects()))[1]
    body = put_backup(api)
    assert "has not succeeded" in (await find_restore(kube, blueprint, Objects()))[1]
    api.put(body, status={"phase": "Succeeded", "file": "b.snap"})
    source, trouble = await find_restore(kube, blueprint, Objects())
    assert trouble == ""
    assert source is not None
    assert source.file == "b.snap"
    founded = build_closed_founding(blueprint, "c1")
    objects = Objects({"ConfigMap": {founded["metadata"]["name"]: founded}})
    assert await find_restore(kube, blueprint, objects) == (None, "")


async def test_a_cluster_tells_of_its_newest_backup(api: FakeApi, kube: Kube) -> None:
    """By the condition BackupHealthy and status.lastBackup; unread backups change neither."""
    seen, _ = await look_after_backups(kube, observation())
    assert judge_backups(seen.backups, {})[2] == "NoBackup"
    put_backup(api)
    await look_after_backups(kube, observation())
    await end_job(api, kube, "b-backup", json.dumps(RESULT))
    await look_after_backups(kube, observation())
    seen, _ = await look_after_backups(kube, observation())
    assert judge_backups(seen.backups, {})[1:3] == ("True", "BackupRecent")
    assert last_backup(seen.backups, {})["lastBackup"]["name"] == "b"
    before = {"status": "True", "reason": "BackupRecent", "message": "b succeeded"}
    assert judge_backups(None, before) == ("BackupHealthy", "True", "BackupRecent", "b succeeded")
    assert last_backup(None, {"lastBackup": {"name": "b"}}) == {"lastBackup": {"name": "b"}}
