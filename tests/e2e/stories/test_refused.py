"""Specs that nobody may apply, each refused by the API server with a sentence a person understands."""

from typing import Any

import pytest
import yaml

from e2e.api import Api, ApiError
from e2e.home import REPOSITORY
from e2e.operator_release import Operator

CASES: list[dict[str, Any]] = yaml.safe_load(
    (REPOSITORY / "tests" / "e2e" / "specs" / "refused.yaml").read_text()
)
KINDS = {
    "RaftKeeperCluster": "raftkeeperclusters",
    "RaftKeeperBackup": "raftkeeperbackups",
    "RaftKeeperBackupSchedule": "raftkeeperbackupschedules",
}


def test_bad_specs_are_refused_with_their_sentence(
    operator: Operator, api: Api, namespace: str
) -> None:
    """Every case of refused.yaml: refused, and for its own reason."""
    assert CASES, "there are no cases"
    wrong = [
        text for number, case in enumerate(CASES) if (text := judge(api, namespace, number, case))
    ]
    if wrong:
        pytest.fail("\n".join(wrong))


def judge(api: Api, namespace: str, number: int, case: dict[str, Any]) -> str:
    """What is wrong with the answer to a case; '' when it is as it should be."""
    kind = KINDS[case["kind"]]
    name = case.get("name", f"case-{number}")
    body: dict[str, Any] = {
        "apiVersion": "raftkeeper.io/v1",
        "kind": case["kind"],
        "metadata": {"name": name},
        "spec": case["spec"],
    }
    try:
        if "from" in case:
            # Paused, so that a cluster which is only there to be changed is not built.
            paused = {"paused": True} if kind == "raftkeeperclusters" else {}
            api.create(kind, namespace, {**body, "spec": {**paused, **case["from"]}})
            api.patch(kind, namespace, name, {"spec": case["spec"]})
        else:
            api.create(kind, namespace, body)
    except ApiError as error:
        if case["says"] in error.message:
            return ""
        return f"{case['case']}: it says {error.message!r}, not {case['says']!r}"
    finally:
        api.delete(kind, namespace, name)
    return f"{case['case']}: it was accepted"
