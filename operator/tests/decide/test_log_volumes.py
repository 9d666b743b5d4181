"""A log with a volume of its own: both volumes are the disk, in loss, repair, retirement and growth."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    GIB,
    LONG_AGO,
    NOW,
    add_volume,
    change_member,
    change_node,
    change_pod,
    change_pool,
    change_volume,
    drop_member,
    drop_pod,
    drop_volume,
    empty,
    leaderless,
    make_log,
    make_node,
    make_pool,
    make_volume,
    want,
    well,
    with_logs,
    without_budget,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts, Seat
from raftkeeper_operator.decide.plan import (
    CreatePool,
    DeletePod,
    DeleteVolume,
    GrowVolume,
    OrphanPool,
    RemoveMember,
    RetireVolume,
)
from raftkeeper_operator.decide.quorum import why_gone
from raftkeeper_operator.observe.snapshot import Founding, Snapshot

SEAT = Seat("x", 1)
UNREADY = {"ready": False, "ready_since_ms": 0, "unready_since_ms": NOW - 5_000}


def half_lost(new: str) -> Snapshot:
    """One of the two volumes of x-1 was made anew a moment ago, and its node says that they do not fit."""
    snapshot = change_pod(with_logs(well()), "x-1", **UNREADY)
    snapshot = change_volume(snapshot, f"{new}-x-1", member_id=0, cluster_id="")
    snapshot = change_member(snapshot, 2, active=False, caught_up=False)
    if new == "log":
        return change_node(snapshot, "x-1", damage="the log is missing")
    node = make_node(0, state="starting", cluster_id="", incarnation="", damage="no identity")
    return change_pod(snapshot, "x-1", node=node)


def test_pool_begins_with_both_sizes() -> None:
    """As the spec has them."""
    snapshot = replace(empty(log_bytes=2 * GIB), founding=Founding(True, "rv", "1=x-0.s"))
    assert decide(snapshot).action == CreatePool("x", "", 1, "v1", GIB, 2 * GIB)


@pytest.mark.parametrize("new", ["data", "log"])
def test_half_a_disk_is_a_lost_disk(new: str) -> None:
    """Nothing can bring it back, so nobody waits: the member goes, then both volumes, then the pod."""
    assert decide(half_lost(new)).action == RemoveMember(2, 7)
    assert decide(want(half_lost(new), replace_after_ms=None)).action == RemoveMember(2, 7)
    removed = without_budget(drop_member(half_lost(new), 2))
    assert decide(removed).action == DeleteVolume("data-x-1", "uid-data-x-1")
    going = change_volume(removed, "data-x-1", terminating=True)
    assert decide(going).action == DeleteVolume("log-x-1", "uid-log-x-1")
    both = change_volume(going, "log-x-1", terminating=True)
    assert decide(both).action == DeletePod("x-1", "uid-x-1")


def test_damage_on_volumes_that_belong_together_is_waited_for() -> None:
    """A person may still mend it, or put a volume back."""
    snapshot = change_volume(half_lost("log"), "log-x-1", member_id=2, cluster_id="c1")
    assert decide(snapshot).reason == "DiskOutOfReach"
    unlabelled = change_volume(half_lost("log"), "data-x-1", member_id=0)
    assert decide(unlabelled).reason == "DiskOutOfReach"


def test_half_a_disk_is_kept_while_the_rest_is_no_majority_without_it() -> None:
    """Removing it would take nothing away, but nobody could be added either."""
    snapshot = change_member(half_lost("log"), 3, active=False, caught_up=False)
    assert (decide(snapshot).action, decide(snapshot).reason) == (None, "MemberDown")


def test_lost_identity_is_wiped_where_nobody_lives() -> None:
    """Also when neither volume was ever labelled."""
    removed = without_budget(drop_member(half_lost("data"), 2))
    removed = change_volume(removed, "log-x-1", member_id=0, cluster_id="")
    assert decide(removed).action == DeleteVolume("data-x-1", "uid-data-x-1")


def test_disk_is_worth_what_the_worse_of_its_volumes_is() -> None:
    """One that is missing, lost or going counts for both."""
    snapshot = with_logs(well())
    seen = Facts(snapshot).volume_at(SEAT)
    assert seen is not None
    assert seen.name == "data-x-1"
    for name in ("data-x-1", "log-x-1"):
        assert Facts(drop_volume(snapshot, name)).volume_at(SEAT) is None
        for changes in ({"lost": True}, {"terminating": True}):
            worst = Facts(change_volume(snapshot, name, **changes)).volume_at(SEAT)
            assert worst is not None
            assert worst.name == name


def test_member_without_its_log_volume_cannot_come_back() -> None:
    """What a person reads when nobody leads."""
    snapshot = leaderless(drop_pod(with_logs(well()), "x-1"))
    member = snapshot.remembered.members[1]
    assert why_gone(Facts(snapshot), member) == ""
    assert why_gone(Facts(drop_volume(snapshot, "log-x-1")), member) == "its volume is gone"
    lost = change_volume(snapshot, "log-x-1", lost=True)
    assert why_gone(Facts(lost), member) == "its volume log-x-1 is lost"


def test_log_volume_out_of_reach_is_given_up_too() -> None:
    """Its node is gone; the data volume may be well."""
    snapshot = change_pod(with_logs(well()), "x-1", running=False, node=None, **UNREADY)
    snapshot = change_member(snapshot, 2, active=False, caught_up=False)
    snapshot = change_pod(snapshot, "x-1", unready_since_ms=LONG_AGO)
    assert decide(change_volume(snapshot, "log-x-1", lost=True)).action == RemoveMember(2, 7)


def left_over() -> Snapshot:
    snapshot = add_volume(with_logs(well()), make_volume("x-3", 4))
    return add_volume(snapshot, make_log("x-3", 4))


def test_both_volumes_of_a_removed_member_are_retired() -> None:
    """One after the other."""
    assert decide(left_over()).action == RetireVolume("data-x-3", "uid-data-x-3")
    first = change_volume(left_over(), "data-x-3", retired_ms=NOW)
    assert decide(first).action == RetireVolume("log-x-3", "uid-log-x-3")


def test_seat_begins_anew_with_neither_volume() -> None:
    """A former log beside a new identity would be no disk."""
    snapshot = want(left_over(), replicas=5)
    assert decide(snapshot).action == DeleteVolume("data-x-3", "uid-data-x-3")
    snapshot = drop_volume(snapshot, "data-x-3")
    assert decide(snapshot).action == DeleteVolume("log-x-3", "uid-log-x-3")
    going = change_volume(snapshot, "log-x-3", terminating=True)
    assert decide(going).reason == "VolumeDeleting"


def test_each_volume_grows_to_its_own_size() -> None:
    """And a pool whose templates are smaller in either is made anew."""
    snapshot = want(with_logs(well()), log_bytes=2 * GIB)
    assert decide(snapshot).action == GrowVolume("log-x-0", "uid-log-x-0", 2 * GIB)
    stuck = change_volume(snapshot, "log-x-0", expandable=False)
    assert "storage.log.size" in decide(stuck).message
    for pod in ("x-0", "x-1", "x-2"):
        size = {"requested_bytes": 2 * GIB, "capacity_bytes": 2 * GIB}
        snapshot = change_volume(snapshot, f"log-{pod}", **size)
    assert decide(snapshot).action == OrphanPool("x", "uid-x")
    assert decide(change_pool(snapshot, "x", log_bytes=2 * GIB)).reason == "Settled"


def test_pool_without_log_volumes_is_left_alone() -> None:
    """None is wanted, none is there."""
    assert make_pool("x", 3).log_bytes == 0
    assert decide(well()).reason == "Settled"
