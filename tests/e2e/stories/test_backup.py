"""A backup of one ensemble, and another that begins with it."""

from e2e.api import Api
from e2e.backups import BACKUPS, figures_of, kind_of, make_backup, wait_for_backup
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load

SCHEDULES = "raftkeeperbackupschedules"
DESTINATION = {"volume": {"claimName": "backups", "path": "zoo"}}


def test_backup_is_restored_into_a_new_cluster(ensemble: Ensemble, load: Load, api: Api) -> None:
    """Every write before the backup is in the new cluster, another ensemble, while the old one serves on."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on(writes=400)
    load.finish(ensemble.addresses())
    before = figures_of(ensemble)
    assert before["znode_count"] > 400, before
    later = Load(api, ensemble.namespace, "later")
    later.start(ensemble.host, NODE_IMAGE)
    _make_claim(api, ensemble.namespace)
    make_backup(ensemble, "once", DESTINATION)
    status = wait_for_backup(ensemble, "once")
    assert status["phase"] == "Succeeded", status
    assert status["znodes"] >= before["znode_count"], status
    ensemble.wait(
        "the cluster knows of it",
        lambda: ensemble.condition("BackupHealthy")["reason"] == "BackupRecent",
    )
    other = Ensemble(api, ensemble.namespace, "other", NODE_IMAGE)
    other.apply(bootstrap={"restore": {"backupName": "once"}})
    other.wait_settled(3, timeout_s=300)
    assert other.status()["clusterId"] != ensemble.status()["clusterId"]
    print(load.finish(other.addresses()))
    later.goes_on()
    report = later.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


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
    body = {**kind_of("Schedule"), "metadata": {"name": "often"}, "spec": spec}
    api.create(SCHEDULES, ensemble.namespace, body)
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


def _make_claim(api: Api, namespace: str) -> None:
    body = {
        "metadata": {"name": "backups"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    api.create("persistentvolumeclaims", namespace, body)
