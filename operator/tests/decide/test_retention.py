"""What an earlier `whenDeleted: Delete` has left in Kubernetes takes no volume that the spec now retains."""

from dataclasses import replace

import pytest
from tests.decide.picture import change_pool, change_volume, leaderless, want, well

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.plan import KeepVolumes, Release, UntieVolume, UpdatePool
from raftkeeper_operator.observe.snapshot import Snapshot

VOLUMES = ("data-x-0", "data-x-1", "data-x-2")


def tied(snapshot: Snapshot) -> Snapshot:
    """As Kubernetes has it under `whenDeleted: Delete`."""
    for name in VOLUMES:
        snapshot = change_volume(snapshot, name, tied_to=frozenset({"uid-x"}))
    return change_pool(snapshot, "x", deletes_volumes=True, current=False)


CASES = {
    "deleted": replace(tied(leaderless(well())), deleting=True),
    "paused": want(tied(well()), paused=True),
    "asleep": replace(want(tied(leaderless(well())), hibernate=True), pods=()),
    "awake": tied(well()),
    "no pool": replace(tied(leaderless(well())), deleting=True, pools=()),
}


@pytest.mark.parametrize("snapshot", CASES.values(), ids=CASES.keys())
def test_volumes_are_taken_back_from_kubernetes(snapshot: Snapshot) -> None:
    """First the pool's policy, then one claim after the other, whatever the cluster is told to do."""
    done = []
    for _ in range(4):
        plan = decide(snapshot)
        if isinstance(plan.action, KeepVolumes):
            snapshot = change_pool(snapshot, "x", deletes_volumes=False)
        elif isinstance(plan.action, UntieVolume):
            snapshot = change_volume(snapshot, plan.action.volume, tied_to=frozenset())
        done.append(plan.action)
    pools = [KeepVolumes("x", "rv-x")] if snapshot.pools else []
    assert done[:-1] == [*pools, *(UntieVolume(name, f"uid-{name}") for name in VOLUMES)][:3]
    last = decide(replace(snapshot, deleting=True))
    assert last.action == Release()


def test_claims_are_untied_only_when_kubernetes_has_seen_the_new_policy() -> None:
    """Until then its controller may tie them again; a cluster that is deleted waits, another one goes on."""
    early = change_pool(
        tied(well()), "x", deletes_volumes=False, observed=False, resource_version="2"
    )
    assert decide(early).action == UpdatePool("x", "2")
    plan = decide(replace(early, deleting=True))
    assert (plan.action, plan.reason, plan.target) == (None, "KeepingVolumes", "x")
    assert (
        decide(replace(change_pool(early, "x", observed=True), deleting=True)).name == "UntieVolume"
    )


def test_volumes_of_others_are_left_as_they_are() -> None:
    """Of a former cluster, or on their way out already."""
    snapshot = well()
    former = frozenset({"uid-of-a-former-pool"})
    snapshot = change_volume(snapshot, "data-x-0", tied_to=former, owned=False)
    snapshot = change_volume(snapshot, "data-x-1", tied_to=former, terminating=True)
    assert decide(replace(snapshot, deleting=True)).action == Release()
    ours = frozenset({"uid-x"})
    adopted_later = change_volume(snapshot, "data-x-0", tied_to=ours, owned=False)
    action = decide(replace(adopted_later, deleting=True)).action
    assert action == UntieVolume("data-x-0", "uid-data-x-0")


def test_delete_leaves_the_ties() -> None:
    """Kubernetes is to take the volumes along."""
    snapshot = want(tied(well()), delete_volumes=True, paused=True)
    assert decide(snapshot).reason == "Paused"
    assert decide(replace(snapshot, deleting=True)).action == Release()
