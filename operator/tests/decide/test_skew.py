"""Releases that must not meet: refused by version before anything is touched, by level at the first pod."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    add_pod,
    break_pod,
    change_member,
    change_node,
    change_pod,
    change_pool,
    leaderless,
    make_pod,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Evict, RecordGood, RejectRevision, SetTemplate
from raftkeeper_operator.decide.skew import level_in_use
from raftkeeper_operator.observe.desired import OnFailure
from raftkeeper_operator.observe.snapshot import Revisions, Snapshot


def running(version: str, level: int = 1) -> Snapshot:
    """Three members of this release, and a spec that leads to the template v2."""
    revisions = Revisions("v1", "", ("v1", "v2"), good_level=level)
    snapshot = replace(want(well(), revision="v2"), revisions=revisions)
    for pod in snapshot.pods:
        snapshot = change_node(
            snapshot, pod.name, version=version, feature_level=level, ensemble_feature_level=level
        )
    return snapshot


def tried(level: int, others: int = 1, **desired: object) -> Snapshot:
    """The first pod has the new template and tells its level; it does not hear the others."""
    snapshot = change_pool(want(running("1.1.0", others), **desired), "x", revision="v2")
    snapshot = change_pod(snapshot, "x-2", revision="v2")
    return change_node(snapshot, "x-2", feature_level=level, ensemble_feature_level=0)


@pytest.mark.parametrize(
    ("here", "wanted", "refused"),
    [
        ("1.1.0", "1.2.0", False),
        ("1.1.0", "1.1.9", False),
        ("1.2.0", "1.1.0", False),
        ("1.9.0", "2.0.0", False),
        ("1.1.0", "1.3.0", True),
        ("1.3.0", "1.1.0", True),
        ("1.1.0", "3.0.0", True),
        ("1.1.0", "", False),
        ("", "1.3.0", False),
    ],
)
def test_version_changes_one_minor_at_a_time(here: str, wanted: str, refused: bool) -> None:
    """By what members run, not by what the spec said before; what is not known is not refused."""
    snapshot = want(running(here), version=wanted)
    plan = decide(snapshot)
    if not refused:
        assert plan.action == SetTemplate("x", "v2", "rv-x")
        return
    assert (plan.action, plan.reason, plan.target) == (None, "VersionSkew", "x-0")
    assert f"runs version {here}" in plan.message
    plan = decide(change_pool(snapshot, "x", revision="v2"))
    assert (plan.action, plan.reason) == (None, "VersionSkew")


def test_rollback_asks_for_no_version() -> None:
    """The good template is not what the spec's version is about."""
    snapshot = want(running("1.1.0"), version="1.9.0")
    snapshot = change_pool(snapshot, "x", revision="v2")
    snapshot = replace(snapshot, revisions=Revisions("v1", "v2", ("v1", "v2")))
    assert decide(snapshot).action == SetTemplate("x", "v1", "rv-x")


@pytest.mark.parametrize(
    ("level", "others", "words"),
    [
        (3, 1, "its feature level is 3, and that of x-0 is 1"),
        (1, 2, "it reads feature level 1 only, and level 2 is in use"),
    ],
)
def test_first_pod_of_a_foreign_level_is_taken_back_at_once(
    level: int, others: int, words: str
) -> None:
    """Well or not, and without waiting for any deadline."""
    plan = decide(tried(level, others))
    assert plan.action == RejectRevision("v2")
    assert isinstance(plan.action, RejectRevision)
    assert words in plan.action.why
    assert words in plan.message


def test_no_other_pod_follows_while_a_person_is_waited_for() -> None:
    """With onFailure Pause, though the pod seems to be well."""
    plan = decide(tried(1, 2, on_failure=OnFailure.PAUSE))
    assert (plan.action, plan.reason) == (None, "VersionSkew")


def test_neighbouring_levels_work_together() -> None:
    """The next level joins; and while not all had it, the former one may come back."""
    assert decide(tried(2)).action == Evict("x-1", "uid-x-1")
    assert decide(change_node(tried(1, 2), "x-1", feature_level=1)).name == "RejectRevision"
    mixed = change_node(tried(1, 2), "x-1", feature_level=1)
    for pod in ("x-0", "x-1"):
        mixed = change_node(mixed, pod, ensemble_feature_level=1)
    assert decide(mixed).action == Evict("x-1", "uid-x-1")


