"""What one step makes of the next: when to look again."""

from typing import Any

import pytest

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.app import step as step_module
from raftkeeper_operator.app.step import ClusterStep, _pause_s
from raftkeeper_operator.decide.plan import DeletePod, Plan, SetBudget, wait

KEY = ("ns", "zoo")
BUDGET = Plan(SetBudget(2), "SettingBudget", "…")
OTHER = Plan(DeletePod("zoo-0", "uid"), "ReplacingBrokenPod", "…", target="zoo-0")


def make() -> ClusterStep:
    nothing: Any = None
    return ClusterStep(nothing, nothing, nothing, nothing)


def test_the_same_again_and_again_is_done_later_each_time() -> None:
    """Somebody undoes it: the API is not filled with the quarrel."""
    step = make()
    pauses = [step._repetition_pause_s(KEY, BUDGET) for _ in range(12)]
    assert pauses[: step_module.REPEATS_FREE] == [0.0] * step_module.REPEATS_FREE
    assert pauses[step_module.REPEATS_FREE] == step_module.REPEAT_FIRST_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == step_module.REPEAT_MAX_S


def test_anything_else_between_begins_anew() -> None:
    """One thing after the other is work, not a quarrel; waiting is no doing."""
    step = make()
    for plan in [BUDGET, OTHER] * 10:
        assert step._repetition_pause_s(KEY, plan) == 0.0
    for _ in range(10):
        assert step._repetition_pause_s(KEY, wait("MemberDown", "…")) == 0.0
    for _ in range(step_module.REPEATS_FREE):
        assert step._repetition_pause_s(KEY, BUDGET) == 0.0
    assert step._repetition_pause_s(("ns", "other"), BUDGET) == 0.0


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
