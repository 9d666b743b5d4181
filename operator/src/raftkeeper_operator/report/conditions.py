"""Conditions and phase."""

from collections.abc import Sequence
from typing import Any

from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.observe.snapshot import Snapshot

Verdict = tuple[str, str, str, str]


def judge(snapshot: Snapshot, plan: Plan) -> tuple[str, list[Verdict]]:
    """Phase and conditions."""
    if snapshot.ensemble is not None:
        return "Running", [("Ready", "True", "QuorumAvailable", "a leader serves")]
    reason = "NoLeader" if snapshot.remembered.cluster_id else "Bootstrapping"
    return "Bootstrapping", [("Ready", "False", reason, plan.message)]


def merge_conditions(
    before: Sequence[Any], verdicts: Sequence[Verdict], generation: int, now_ms: int
) -> list[dict[str, Any]]:
    """Their times stay as long as their status does."""
    from raftkeeper_operator.report.status import timestamp

    old = {item.get("type"): item for item in before}
    found = []
    for kind, status, reason, message in verdicts:
        last = old.get(kind, {})
        same = last.get("status") == status
        since = last.get("lastTransitionTime") if same else None
        found.append(
            {
                "type": kind,
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": since or timestamp(now_ms),
                "observedGeneration": generation,
            }
        )
    return found