def test_level_is_in_use_by_the_word_of_any_node_and_is_remembered() -> None:
    """While all others merely could, and the last one cannot, it is not."""
    snapshot = tried(1, 2)
    assert level_in_use(Facts(snapshot), but="x-2") == 2
    assert level_in_use(Facts(change_pod(snapshot, "x-1", node=None)), but="x-2") == 2
    for pod in ("x-0", "x-1"):
        snapshot = change_node(snapshot, pod, ensemble_feature_level=1)
    assert level_in_use(Facts(snapshot)) == 1
    away = change_pod(change_pod(snapshot, "x-0", node=None), "x-1", node=None)
    remembered = replace(away.remembered, feature_level=2)
    assert level_in_use(Facts(replace(away, remembered=remembered)), but="x-2") == 2


def test_release_before_may_come_back_while_the_level_is_not_raised() -> None:
    """That all others read a higher one is no reason to write it: the leader waits for the last one."""
    snapshot = tried(1, 2)
    for pod in ("x-0", "x-1"):
        snapshot = change_node(snapshot, pod, ensemble_feature_level=1)
    assert decide(snapshot).action == Evict("x-1", "uid-x-1")


def test_good_revision_that_cannot_read_what_was_written_is_not_gone_back_to() -> None:
    """All members had the next level when the last pod failed."""
    snapshot = tried(2, 2)
    for pod in ("x-0", "x-1"):
        snapshot = change_pod(snapshot, pod, revision="v2")
    snapshot = break_pod(snapshot, "x-2")
    revisions = Revisions("v1", "", ("v1", "v2"), good_level=1)
    plan = decide(replace(snapshot, revisions=revisions))
    assert (plan.action, plan.reason) == (None, "UpgradeStalled")
    assert "it reads feature level 1, and level 2 is in use" in plan.message


def test_level_of_the_good_revision_is_recorded() -> None:
    """So that it is known what it can read when its pods are gone."""
    snapshot = replace(want(running("1.1.0", 2), revision="v1"), revisions=Revisions("v1"))
    assert decide(snapshot).action == RecordGood("v1", "", 2)


def test_rejected_revision_says_why() -> None:
    """For as long as it stays rejected."""
    revisions = Revisions("v1", "v2", ("v1", "v2"), good_level=1, why_rejected="x-2: no such image")
    plan = decide(replace(running("1.1.0"), revisions=revisions))
    assert plan.reason == "RolledBack"
    assert "(x-2: no such image)" in plan.message


def test_pod_of_a_foreign_level_is_not_added() -> None:
    """It would be a learner that nobody hears, and hold everything else."""
    snapshot = want(change_pool(running("1.1.0", 2), "x", replicas=4), replicas=5, revision="v1")
    snapshot = add_pod(snapshot, make_pod("x-3", make_waiting("life-9"), ready=False))
    snapshot = replace(snapshot, revisions=Revisions("v1", "", ("v1",), good_level=2))
    plan = decide(change_node(snapshot, "x-3", feature_level=1))
    assert (plan.action, plan.reason, plan.target) == (None, "VersionSkew", "x-3")
    assert decide(change_node(snapshot, "x-3", feature_level=2)).name == "AddLearner"


def test_without_a_leader_nobody_is_the_odd_one_but_by_what_is_in_use() -> None:
    """Of two that do not understand each other either may be the one that should go."""
    snapshot = leaderless(tried(4))
    for pod in ("x-0", "x-1"):
        snapshot = change_node(snapshot, pod, ensemble_feature_level=0)
    assert decide(snapshot).name != "RejectRevision"
    known = replace(snapshot.remembered, feature_level=1)
    plan = decide(replace(snapshot, remembered=known))
    assert plan.action == RejectRevision("v2")
    assert "the level in use is 1" in plan.message


def test_leader_of_the_new_release_is_the_measure_for_others() -> None:
    """A pod with an old template that nobody hears is not held against it."""
    snapshot = change_pod(tried(1, 1), "x-0", revision="v2")
    snapshot = change_node(snapshot, "x-1", feature_level=4, ensemble_feature_level=0)
    snapshot = change_member(snapshot, 2, active=False, caught_up=False)
    assert decide(snapshot).name != "RejectRevision"
