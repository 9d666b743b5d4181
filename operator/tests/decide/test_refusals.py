"""An action that was refused again and again keeps nothing else from being done, and is still told."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    GIB,
    NOW,
    change_node,
    change_pool,
    want,
    well,
)
from tests.decide.test_repair import lost

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import (
    Action,
    ApplyResource,
    CreateFounding,
    CreatePool,
    KeepVolumes,
    RenewCertificate,
    SetBudget,
    SetPoolReplicas,
    UpdatePool,
)
from raftkeeper_operator.decide.refusals import key_of
from raftkeeper_operator.observe.snapshot import Certificate, Refusal, Resource, Snapshot

POLICY, MONITOR = Resource("NetworkPolicy", "x"), Resource("ServiceMonitor", "x", missing=True)
OLD = Certificate("x-tls", NOW - 1, NOW + 1)
ZONES = well(zones=("a", "b", "c"))


def refuse(snapshot: Snapshot, *actions: Action) -> Snapshot:
    """They have failed, on pictures of some time ago."""
    return replace(snapshot, refused=tuple(Refusal(key_of(a), f"no {a}") for a in actions))


def test_certificates_are_renewed_before_objects_are_applied() -> None:
    """One that is refused for ever would let them expire."""
    snapshot = replace(well(), resources=(POLICY,), certificates=(OLD,))
    assert decide(snapshot).action == RenewCertificate("x-tls")


def test_refused_object_keeps_no_other_from_being_applied() -> None:
    """Nor pools, nor a rollout; and when all else is done it is what is waited for."""
    snapshot = refuse(
        replace(well(), resources=(POLICY, MONITOR)), ApplyResource("NetworkPolicy", "x")
    )
    assert decide(snapshot).action == ApplyResource("ServiceMonitor", "x")
    snapshot = replace(snapshot, resources=(POLICY,))
    assert decide(change_pool(snapshot, "x", current=False)).action == UpdatePool("x", "rv-x")
    assert decide(want(snapshot, revision="v2")).name == "SetTemplate"
    plan = decide(snapshot)
    assert (plan.action, plan.reason, plan.idle) == (None, "ActionRefused", False)
    assert "no ApplyResource" in plan.message
    assert plan.blocked_by == (snapshot.refused[0].message,)


def test_what_waits_is_told_before_what_was_refused() -> None:
    """It has a reason that others go by: a drain is given up after a while by how long it was the plan."""
    snapshot = want(well(replicas=5), replicas=3)
    snapshot = change_node(replace(snapshot, budget=None), "x-4", draining=True, clients=1)
    plan = decide(refuse(snapshot, SetBudget(4)))
    assert (plan.action, plan.reason) == (None, "DrainingClients")


def test_refused_certificate_keeps_no_other_from_being_renewed() -> None:
    """And objects are applied."""
    snapshot = replace(well(), resources=(POLICY,), certificates=(replace(OLD, name="x-ca"), OLD))
    snapshot = refuse(snapshot, RenewCertificate("x-ca"))
    assert decide(snapshot).action == RenewCertificate("x-tls")
    snapshot = refuse(snapshot, RenewCertificate("x-ca"), RenewCertificate("x-tls"))
    assert decide(snapshot).action == ApplyResource("NetworkPolicy", "x")


@pytest.mark.parametrize(
    ("snapshot", "action"),
    [
        (replace(lost(), budget=None), SetBudget(2)),
        (want(lost(ZONES, "x-b-0"), zones=(*"abcd",)), CreatePool("x-d", "d", 0, "v1", GIB)),
    ],
    ids=["budget", "pool"],
)
def test_lost_volume_is_repaired_though_a_name_is_taken(snapshot: Snapshot, action: Action) -> None:
    """By somebody else's PodDisruptionBudget, or another cluster's StatefulSet."""
    refused = decide(refuse(snapshot, action))
    assert refused.name == "AddLearner"
    repaired = replace(snapshot, pods=well().pods, ensemble=well().ensemble)
    assert decide(repaired).action == action


def test_zone_whose_pool_cannot_be_made_keeps_no_other_zone_from_growing() -> None:
    """The emptiest pool would be first, if it were there."""
    snapshot = want(ZONES, zones=(*"abcd",), replicas=7)
    made = CreatePool("x-d", "d", 0, "v1", GIB)
    assert decide(snapshot).action == made
    assert decide(refuse(snapshot, made)).action == SetPoolReplicas("x-a", 2, "rv-x-a")


def test_pods_do_not_get_a_template_whose_objects_cannot_be_made() -> None:
    """They would wait for their configuration; what is only different, they can do without."""
    configuration = Resource("ConfigMap", "x-config-v2", missing=True)
    snapshot = want(replace(well(), resources=(configuration,)), revision="v2")
    snapshot = refuse(snapshot, ApplyResource("ConfigMap", "x-config-v2"))
    assert decide(snapshot).action is None
    half = change_pool(snapshot, "x", revision="v2")
    assert decide(half).action is None
    different = replace(snapshot, resources=(replace(configuration, missing=False),))
    different = refuse(different, ApplyResource("ConfigMap", "x-config-v2"))
    assert decide(different).name == "SetTemplate"


def test_first_pods_do_without_what_only_looks_on() -> None:
    """A ServiceMonitor that is refused keeps no cluster from being made, a NetworkPolicy does."""
    bare = replace(well(), pools=(), pods=(), volumes=(), ensemble=None, resources=(MONITOR,))
    assert decide(bare).name == "CreatePool"
    closed = refuse(replace(bare, resources=(POLICY,)), ApplyResource("NetworkPolicy", "x"))
    assert decide(closed).name != "CreatePool"


def test_rules_with_the_last_word_go_on_trying() -> None:
    """Without a founding nobody may be started, and a cluster that is deleted keeps its volumes."""
    bare = replace(well(), founding=None)
    plan = decide(bare)
    assert isinstance(plan.action, CreateFounding)
    assert decide(refuse(bare, plan.action)) == plan
    kept = change_pool(well(), "x", deletes_volumes=True)
    keep = KeepVolumes("x", "rv-x")
    assert decide(kept).action == keep
    assert decide(refuse(kept, keep)).reason == "Settled"
    assert decide(refuse(replace(kept, deleting=True), keep)).action == keep


def test_pool_that_does_not_go_to_sleep_keeps_no_other_awake() -> None:
    """Each by itself."""
    snapshot = want(well(zones=("a", "b", "c")), hibernate=True)
    refused = refuse(snapshot, SetPoolReplicas("x-a", 0, ""))
    assert decide(refused).action == SetPoolReplicas("x-b", 0, "rv-x-b")
