"""What one step makes of the next: when to look again."""

import pytest

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.app import step as step_module
from raftkeeper_operator.app.step import _pause_s
from raftkeeper_operator.decide.plan import Plan, SetBudget, wait

BUDGET = Plan(SetBudget(2), "SettingBudget", "…")


@pytest.mark.parametrize(
    ("plan", "result", "pause_s"),
    [
        (BUDGET, Result.DONE, step_module.AT_ONCE_S),
        (BUDGET, Result.STALE, step_module.AT_ONCE_S),
        (BUDGET, Result.REFUSED, step_module.REFUSED_S),
        (BUDGET, Result.FAILED, step_module.FAILED_S),
        (wait("MemberDown", "…"), None, step_module.BLOCKED_S),
        (wait("WaitingForPod", "…", recheck_ms=1_500), None, 1.5),
        (wait("DiskOutOfReach", "…", recheck_ms=1_800_000), None, step_module.IDLE_S),
        (wait("Hibernated", "…"), None, step_module.ASLEEP_S),
        (Plan(None, "Settled", "…"), None, step_module.IDLE_S),
    ],
)
def test_each_end_has_its_pause(plan: Plan, result: Result | None, pause_s: float) -> None:
    """At once after an effect, soon while something is waited for, later when all is well."""
    report = Report(result) if result is not None else None
    assert _pause_s(plan, report) == pause_s
