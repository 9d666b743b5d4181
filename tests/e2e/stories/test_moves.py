"""Members move between zones, and a whole cluster goes to sleep, with clients that write."""

from e2e.api import Api
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load

ZONE_LABEL = "topology.kubernetes.io/zone"
MOVE_TIMEOUT_S = 300


def test_zone_is_evacuated_and_taken_again(ensemble: Ensemble, load: Load, api: Api) -> None:
    """A zone goes off `placement.zones` and on again: its member moves away and back, one at a time."""
    zones = sorted(
        {node["metadata"]["labels"].get(ZONE_LABEL, "") for node in api.list("nodes")} - {""}
    )
    assert len(zones) >= 3, f"zones of the nodes: {zones}"
    ensemble.apply(placement={"zones": zones[:3], "nodeAntiAffinity": "Preferred"})
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    for wanted in (zones[:2], zones[:3]):
        ensemble.change(placement={"zones": wanted})

        def moved(wanted: list[str] = wanted) -> bool:
            voters = ensemble.voters()
            assert {member.zone for member in voters} == set(wanted), f"voters: {voters}"
            return len(voters) == 3

        ensemble.wait(f"its voters are in {', '.join(wanted)}", moved, MOVE_TIMEOUT_S)
        ensemble.wait_settled(3, MOVE_TIMEOUT_S)
        load.goes_on()
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def test_cluster_sleeps_and_wakes_with_everything(ensemble: Ensemble, load: Load) -> None:
    """`hibernate` takes all pods and no volume; awake, the same members hold every acknowledged write."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    ids, claims = {member.id for member in ensemble.members()}, ensemble.claims()
    ensemble.change(hibernate=True)

    def asleep() -> bool:
        plan = ensemble.status().get("plan") or {}
        assert plan.get("reason") == "Hibernated", f"the plan: {plan}"
        return not ensemble.pods()

    ensemble.wait("it sleeps", asleep)
    assert ensemble.claims() == claims
    ensemble.change(hibernate=False)
    ensemble.wait_settled(3)
    assert {member.id for member in ensemble.members()} == ids
    load.goes_on(timeout_s=60)
    report = load.finish(ensemble.addresses())
    print(report)
