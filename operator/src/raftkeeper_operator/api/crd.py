"""The CustomResourceDefinitions, made from the models. `python -m raftkeeper_operator.api.crd DIR…`
writes them; nobody edits what it writes (`make crds`, and a test that compares).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from raftkeeper_operator.api.backup import (
    BackupScheduleStatus,
    BackupStatus,
    RaftKeeperBackup,
    RaftKeeperBackupSchedule,
)
from raftkeeper_operator.api.cluster import RaftKeeperCluster
from raftkeeper_operator.api.labels import GROUP, VERSION
from raftkeeper_operator.api.part import Part
from raftkeeper_operator.api.status import ClusterStatus
from raftkeeper_operator.api.structural import structural_schema

HEADER: Final = "# Made by `make crds` from operator/src/raftkeeper_operator/api; do not edit.\n"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    """0: always; 1: with `-o wide` only."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind, and how Kubernetes shows it."""

    model: type[Part]
    status: type[Part]
    plural: str
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    scalable: bool = False

    @property
    def kind(self) -> str:
        return self.model.__name__


AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")

CLUSTERS: Final = Resource(
    RaftKeeperCluster,
    ClusterStatus,
    "raftkeeperclusters",
    ("rk",),
    (
        Column("Ready", ".status.ready"),
        Column("Voters", ".status.voters", "integer"),
        Column("Leader", ".status.leader.pod"),
        Column("Version", ".status.version"),
        Column("Zones", ".status.zonesSummary"),
        Column("Phase", ".status.phase"),
        Column("Plan", ".status.plan.message", priority=1),
        AGE,
    ),
    scalable=True,
)
BACKUPS: Final = Resource(
    RaftKeeperBackup,
    BackupStatus,
    "raftkeeperbackups",
    ("rkb",),
    (
        Column("Cluster", ".spec.cluster"),
        Column("Phase", ".status.phase"),
        Column("Znodes", ".status.znodes", "integer"),
        Column("Bytes", ".status.bytes", "integer"),
        Column("Location", ".status.location", priority=1),
        AGE,
    ),
)
SCHEDULES: Final = Resource(
    RaftKeeperBackupSchedule,
    BackupScheduleStatus,
    "raftkeeperbackupschedules",
    ("rkbs",),
    (
        Column("Cluster", ".spec.cluster"),
        Column("Schedule", ".spec.schedule"),
        Column("Suspended", ".spec.suspend", "boolean"),
        Column("Last", ".status.lastSuccessfulAt", "date"),
        Column("Next", ".status.nextScheduledAt", priority=1),
        AGE,
    ),
)
RESOURCES: Final = (CLUSTERS, BACKUPS, SCHEDULES)


def build_crd(resource: Resource) -> dict[str, Any]:
    """The CustomResourceDefinition of a resource."""
    schema = structural_schema(resource.model)
    status = structural_schema(resource.status, defaults=False)
    schema["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": schema["properties"]["spec"],
        "status": status,
    }
    subresources: dict[str, Any] = {"status": {}}
    if resource.scalable:
        subresources["scale"] = {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.voters",
            "labelSelectorPath": ".status.selector",
        }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{GROUP}",
            # Removing a chart must not remove every cluster there is.
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": list(resource.short_names),
                "categories": ["raftkeeper"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": subresources,
                    "additionalPrinterColumns": [_written(column) for column in resource.columns],
                }
            ],
        },
    }


def _written(column: Column) -> dict[str, Any]:
    written: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.priority:
        written["priority"] = column.priority
    return written


class _Dumper(yaml.SafeDumper):
    """Writes what is shared out in full: anchors in a CRD help nobody."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def crd_files() -> dict[str, str]:
    """Every CRD as text, by its file's name."""
    return {
        f"{GROUP}_{resource.plural}.yaml": HEADER
        + yaml.dump(build_crd(resource), Dumper=_Dumper, sort_keys=False, width=100)
        for resource in RESOURCES
    }


def main() -> None:
    """Write the CRDs into folders."""
    parser = argparse.ArgumentParser(description="write the CustomResourceDefinitions")
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in crd_files().items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
