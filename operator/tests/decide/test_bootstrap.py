"""Founding happens once, on empty disks only; what was retained is adopted."""

from dataclasses import replace

from tests.decide.picture import (
    CLUSTER_ID,
    GIB,
    LONG_AGO,
    NOW,
    SUFFIX,
    change_ensemble,
    change_pod,
    change_pool,
    drop_pod,
    empty,
    leaderless,
    make_node,
    make_pod,
    make_pool,
    make_volume,
    make_waiting,
    want,
    well,
)

from raftkeeper_operator.decide.bootstrap import NOBODY, adopt, create_pools, found
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import (
    AdoptVolume,
    CloseFounding,
    CreateFounding,
    CreatePool,
    DeletePod,
    OpenFounding,
    Plan,
)
from raftkeeper_operator.observe.snapshot import Founding, Remembered, Snapshot

ALL = ((1, "x-0" + SUFFIX), (2, "x-1" + SUFFIX), (3, "x-2" + SUFFIX))
OPEN = Founding(True, "rv", ",".join(f"{number}={address}" for number, address in ALL), LONG_AGO)
CLOSED = Founding(False, "rv")


def plan_of(plan: Plan | None) -> Plan:
    assert plan is not None
    return plan


def retained() -> Snapshot:
    """Closed founding, pools, volumes of a former cluster, and pods that have not spoken yet."""
    pods = tuple(make_pod(f"x-{at}", None, ready=False) for at in range(3))
    return replace(
        empty(),
        founding=CLOSED,
        pools=(make_pool("x", 3),),
        pods=pods,
        volumes=tuple(make_volume(f"x-{at}", 0) for at in range(3)),
    )


def test_first_thing_is_an_open_founding() -> None:
    """Where there is nothing, all members of the first size found the ensemble."""
    assert decide(empty()).action == CreateFounding(ALL)


def test_restored_ensemble_is_founded_by_one() -> None:
    """Only the pod that holds the backup may found it."""
    assert decide(empty(restore=True)).action == CreateFounding(ALL[:1])


def test_founders_spread_over_zones() -> None:
    """One of each zone before the second of any."""
    action = decide(empty(replicas=5, zones=("a", "b", "c"))).action
    assert isinstance(action, CreateFounding)
    pods = [address.partition(".")[0] for _, address in action.members]
    assert pods == ["x-a-0", "x-b-0", "x-c-0", "x-a-1", "x-b-1"]


def test_founding_is_closed_over_volumes() -> None:
    """A volume may hold a former ensemble, so nobody may found another."""
    snapshot = replace(empty(), volumes=(make_volume("x-0", 0),))
    assert decide(snapshot).action == CreateFounding(())


def test_founding_is_closed_over_members() -> None:
    """A pod that says it is a member is proof enough."""
    snapshot = replace(empty(), pods=(make_pod("x-0", make_node(1)),))
    assert decide(snapshot).action == CreateFounding(())


def test_lost_founding_of_a_founded_cluster_is_made_closed() -> None:
    """Whoever deletes the ConfigMap does not get a second ensemble."""
    snapshot = replace(empty(), remembered=Remembered(CLUSTER_ID))
    assert decide(snapshot).action == CreateFounding(())


def test_pools_are_created_with_all_founders() -> None:
    """All pods of the first size start at once."""
    action = plan_of(create_pools(Facts(replace(empty(), founding=OPEN)))).action
    assert action == CreatePool("x", "", 3, "v1", GIB)


def test_founders_stay_when_the_spec_changes_before_they_are_done() -> None:
    """What was told to the founders holds until the ensemble exists."""
    snapshot = replace(want(empty(), zones=("a",), replicas=1), founding=OPEN)
    first = plan_of(create_pools(Facts(snapshot))).action
    assert first == CreatePool("x-a", "a", 0, "v1", GIB)
    snapshot = replace(snapshot, pools=(make_pool("x-a", 0),))
    second = plan_of(create_pools(Facts(snapshot))).action
    assert second == CreatePool("x", "", 3, "v1", GIB)


def test_adopted_cluster_starts_with_all_its_volumes() -> None:
    """Members of ordinals that are no longer wanted are needed until they have left."""
    volumes = tuple(make_volume(f"x-{at}", 0) for at in range(5))
    snapshot = replace(empty(), founding=CLOSED, volumes=volumes)
    assert plan_of(create_pools(Facts(snapshot))).action == CreatePool("x", "", 5, "v1", GIB)


