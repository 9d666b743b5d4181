"""Objects around the pods are kept as they should be, and the budget follows the voters."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    NOW,
    change_ensemble,
    change_member,
    change_pool,
    drop_member,
    leaderless,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import ApplyResource, RenewCertificate, SetBudget, UpdatePool
from raftkeeper_operator.decide.resources import keep_budget
from raftkeeper_operator.observe.snapshot import Budget, Certificate, Resource


def test_unwanted_resource_is_removed() -> None:
    """What the spec no longer asks for goes."""
    snapshot = replace(well(), resources=(Resource("ServiceMonitor", "x", unwanted=True),))
    plan = decide(snapshot)
    assert plan.action == ApplyResource("ServiceMonitor", "x", unwanted=True)
    assert "no longer wanted" in plan.message


def test_what_is_not_there_yet_is_not_called_different() -> None:
    """Who creates a cluster reads the reasons of every step."""
    for resource, words in (
        (Resource("Service", "x", missing=True), "Service x is not there yet"),
        (Resource("Service", "x"), "Service x is not as the spec has it"),
    ):
        assert decide(replace(well(), resources=(resource,))).message == words
    unmade = Certificate("x-tls", 0, 0, covers_all=False)
    message = decide(replace(well(), certificates=(unmade,))).message
    assert "not there yet" in message
    assert "every address" not in message


def test_pool_is_brought_up_to_date() -> None:
    """Labels and the retention policy change without touching replicas or template."""
    assert decide(change_pool(well(), "x", current=False)).action == UpdatePool("x", "rv-x")


@pytest.mark.parametrize(("renew_ms", "covers"), [(NOW, True), (NOW + 1, False)])
def test_certificate_is_renewed_in_time(renew_ms: int, covers: bool) -> None:
    """At two thirds of its life, or when it lacks a name."""
    certificates = (
        Certificate("x-ca", NOW + 1, NOW + 9),
        Certificate("x-tls", renew_ms, NOW + 9, covers_all=covers),
    )
    plan = decide(replace(well(), certificates=certificates))
    assert plan.action == RenewCertificate("x-tls")


@pytest.mark.parametrize(("voters", "stay"), [(1, 0), (2, 2), (3, 2), (5, 4), (9, 8)])
def test_budget_follows_the_voters(voters: int, stay: int) -> None:
    """One at a time; of two none; a single one by the spec."""
    snapshot = replace(well(replicas=9), budget=None)
    for member_id in range(voters + 1, 10):
        snapshot = drop_member(snapshot, member_id)
    plan = keep_budget(Facts(snapshot))
    assert plan is not None
    assert plan.action == SetBudget(stay)


def test_single_member_can_be_held_against_drains() -> None:
    """Then a drain waits for a person."""
    snapshot = want(well(replicas=1), allow_single_node_drain=False)
    assert decide(snapshot).action == SetBudget(1, "rv-budget")


def test_learners_do_not_count_in_the_budget() -> None:
    """Only committed voters can be missed."""
    snapshot = change_member(well(replicas=5), 3, role="learner")
    plan = keep_budget(Facts(snapshot))
    assert plan is not None
    assert plan.action == SetBudget(3, "rv-budget")


def test_budget_stays_while_nobody_leads() -> None:
    """Without a leader nobody knows how many voters there are."""
    snapshot = replace(leaderless(well()), budget=Budget(1, 0))
    assert decide(snapshot).action is None


def test_budget_goes_when_it_is_not_wanted() -> None:
    """And stays away."""
    snapshot = want(well(), pod_disruption_budget=False)
    assert decide(snapshot).action == SetBudget(None, "rv-budget")
    assert decide(replace(snapshot, budget=None)).reason == "Settled"


def test_budget_is_lowered_only_when_the_change_is_committed() -> None:
    """Until then those that a change removes are needed to commit it."""
    snapshot = replace(drop_member(well(), 3), budget=Budget(3, 0, "1"))
    plan = keep_budget(Facts(snapshot))
    assert plan is not None
    assert plan.action == SetBudget(2, "1")
    pending = change_ensemble(snapshot, config_index=101)
    assert keep_budget(Facts(pending)) is None
    low = keep_budget(Facts(replace(pending, budget=Budget(1, 0, "1"))))
    assert low is not None
    assert low.action == SetBudget(2, "1")
