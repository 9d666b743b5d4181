"""Bad specs never reach the operator: the API server refuses each with a sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.api import Api, ApiError, path_of
from e2e.ensemble import Ensemble
from e2e.operator_release import Operator

SPECS = Path(__file__).parent.parent / "specs" / "refused.yaml"
PLURALS = {
    "RaftKeeperCluster": "raftkeeperclusters",
    "RaftKeeperBackup": "raftkeeperbackups",
    "RaftKeeperBackupSchedule": "raftkeeperbackupschedules",
}


def test_bad_specs_are_refused_with_their_message(
    operator: Operator, api: Api, namespace: str
) -> None:
    """Every one, at once, and in words; and nothing of it is left behind."""
    # Objects that a change starts from are made, and nobody shall run them.
    operator.scale(0)
    cases = yaml.safe_load(SPECS.read_text(encoding="utf-8"))
    wrong = [
        said for number, case in enumerate(cases) if (said := _try(api, namespace, number, case))
    ]
    assert wrong == []
    for plural in PLURALS.values():
        for item in api.list(plural, namespace):
            api.delete(plural, namespace, item["metadata"]["name"])


def test_an_even_scale_is_refused(ensemble: Ensemble) -> None:
    """`kubectl scale` is held to the same rules, and a refusal changes nothing."""
    ensemble.apply(replicas=1, paused=True)
    with pytest.raises(ApiError, match="must be odd") as refusal:
        ensemble.scale(4)
    assert refusal.value.status == 422
    assert (
        ensemble.api.get("raftkeeperclusters", ensemble.namespace, "zoo")["spec"]["replicas"] == 1
    )


def _try(api: Api, namespace: str, number: int, case: dict[str, Any]) -> str:
    """What is wrong with the answer; '' when it is the right refusal."""
    plural = PLURALS[case["kind"]]
    name = case.get("name", f"zoo-{number}")

    def body(spec: Any, version: str = "") -> dict[str, Any]:
        meta = {"name": name} | ({"resourceVersion": version} if version else {})
        kind = {"apiVersion": "raftkeeper.io/v1", "kind": case["kind"]}
        return {**kind, "metadata": meta, "spec": spec}

    strict = {"fieldValidation": "Strict"}
    try:
        if "from" in case:
            made = api.create(plural, namespace, body(case["from"]))
            changed = body(case["spec"], made["metadata"]["resourceVersion"])
            api.call("PUT", path_of(plural, namespace, name), changed, query=strict)
        else:
            query = strict | {"dryRun": "All"}
            api.call("POST", path_of(plural, namespace), body(case["spec"]), query=query)
    except ApiError as error:
        return "" if case["says"] in error.message else f"{case['case']}: {error.message}"
    return f"{case['case']}: was taken"
