"""The CRDs: as committed, structural, bounded, with defaults that the models share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from raftkeeper_operator.api.backup import RaftKeeperBackup
from raftkeeper_operator.api.cluster import ClusterSpec, RaftKeeperCluster
from raftkeeper_operator.api.conditions import REASONS, ConditionType, Reason
from raftkeeper_operator.api.crd import RESOURCES, Resource, build_crd, crd_files
from raftkeeper_operator.api.reference import reference_page

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "crds", ROOT / "charts" / "raftkeeper-crds" / "templates")


def schema_of(resource: Resource) -> dict[str, Any]:
    schema: dict[str, Any] = build_crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_committed_crds_are_those_of_the_models(folder: Path) -> None:
    """The folders hold what `make crds` would write, and nothing else."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert committed == crd_files(), "run make crds"


def test_reference_page_is_of_the_models() -> None:
    """docs/reference/resources.md is what `make crds` would write."""
    page = ROOT / "docs" / "reference" / "resources.md"
    assert page.read_text(encoding="utf-8") == reference_page(), "run make crds"


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_every_part_of_a_spec_is_bounded(resource: Resource) -> None:
    """Each string, list and map of a spec has an end: the cost of rules depends on it."""
    unbounded = []
    for path, node in nodes(schema_of(resource)["properties"]["spec"]):
        kind = node.get("type")
        if kind == "string" and not {"maxLength", "enum"} & set(node):
            unbounded.append(path)
        if kind == "array" and "maxItems" not in node:
            unbounded.append(path)
        if "additionalProperties" in node and "maxProperties" not in node:
            unbounded.append(path)
    # Declared only to be refused: see FORBIDDEN_POD_FIELDS.
    assert [path for path in unbounded if not path.startswith(".podTemplate.spec.")] == []


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_schema_is_structural(resource: Resource) -> None:
    """Each node has a type, and nothing that Kubernetes does not know is left in it."""
    for path, node in nodes(schema_of(resource)):
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert not {"$ref", "title", "allOf", "$defs", "const"} & set(node), path
        if node.get("type") == "object" and "x-kubernetes-preserve-unknown-fields" not in node:
            assert "properties" in node or "additionalProperties" in node or path == ".metadata", (
                path
            )


def test_rules_have_messages_for_people() -> None:
    """Every rule says what is wrong in a sentence, and not in CEL."""
    for resource in RESOURCES:
        for path, node in nodes(schema_of(resource)):
            for rule in node.get("x-kubernetes-validations", ()):
                assert len(rule["message"]) > 20, path
                assert "self." not in rule["message"], path


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """What the API server makes of a value: absent fields get their defaults, objects first."""
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name not in value and "default" in child:
                value[name] = yaml.safe_load(yaml.safe_dump(child["default"]))
            if name in value:
                value[name] = defaulted(child, value[name])
    return value


def test_defaults_of_the_crd_are_those_of_the_model() -> None:
    """A spec that the API server has filled in means the same as the model's own defaults."""
    spec = schema_of(RESOURCES[0])["properties"]["spec"]
    assert ClusterSpec.model_validate(defaulted(spec, {})) == ClusterSpec()
    assert ClusterSpec().storage.retention.quarantine_for_ms == 7 * 24 * 3_600_000


def test_spec_may_be_left_out_altogether() -> None:
    """`spec: {}` is a cluster of three."""
    cluster = RaftKeeperCluster.model_validate({"metadata": {"name": "zoo"}, "spec": {}})
    assert cluster.spec.replicas == 3


def test_fields_of_a_newer_crd_are_no_error() -> None:
    """An operator that is older than the CRD reads what it knows."""
    cluster = RaftKeeperCluster.model_validate({"spec": {"replicas": 5, "fromTheFuture": True}})
    assert cluster.spec.replicas == 5


def test_a_written_spec_reads_back_the_same() -> None:
    """Dumping a model in the API's form and reading it gives the same model."""
    backup = RaftKeeperBackup.model_validate(
        {
            "spec": {
                "cluster": "zoo",
                "destination": {
                    "s3": {"bucket": "backups", "prefix": "zoo/", "credentialsSecret": "s3"}
                },
                "timeout": "1h30m",
            }
        }
    )
    written = backup.model_dump(by_alias=True, exclude_none=True, mode="json")
    assert written["spec"]["timeout"] == "1h30m"
    assert RaftKeeperBackup.model_validate(written) == backup


def test_every_reason_belongs_to_a_condition() -> None:
    """No reason is left over, and each condition has some."""
    assert set(REASONS) == set(ConditionType)
    assert {reason for reasons in REASONS.values() for reason in reasons} == set(Reason)


REFUSED = ROOT / "tests" / "e2e" / "specs" / "refused.yaml"
# What the API server says of itself, where types and bounds are enough.
GENERIC = ("should ", "Duplicate value", "Required value", "unknown field")


def test_every_rule_has_a_spec_that_it_refuses() -> None:
    """For each rule there is a bad spec that the end-to-end story tries, and none tries a rule that is gone."""
    messages = {
        rule["message"]
        for resource in RESOURCES
        for _, node in nodes(schema_of(resource))
        for rule in node.get("x-kubernetes-validations", ())
    }
    said = [
        case["says"]
        for case in yaml.safe_load(REFUSED.read_text(encoding="utf-8"))
        if not case["says"].startswith(GENERIC)
    ]
    assert [says for says in said if not any(says in message for message in messages)] == []
    untried = [text for text in messages if not any(says in text for says in said)]
    # One of them stands for all fields that cannot be overlaid.
    assert [text for text in untried if not text.endswith("cannot be overlaid")] == []
