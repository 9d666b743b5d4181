"""Golden files: what is built for two clusters, whole and as YAML, for people to read in a diff.

`GOLDEN=write` writes them anew. Commit only differences that you can explain.
"""

import os
from pathlib import Path

import pytest
import yaml
from tests.build.clusters import EVERYTHING, cluster

from raftkeeper_operator.api.backup import BackupSource, BackupSpec
from raftkeeper_operator.build.backup_job import build_backup_job
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.disruption import build_disruption_budget
from raftkeeper_operator.build.founding import build_closed_founding, build_founding
from raftkeeper_operator.build.ordinary import wanted_objects
from raftkeeper_operator.build.pod_template import build_pod_template
from raftkeeper_operator.build.stateful_set import build_stateful_set

FOLDER = Path(__file__).parent / "golden"
S3 = {"bucket": "backups", "prefix": "zoo/", "endpoint": "https://s3.test", "region": "eu-1"}


def pool(blueprint: Blueprint, zone: str | None) -> Object:
    made = build_pod_template(blueprint)
    return build_stateful_set(
        blueprint, zone, replicas=2, template=made.template, revision=made.revision
    )


def everything() -> dict[str, tuple[Object, ...]]:
    """What each file holds."""
    small, large = cluster(), cluster(EVERYTHING)
    restore = BackupSource.model_validate(
        {"s3": S3 | {"credentialsSecret": "s3"}, "file": "nightly-1.snap"}
    )
    backup = BackupSpec.model_validate(
        {"cluster": "zoo", "destination": {"volume": {"claimName": "backups", "path": "zoo"}}}
    )
    template = build_pod_template(small).template
    host = "zoo-0.zoo-members.default.svc.cluster.local:2888"
    return {
        "minimal.yaml": (*wanted_objects(small), pool(small, None)),
        "everything.yaml": (*wanted_objects(large), pool(large, "b")),
        "restore.yaml": (pool(cluster(restore=restore), None),),
        "backup-job.yaml": (
            build_backup_job(small, template, "nightly-1", "b1", backup, ("zoo-1", "zoo-0")),
        ),
        "founding.yaml": (
            build_founding(small, ((1, host),), 1_700_000_000_000),
            build_closed_founding(small, "c1"),
        ),
        "disruption-budget.yaml": (build_disruption_budget(small, 2),),
    }


class Readable(yaml.SafeDumper):
    """Writes files within objects as the lines that they are."""


Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


@pytest.mark.parametrize("name", sorted(everything()))
def test_objects_are_as_the_golden_file_has_them(name: str) -> None:
    """What is built is what was reviewed."""
    text = yaml.dump_all(everything()[name], Dumper=Readable, sort_keys=False, width=100)
    text = f"# Written by GOLDEN=write; see test_golden.py.\n{text}"
    path = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_no_golden_file_is_left_over() -> None:
    """Each file of the folder is compared with something."""
    assert {path.name for path in FOLDER.iterdir()} == set(everything())
