"""A backup of one ensemble, and another that begins with it."""

from e2e.api import Api, Object
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load

BACKUPS = "raftkeeperbackups"
SCHEDULES = "raftkeeperbackupschedules"
DESTINATION = {"volume": {"claimName": "backups", "path": "zoo"}}
BACKUP_TIMEOUT_S = 180


def test_backup_is_restored_into_a_new_cluster(ensemble: Ensemble, load: Load, api: Api) -> None:
    """Everything that was written before the backup is in the new cluster, which is another ensemble."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on(writes=400)
    load.finish(ensemble.addresses())
    before = _figures(ensemble)
    assert before["znode_count"] > 4, before
    _make_claim(api, ensemble.namespace)
    api.create(BACKUPS, ensemble.namespace, _backup("once"))
    status = _wait_for_backup(ensemble, "once")
    assert status["znodes"] >= before["znode_count"], status
    ensemble.wait(
        "the cluster knows of it",
        lambda: ensemble.condition("BackupHealthy")["reason"] == "BackupRecent",
    )
    other = Ensemble(api, ensemble.namespace, "other", NODE_IMAGE)
    other.apply(bootstrap={"restore": {"backupName": "once"}})
    other.wait_settled(3, timeout_s=300)
    assert other.status()["clusterId"] != ensemble.status()["clusterId"]
    assert _figures(other) == before


def test_a_schedule_makes_backups_and_keeps_some(ensemble: Ensemble, api: Api) -> None:
    """One a minute is made; those beyond the retention go, file and all."""
    ensemble.apply(replicas=1)
    ensemble.wait_settled(1)
    _make_claim(api, ensemble.namespace)
    spec = {
        "cluster": ensemble.name,
        "schedule": "* * * * *",
        "destination": DESTINATION,
        "retention": {"keepLast": 1},
    }
    api.create(
        SCHEDULES,
        ensemble.namespace,
        {**_kind("Schedule"), "metadata": {"name": "often"}, "spec": spec},
    )
    seen: set[str] = set()

    def two_were_made() -> bool:
        seen.update(item["metadata"]["name"] for item in api.list(BACKUPS, ensemble.namespace))
        assert len(seen) >= 2, f"made so far: {sorted(seen)}"
        return True

    ensemble.wait("the schedule has made two", two_were_made, timeout_s=180)

    def one_is_left() -> bool:
        left = [item["metadata"]["name"] for item in api.list(BACKUPS, ensemble.namespace)]
        assert min(seen) not in left, f"left: {left}"
        return True

    ensemble.wait("the older one is gone", one_is_left, timeout_s=180)
    status = api.get(SCHEDULES, ensemble.namespace, "often")["status"]
    assert status["lastSuccessfulAt"]


def _figures(ensemble: Ensemble) -> dict[str, float]:
    """How much there is in an ensemble, from the metrics of its leader."""
    path = f"/api/v1/namespaces/{ensemble.namespace}/pods/{ensemble.leader()}:8080/proxy/metrics"
    wanted = ("znode_count", "approximate_data_size")
    lines = (line.split() for line in ensemble.api.text(path).splitlines())
    return {line[0]: float(line[1]) for line in lines if line and line[0] in wanted}


def _kind(suffix: str = "") -> Object:
    return {"apiVersion": "raftkeeper.io/v1", "kind": f"RaftKeeperBackup{suffix}"}


def _backup(name: str) -> Object:
    spec = {"cluster": "zoo", "destination": DESTINATION}
    return {**_kind(), "metadata": {"name": name}, "spec": spec}


def _make_claim(api: Api, namespace: str) -> None:
    body = {
        "metadata": {"name": "backups"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    api.create("persistentvolumeclaims", namespace, body)


def _wait_for_backup(ensemble: Ensemble, name: str) -> Object:
    def ended() -> bool:
        status = ensemble.api.get(BACKUPS, ensemble.namespace, name).get("status", {})
        assert status.get("phase") == "Succeeded", f"backup {name}: {status}"
        return True

    ensemble.wait(f"backup {name} succeeded", ended, timeout_s=BACKUP_TIMEOUT_S)
    found: Object = ensemble.api.get(BACKUPS, ensemble.namespace, name)["status"]
    return found
