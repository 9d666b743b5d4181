"""A backup to a volume, and a new cluster made from it."""

from e2e.api import Api
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load

BACKUP_TIMEOUT_S = 180


def test_backup_is_restored_into_a_new_cluster(
    ensemble: Ensemble, load: Load, api: Api, namespace: str
) -> None:
    """Every write that was acknowledged before the backup is in the cluster that begins with it."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on(writes=200)
    # Its clients end before the backup, so that all they were promised must be in it.
    report = load.finish(ensemble.addresses())
    claim = {
        "metadata": {"name": "backups"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    api.create("persistentvolumeclaims", namespace, claim)
    backup = {
        "apiVersion": "raftkeeper.io/v1",
        "kind": "RaftKeeperBackup",
        "metadata": {"name": "first"},
        "spec": {
            "cluster": ensemble.name,
            "destination": {"volume": {"claimName": "backups", "path": "zoo"}},
        },
    }
    api.create("raftkeeperbackups", namespace, backup)

    def complete() -> bool:
        status = api.get("raftkeeperbackups", namespace, "first").get("status", {})
        done = [item for item in status.get("conditions", []) if item["type"] == "Complete"]
        return bool(done) and done[0]["status"] == "True"

    ensemble.wait("the backup is complete", complete, BACKUP_TIMEOUT_S)
    restored = Ensemble(api, namespace, "restored", NODE_IMAGE)
    restored.apply(bootstrap={"restore": {"backupName": "first"}})
    restored.wait_settled(3, timeout_s=300)
    again = load.finish(restored.addresses())
    assert again.acknowledged == report.acknowledged > 0
    print(again)
