"""Actions that do not help: done later each time, then left out for a while, then tried once more."""

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.app import refusals as module
from raftkeeper_operator.app.refusals import Refusals
from raftkeeper_operator.decide.plan import (
    ApplyResource,
    DeletePod,
    Plan,
    SetBudget,
    SetPoolReplicas,
    wait,
)
from raftkeeper_operator.decide.refusals import key_of

KEY = ("ns", "zoo")
BUDGET = Plan(SetBudget(2, "7"), "SettingBudget", "…")
OTHER = Plan(DeletePod("zoo-0", "uid"), "ReplacingBrokenPod", "…", target="zoo-0")
DONE = Report(Result.DONE)
FOREIGN = Report(Result.REFUSED, "it is theirs", foreign=True)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def started(clock: Clock) -> Refusals:
    """Its cluster has been looked at."""
    refusals = Refusals(clock)
    assert refused(refusals) == []
    return refusals


def refused(refusals: Refusals, generation: int = 1) -> list[str]:
    return [one.message for one in refusals.of(KEY, generation)]


def fail(refusals: Refusals, times: int = module.TRIES, report: Report = FOREIGN) -> None:
    for _ in range(times):
        refusals.note(KEY, BUDGET, report)


def test_the_same_again_and_again_is_done_later_each_time() -> None:
    """Somebody undoes it: the API is not filled with the quarrel."""
    refusals = Refusals()
    pauses = [refusals.note(KEY, BUDGET, DONE) for _ in range(12)]
    assert pauses[: module.FREE_REPEATS] == [0.0] * module.FREE_REPEATS
    assert pauses[module.FREE_REPEATS] == module.REPEAT_FIRST_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == module.REPEAT_MAX_S


def test_anything_else_between_begins_anew() -> None:
    """One thing after the other is work, not a quarrel; waiting is no doing."""
    refusals = Refusals()
    for plan in [BUDGET, OTHER] * 10:
        assert refusals.note(KEY, plan, DONE) == 0.0
    for _ in range(10):
        assert refusals.note(KEY, wait("MemberDown", "…"), None) == 0.0
    for _ in range(module.FREE_REPEATS):
        assert refusals.note(KEY, BUDGET, DONE) == 0.0
    assert refusals.note(("ns", "other"), BUDGET, DONE) == 0.0
    assert refused(refusals) == []


def test_what_fails_again_and_again_is_left_out_for_a_while() -> None:
    """However it fails, and whatever else happens meanwhile; its words are kept."""
    for result in (Result.REFUSED, Result.FAILED, Result.STALE):
        refusals = started(Clock())
        for _ in range(module.TRIES - 1):
            fail(refusals, 1, Report(result, "no"))
            refusals.note(KEY, OTHER, DONE)
        assert refused(refusals) == []
        fail(refusals, 1, Report(result, "no"))
        assert refused(refusals) == ["no"]
        (one,) = refusals.of(KEY, 1)
        assert (one.key, one.foreign) == (key_of(BUDGET.action), False)
    assert BUDGET.action is not None


def test_it_is_tried_once_more_and_then_left_out_for_longer() -> None:
    """With a bound; when it helps, all is forgotten."""
    clock = Clock()
    refusals = started(clock)
    fail(refusals)
    for aside_s in (module.ASIDE_FIRST_S, 2 * module.ASIDE_FIRST_S, *[module.ASIDE_MAX_S] * 3):
        clock.now += aside_s - 0.5
        assert refused(refusals) == ["it is theirs"], aside_s
        assert refusals.of(KEY, 1)[0].foreign
        clock.now += 1.0
        assert refused(refusals) == []
        fail(refusals, 1)
    clock.now += module.ASIDE_MAX_S
    refusals.note(KEY, BUDGET, DONE)
    fail(refusals, module.TRIES - 1)
    assert refused(refusals) == []


def test_what_is_done_and_undone_is_left_out_too() -> None:
    """It would keep later rules from acting just as well."""
    refusals = started(Clock())
    for _ in range(module.UNDONE_TRIES - 1):
        refusals.note(KEY, BUDGET, DONE)
    assert refused(refusals) == []
    refusals.note(KEY, BUDGET, DONE)
    assert "undone each time" in refused(refusals)[0]


def test_another_spec_is_another_chance() -> None:
    """And so is a long time, and another life of the cluster."""
    clock = Clock()
    refusals = started(clock)
    fail(refusals)
    assert refused(refusals) == ["it is theirs"]
    assert refused(refusals, generation=2) == []
    fail(refusals, module.TRIES - 1)
    clock.now += module.FORGET_S + 1
    fail(refusals, 1)
    assert refused(refusals, generation=2) == []
    fail(refusals)
    assert refused(refusals, generation=2) == ["it is theirs"]
    refusals.forget(KEY)
    assert refused(refusals) == []


def test_an_action_is_known_by_what_it_does() -> None:
    """Not by the picture that it was decided on, nor by words; another object is another action."""
    assert key_of(SetBudget(2, "7")) == key_of(SetBudget(2, "8")) != key_of(SetBudget(3, "7"))
    assert key_of(SetPoolReplicas("a", 1, "1")) != key_of(SetPoolReplicas("b", 1, "1"))
    assert key_of(ApplyResource("Service", "x")) != key_of(ApplyResource("NetworkPolicy", "x"))


def test_no_more_than_some_are_remembered() -> None:
    """The oldest are forgotten first."""
    refusals = started(Clock())
    for number in range(module.REFUSALS_MAX + 5):
        plan = Plan(DeletePod(f"zoo-{number}", "uid"), "…", "…")
        for _ in range(module.TRIES):
            refusals.note(KEY, plan, Report(Result.FAILED, str(number)))
    found = refused(refusals)
    assert len(found) == module.REFUSALS_MAX
    assert found[-1] == str(module.REFUSALS_MAX + 4)