def test_pool_of_a_new_zone_begins_empty() -> None:
    """Members are added one by one; and with the template of the others, not a newer one."""
    snapshot = want(well(zones=("a", "b", "c")), zones=("a", "b", "d"), revision="v2")
    assert plan_of(create_pools(Facts(snapshot))).action == CreatePool("x-d", "d", 0, "v1", GIB)


def test_deleted_pool_is_made_again_over_its_pods() -> None:
    """Also one that is not wanted any more, so that its pods can leave in order."""
    snapshot = want(replace(well(), pools=(make_pool("x-a", 0),)), zones=("a",))
    assert plan_of(create_pools(Facts(snapshot))).action == CreatePool("x", "", 3, "v1", GIB)


def test_pool_that_is_being_deleted_is_waited_for() -> None:
    """Its name is taken until it is gone."""
    plan = plan_of(create_pools(Facts(change_pool(well(), "x", deleting=True))))
    assert (plan.action, plan.reason) == (None, "PoolDeleting")


def test_founding_closes_when_a_leader_is_seen() -> None:
    """From then on empty disks wait to be added, for ever."""
    plan = plan_of(found(Facts(replace(well(), founding=OPEN))))
    assert plan.action == CloseFounding(CLUSTER_ID, "rv")


def test_adopted_ensemble_gets_its_id_written_down() -> None:
    """A founding that was closed from the start learns the id from the leader."""
    plan = plan_of(found(Facts(replace(well(), founding=CLOSED))))
    assert plan.action == CloseFounding(CLUSTER_ID, "rv")


def test_recovery_that_members_have_been_through_is_written_down_again() -> None:
    """The order went with a former cluster of this name; older disks must still be set aside."""
    snapshot = change_ensemble(replace(well(), founding=CLOSED), recovery_epoch=2)
    plan = plan_of(found(Facts(snapshot)))
    assert plan.action == CloseFounding(CLUSTER_ID, "rv", f"2@{NOBODY}")


def test_founding_waits_for_a_leader() -> None:
    """Nothing is closed before the ensemble exists."""
    assert found(Facts(replace(leaderless(well()), founding=OPEN))) is None


def test_retained_volume_becomes_this_clusters() -> None:
    """By its name; its label then says so."""
    snapshot = retained()
    volume = replace(snapshot.volumes[0], owned=False)
    plan = plan_of(adopt(Facts(replace(snapshot, volumes=(volume,)))))
    assert plan.action == AdoptVolume("data-x-0", "uid-data-x-0")


def test_nothing_is_founded_while_a_disk_has_not_been_seen() -> None:
    """The one that was not looked at may be the one that holds everything."""
    snapshot = retained()
    for name in ("x-0", "x-1"):
        snapshot = change_pod(snapshot, name, node=make_waiting(name))
    plan = plan_of(adopt(Facts(snapshot)))
    assert (plan.action, plan.blocked_by) == (None, ("x-2 must say who it is",))


def test_volume_without_a_pod_counts_as_not_seen() -> None:
    """A fourth volume behind three empty pods may hold a former member."""
    snapshot = retained()
    for name in ("x-0", "x-1", "x-2"):
        snapshot = change_pod(snapshot, name, node=make_waiting(name))
    snapshot = replace(snapshot, volumes=(*snapshot.volumes, make_volume("x-3", 4)))
    assert plan_of(adopt(Facts(snapshot))).action is None


def test_founding_opens_when_all_disks_are_empty() -> None:
    """A cluster that was deleted before it was founded can still be founded."""
    snapshot = retained()
    for name in ("x-0", "x-1", "x-2"):
        snapshot = change_pod(snapshot, name, node=make_waiting(name))
    assert plan_of(adopt(Facts(snapshot))).action == OpenFounding(ALL, "rv")


def test_one_member_keeps_founding_closed() -> None:
    """Its ensemble is what is adopted; who is missing is explained elsewhere."""
    snapshot = change_pod(retained(), "x-0", node=make_node(1))
    assert adopt(Facts(snapshot)) is None


def test_pods_from_before_the_opening_start_again() -> None:
    """A container reads the founding when it starts."""
    snapshot = replace(retained(), founding=replace(OPEN, opened_ms=NOW))
    assert plan_of(adopt(Facts(snapshot))).action == DeletePod("x-0", "uid-x-0")
    snapshot = change_pod(drop_pod(drop_pod(snapshot, "x-1"), "x-2"), "x-0", terminating=True)
    assert adopt(Facts(snapshot)) is None


def test_founded_cluster_adopts_nothing_more() -> None:
    """An empty disk that comes later is a lost one."""
    assert adopt(Facts(leaderless(well()))) is None
    assert adopt(Facts(empty())) is None
