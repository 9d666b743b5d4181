"""Volumes: free ones are retired and deleted by the policy, used ones grow, pools follow."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    GIB,
    LONG_AGO,
    NOW,
    add_volume,
    change_ensemble,
    change_pod,
    change_pool,
    change_volume,
    leaderless,
    make_pool,
    make_volume,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import (
    DeletePool,
    DeleteVolume,
    GrowVolume,
    OrphanPool,
    RetireVolume,
)
from raftkeeper_operator.observe.desired import WhenScaled
from raftkeeper_operator.observe.snapshot import Snapshot


def left_over(**changes: object) -> Snapshot:
    """The volume of a member that was removed."""
    return change_volume(add_volume(well(), make_volume("x-3", 4)), "data-x-3", **changes)


def test_free_volume_is_retired() -> None:
    """Labelled with the time, and nothing more for now."""
    assert decide(left_over()).action == RetireVolume("data-x-3", "uid-data-x-3")


def test_quarantine_ends() -> None:
    """Then the volume is deleted, and not an hour earlier."""
    ttl_ms = well().desired.quarantine_ttl_ms
    assert decide(left_over(retired_ms=NOW - ttl_ms)).action == DeleteVolume(
        "data-x-3", "uid-data-x-3"
    )
    assert decide(left_over(retired_ms=NOW - ttl_ms + 1)).reason == "Settled"


def test_policy_decides() -> None:
    """Retain keeps it for ever, Delete does not wait."""
    old = left_over(retired_ms=LONG_AGO)
    assert decide(want(old, when_scaled=WhenScaled.RETAIN)).reason == "Settled"
    assert decide(want(left_over(), when_scaled=WhenScaled.RETAIN)).name == "RetireVolume"
    assert decide(want(left_over(), when_scaled=WhenScaled.DELETE)).name == "DeleteVolume"


@pytest.mark.parametrize(
    "snapshot",
    [
        leaderless(left_over(), NOW - 1),
        change_ensemble(left_over(), config_index=101),
        left_over(terminating=True),
        left_over(member_id=2),
        add_volume(well(), make_volume("x-2", 4)),
    ],
    ids=["no leader", "not committed", "going", "label of a member", "seat of a member"],
)
def test_volume_that_may_be_in_use_is_left_alone(snapshot: Snapshot) -> None:
    """Whatever says so: no leader, an uncommitted membership, a label, a seat."""
    snapshot = want(snapshot, when_scaled=WhenScaled.DELETE)
    assert decide(snapshot).name not in {"RetireVolume", "DeleteVolume"}


def test_volume_of_a_pod_that_is_to_come_is_left_alone() -> None:
    """The pool will mount it."""
    snapshot = change_pool(left_over(), "x", replicas=4, deleting=True)
    assert decide(snapshot).name not in {"RetireVolume", "DeleteVolume"}


def test_pool_of_a_left_zone_goes_when_it_is_empty() -> None:
    """Without pods and members, and not while nobody knows."""
    snapshot = replace(well(), pools=(*well().pools, make_pool("x-d", 0)))
    assert decide(snapshot).action == DeletePool("x-d", "uid-x-d", "rv-x-d")
    assert decide(leaderless(snapshot, NOW - 1)).name != "DeletePool"
    stopping = replace(snapshot.pods[0], name="x-d-0", pool="x-d", terminating=True)
    assert decide(replace(snapshot, pods=(*snapshot.pods, stopping))).name != "DeletePool"


def test_volumes_grow_one_after_the_other() -> None:
    """Online, without touching a pod."""
    snapshot = want(well(), storage_bytes=2 * GIB)
    assert decide(snapshot).action == GrowVolume("data-x-0", "uid-data-x-0", 2 * GIB)
    snapshot = change_volume(snapshot, "data-x-0", requested_bytes=2 * GIB)
    assert decide(snapshot).action == GrowVolume("data-x-1", "uid-data-x-1", 2 * GIB)


def grown() -> Snapshot:
    snapshot = want(well(), storage_bytes=2 * GIB)
    for name in ("data-x-0", "data-x-1", "data-x-2"):
        changes = {"requested_bytes": 2 * GIB, "capacity_bytes": 2 * GIB}
        snapshot = change_volume(snapshot, name, **changes)
    return snapshot


def test_growth_is_waited_for() -> None:
    """With the storage's own words when it has trouble."""
    snapshot = change_volume(grown(), "data-x-1", capacity_bytes=GIB, resize_trouble="no room")
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "VolumeResizing")
    assert "no room" in plan.message


def test_storage_that_cannot_grow_is_explained() -> None:
    """With what a person can do."""
    snapshot = want(well(), storage_bytes=2 * GIB)
    plan = decide(change_volume(snapshot, "data-x-0", expandable=False))
    assert (plan.action, plan.reason) == (None, "StorageNotExpandable")
    # The CRD refuses a smaller size, so that is no way out.
    assert "cannot be set back" in plan.message
    assert "new cluster" in plan.message
    assert "allowVolumeExpansion" in plan.message


def test_pool_is_made_anew_for_larger_volumes() -> None:
    """Its pods stay; all must be ready, for none would come back meanwhile."""
    assert decide(grown()).action == OrphanPool("x", "uid-x")
    unready = change_pod(grown(), "x-1", ready=False, ready_since_ms=0)
    assert (decide(unready).action, decide(unready).reason) == (None, "PodNotReady")
    assert decide(change_pool(grown(), "x", storage_bytes=2 * GIB)).reason == "Settled"
