"""Sleep keeps the volumes and the membership; waking brings everybody back at once."""

from dataclasses import replace

from tests.decide.picture import (
    CLUSTER_ID,
    LONG_AGO,
    add_volume,
    change_pool,
    leaderless,
    make_volume,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import SetPoolReplicas
from raftkeeper_operator.observe.snapshot import Remembered

ASLEEP = replace(change_pool(leaderless(well(replicas=5)), "x", replicas=0), pods=())


def test_all_pools_stop() -> None:
    """One after the other, without waiting: with the first the majority is on its way out."""
    snapshot = want(well(zones=("a", "b", "c")), hibernate=True)
    stopped = change_pool(snapshot, "x-a", replicas=0)
    assert decide(snapshot).action == SetPoolReplicas("x-a", 0, "rv-x-a")
    assert decide(stopped).action == SetPoolReplicas("x-b", 0, "rv-x-b")


def test_sleeping_cluster_says_so() -> None:
    """Until the pods are gone it is on its way."""
    snapshot = want(change_pool(well(), "x", replicas=0), hibernate=True)
    assert decide(snapshot).reason == "Hibernating"
    assert decide(replace(snapshot, pods=())).reason == "Hibernated"


def test_waking_brings_back_all_members_not_the_wanted_number() -> None:
    """A change of size while it sleeps happens afterwards, in order."""
    assert decide(want(ASLEEP, replicas=3)).action == SetPoolReplicas("x", 5, "rv-x")


def test_waking_without_a_memory_goes_by_the_volumes() -> None:
    """A status that was lost does not keep a cluster asleep; retired volumes do not count."""
    snapshot = replace(ASLEEP, remembered=Remembered(CLUSTER_ID))
    snapshot = add_volume(snapshot, make_volume("x-5", 6, retired_ms=LONG_AGO))
    assert decide(snapshot).action == SetPoolReplicas("x", 5, "rv-x")


def test_pods_that_a_person_took_away_come_back() -> None:
    """Scaling the StatefulSet by hand is not how members leave."""
    snapshot = change_pool(well(), "x", replicas=1)
    assert decide(snapshot).action == SetPoolReplicas("x", 3, "rv-x")
