"""What is kept for a rollback, read back: damaged entries are left out, demands are compared."""

import json
from typing import Any

from raftkeeper_operator.build.pod_template import PodTemplate
from raftkeeper_operator.observe.kept import read_revisions, templates_of


def template(memory: str, image: str = "one") -> dict[str, Any]:
    resources = {"requests": {"memory": memory}}
    return {"spec": {"containers": [{"name": "c", "image": image, "resources": resources}]}}


def record(good: str, **templates: dict[str, Any]) -> dict[str, Any]:
    data = {f"template-{name}": json.dumps(value) for name, value in templates.items()}
    return {"data": {"good": good, **data}}


def test_revision_that_asks_more_of_nodes_is_known_as_such() -> None:
    """Kept ones and the wanted one, which is kept only when a pool has it."""
    body = record("v1", v1=template("1Gi"), v2=template("1Gi", "two"), v3=template("2Gi"))
    found = read_revisions(body, PodTemplate("v4", template("9Gi"), ()))
    assert found.known == ("v1", "v2", "v3")
    assert found.choosy == {"v3", "v4"}


def test_without_a_good_one_there_is_nothing_to_compare_with() -> None:
    """Nor when its template was lost."""
    assert read_revisions(record("", v2=template("2Gi"))).choosy == frozenset()
    assert read_revisions(record("v1", v2=template("2Gi"))).choosy == frozenset()


def test_damaged_template_is_not_kept() -> None:
    """A rollback never leads to it."""
    assert templates_of({"data": {"template-v1": "{", "template-v2": "[]"}}) == {}
