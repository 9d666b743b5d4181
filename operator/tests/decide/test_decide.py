"""The order of the rules: who has the last word, and that a blocked rule keeps nobody from helping."""

from dataclasses import replace

from tests.decide.picture import break_pod, change_pod, empty, leaderless, want, well

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import (
    ApplyResource,
    Release,
    RenewCertificate,
    SetPoolReplicas,
)
from raftkeeper_operator.observe.snapshot import Certificate, Founding, Resource


def test_nothing_to_do_is_said_so() -> None:
    """A cluster that is as the spec has it needs nothing."""
    plan = decide(well())
    assert (plan.action, plan.reason, plan.idle) == (None, "Settled", True)


def test_settled_in_zones_too() -> None:
    """The same with a pool for each zone."""
    assert decide(well(replicas=5, zones=("a", "b", "c"))).reason == "Settled"


def test_paused_cluster_is_not_touched() -> None:
    """Whatever is to be done, a paused cluster waits."""
    plan = decide(want(well(), paused=True, replicas=5, revision="v2"))
    assert (plan.action, plan.reason) == (None, "Paused")


def test_paused_cluster_can_be_deleted() -> None:
    """The finalizer goes even while the operator is told to keep its hands off."""
    plan = decide(replace(want(well(), paused=True), deleting=True))
    assert plan.action == Release()


def test_resources_come_before_pods() -> None:
    """Pods need their Services, Secrets and configuration, so these are made first."""
    service = Resource("Service", "x")
    snapshot = replace(empty(), founding=Founding(True, "rv", "1=x-0.s"), resources=(service,))
    assert decide(snapshot).action == ApplyResource("Service", "x")
    certificate = Certificate("x-tls", 0, 0, covers_all=False)
    unmade = replace(snapshot, resources=(), certificates=(certificate,))
    assert decide(unmade).action == RenewCertificate("x-tls")
    unwanted = replace(service, unwanted=True)
    assert decide(replace(snapshot, resources=(unwanted,))).name == "CreatePool"
    orphans = replace(well(), pools=(), resources=(service,))
    assert decide(orphans).name == "CreatePool"


def test_object_that_cannot_be_applied_keeps_no_member_from_repair() -> None:
    """Somebody else's ServiceMonitor is no reason to leave an ensemble without a voter."""
    snapshot = replace(want(well(), replicas=5), resources=(Resource("ServiceMonitor", "x"),))
    assert decide(snapshot).name == "SetPoolReplicas"
    rolling = replace(want(well(), revision="v2"), resources=(Resource("ConfigMap", "x-v2"),))
    assert decide(rolling).name == "ApplyResource"


def test_blocked_rule_does_not_block_the_next() -> None:
    """A scale-up that waits for a broken pod does not keep the fix of its template from arriving."""
    snapshot = want(break_pod(well(replicas=5), "x-4", "ImagePullBackOff"), revision="v2")
    assert decide(snapshot).name == "SetTemplate"


def test_first_thing_that_waits_is_shown() -> None:
    """When nothing can be done the plan is the most important thing that waits."""
    snapshot = want(leaderless(well()), revision="v1")
    assert decide(change_pod(snapshot, "x-1", ready=False)).reason == "NoLeader"


def test_hibernation_has_the_last_word() -> None:
    """A sleeping cluster is not scaled, rolled or repaired."""
    plan = decide(want(well(), hibernate=True, replicas=5))
    assert plan.action == SetPoolReplicas("x", 0, "rv-x")
