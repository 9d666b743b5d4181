"""From `kubectl apply` to an ensemble, and back to nothing."""

import pytest

from e2e.api import Api
from e2e.ensemble import Ensemble, name_of
from e2e.images import NODE_IMAGE
from e2e.load import Load
from e2e.provider import Provider


@pytest.mark.ci
def test_apply_gives_three_members_in_three_zones(
    ensemble: Ensemble, load: Load, provider: Provider, api: Api
) -> None:
    """Three members, one in each zone, a budget of one disruption, and clients that write."""
    ensemble.apply()
    ensemble.wait_settled(3)
    assert sorted(member.zone for member in ensemble.members()) == provider.zones[:3]
    budget = api.get("poddisruptionbudgets", ensemble.namespace, ensemble.name)
    ensemble.wait(
        "the budget allows one disruption",
        lambda: (
            api.get("poddisruptionbudgets", ensemble.namespace, name_of(budget))["status"][
                "disruptionsAllowed"
            ]
            == 1
        ),
    )
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on(writes=400)
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def test_deleted_cluster_keeps_its_volumes_and_the_next_one_takes_them(
    ensemble: Ensemble, load: Load, api: Api
) -> None:
    """Delete leaves the volumes; the same name applied again has every write."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on()
    before = ensemble.claims()
    ensemble.delete()
    ensemble.wait("its pods are gone", lambda: not ensemble.pods())
    assert ensemble.claims() == before
    ensemble.apply()
    ensemble.wait_settled(3)
    assert ensemble.claims() == before
    load.goes_on(timeout_s=60)
    report = load.finish(ensemble.addresses())
    print(report)


def test_deleted_cluster_takes_its_volumes_along_when_told_so(ensemble: Ensemble, api: Api) -> None:
    """With whenDeleted: Delete nothing is left."""
    storage = {"data": {"size": "1Gi"}, "retention": {"whenDeleted": "Delete"}}
    ensemble.apply(storage=storage)
    ensemble.wait_settled(3)
    ensemble.delete()
    ensemble.wait("its volumes are gone", lambda: not ensemble.claims())
    for kind in ("statefulsets", "services", "secrets", "poddisruptionbudgets"):

        def none_left(kind: str = kind) -> bool:
            left = [name_of(item) for item in api.list(kind, ensemble.namespace)]
            assert not left, f"{kind}: {left}"
            return True

        ensemble.wait(f"its {kind} are gone", none_left)
