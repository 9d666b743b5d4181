"""A cluster can always be deleted, and takes only what its policy says."""

from dataclasses import replace

from tests.decide.picture import (
    LONG_AGO,
    add_volume,
    change_volume,
    leaderless,
    make_volume,
    want,
    well,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import DeleteVolume, Release
from raftkeeper_operator.observe.snapshot import Snapshot


def test_deletion_needs_no_leader() -> None:
    """Nothing of it depends on the nodes."""
    assert decide(replace(leaderless(well()), deleting=True)).action == Release()


def test_retired_volumes_stay_by_default() -> None:
    """Retain means all of them."""
    snapshot = add_volume(well(), make_volume("x-3", 4, retired_ms=LONG_AGO))
    assert decide(replace(snapshot, deleting=True)).action == Release()


def test_retired_volumes_go_with_the_cluster() -> None:
    """Those that the StatefulSet owns are deleted with it; the retired ones have nobody else."""
    snapshot = with_ties(well(delete_volumes=True))
    snapshot = add_volume(snapshot, make_volume("x-3", 4, retired_ms=LONG_AGO))
    snapshot = replace(snapshot, deleting=True)
    assert decide(snapshot).action == DeleteVolume("data-x-3", "uid-data-x-3")
    for changes in ({"terminating": True}, {"owned": False}):
        assert decide(change_volume(snapshot, "data-x-3", **changes)).action == Release()


def test_volumes_that_nobody_would_take_along_go_with_the_cluster() -> None:
    """Delete was set while it slept or was paused, so no StatefulSet owns them."""
    snapshot = replace(want(leaderless(well()), delete_volumes=True, hibernate=True), deleting=True)
    assert decide(snapshot).action == DeleteVolume("data-x-0", "uid-data-x-0")
    assert decide(with_ties(snapshot)).action == Release()


def with_ties(snapshot: Snapshot) -> Snapshot:
    """Every claim is owned by its StatefulSet."""
    ties = frozenset({"uid-x"})
    volumes = tuple(replace(volume, tied_to=ties) for volume in snapshot.volumes)
    return replace(snapshot, volumes=volumes)
