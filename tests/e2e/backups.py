"""Backups as a user handles them: asked for, waited for; and how much there is in an ensemble."""

from e2e.api import Object
from e2e.ensemble import Ensemble

BACKUPS = "raftkeeperbackups"
BACKUP_TIMEOUT_S = 180


def figures_of(ensemble: Ensemble) -> dict[str, float]:
    """How much there is in it, from the metrics of its leader."""
    path = f"/api/v1/namespaces/{ensemble.namespace}/pods/{ensemble.leader()}:8080/proxy/metrics"
    wanted = ("znode_count", "approximate_data_size")
    lines = (line.split() for line in ensemble.api.text(path).splitlines())
    return {line[0]: float(line[1]) for line in lines if line and line[0] in wanted}


def make_backup(ensemble: Ensemble, name: str, destination: Object) -> None:
    """Ask for one."""
    body = {
        **kind_of(),
        "metadata": {"name": name},
        "spec": {"cluster": ensemble.name, "destination": destination},
    }
    ensemble.api.create(BACKUPS, ensemble.namespace, body)


def wait_for_backup(ensemble: Ensemble, name: str) -> Object:
    """Its status when it has ended, well or not."""

    def ended() -> Object | None:
        found = ensemble.api.get(BACKUPS, ensemble.namespace, name)
        status: Object = found.get("status", {})
        assert status.get("phase") in {"Succeeded", "Failed"}, f"backup {name}: {status}"
        return status

    return ensemble.wait(f"backup {name} has ended", ended, timeout_s=BACKUP_TIMEOUT_S)


def kind_of(suffix: str = "") -> Object:
    """What a RaftKeeperBackup begins with; `Schedule` makes it a RaftKeeperBackupSchedule."""
    return {"apiVersion": "raftkeeper.io/v1", "kind": f"RaftKeeperBackup{suffix}"}
