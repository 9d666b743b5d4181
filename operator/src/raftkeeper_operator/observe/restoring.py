"""Where the backup lies that a cluster is to begin with. Of interest until its ensemble is founded."""

from raftkeeper_operator.api.backup import BackupSource, BackupSpec
from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.build.founding import CLUSTER_ID
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.clients.resources import BACKUPS, CONFIG_MAPS
from raftkeeper_operator.observe.fields import part
from raftkeeper_operator.observe.objects import Objects


async def find_restore(
    kube: Kube, blueprint: Blueprint, objects: Objects
) -> tuple[BackupSource | None, str]:
    """The place, if one is needed; or else, in words, why it cannot be had."""
    restore = blueprint.spec.bootstrap.restore
    founding = objects.get(CONFIG_MAPS, blueprint.names.founding_config)
    if restore is None or part(founding or {}, "data", CLUSTER_ID):
        return None, ""
    if restore.source is not None:
        return restore.source, ""
    name = restore.backup_name or ""
    body = await kube.get(BACKUPS, blueprint.namespace, name)
    where = f"spec.bootstrap.restore.backupName: RaftKeeperBackup {name}"
    if body is None:
        return None, f"{where} is not there, in namespace {blueprint.namespace}"
    if part(body, "status", "phase") != "Succeeded":
        return None, f"{where} has not succeeded (yet)"
    destination = BackupSpec.model_validate(body["spec"]).destination
    file = str(part(body, "status", "file") or "")
    source = BackupSource(volume=destination.volume, s3=destination.s3, file=file)
    return source, ""
