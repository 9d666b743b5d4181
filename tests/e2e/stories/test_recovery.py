"""A majority of the volumes is lost for good, and a person decides that one survivor's data count."""

import pytest

from e2e.api import Api, ApiError
from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load

RECOVERY_TIMEOUT_S = 300


def test_survivor_is_recovered_only_when_it_is_asked_for(
    ensemble: Ensemble, load: Load, api: Api
) -> None:
    """Two of three volumes go with their pods, under load: explained, refused without the acknowledgement,
    then forced. What the survivor had is there; what only the others had acknowledged may not be.
    """
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    load.goes_on(writes=400)
    print(load.finish(ensemble.addresses()))  # all three have all of it
    later = Load(api, ensemble.namespace, "later")
    later.start(ensemble.host, NODE_IMAGE)
    old, ids = ensemble.status()["clusterId"], {member.id for member in ensemble.members()}
    survivor = f"{ensemble.name}-2"
    lost = [f"{ensemble.name}-{number}" for number in (0, 1)]
    uids = ensemble.claims()
    for pod in lost:
        api.delete("persistentvolumeclaims", ensemble.namespace, f"data-{pod}")
    for pod in lost:
        api.delete("pods", ensemble.namespace, pod, grace_s=0)

    def is_explained() -> bool:
        claims = ensemble.claims()
        assert all(claims.get(f"data-{pod}") != uids[f"data-{pod}"] for pod in lost), claims
        condition = ensemble.condition("RecoveryRequired")
        assert (condition["status"], condition["reason"]) == ("True", "MajorityLost"), condition
        recovery = ensemble.status().get("recovery", {})
        assert recovery.get("proposedSurvivor") == survivor, recovery
        return True

    ensemble.wait("the loss is explained", is_explained, RECOVERY_TIMEOUT_S)
    with pytest.raises(ApiError, match="may lose acknowledged writes"):
        ensemble.change(recovery={"forceQuorum": {"epoch": 1}})
    assert ensemble.status()["clusterId"] == old, "nothing is done that was not asked for"
    ensemble.change(recovery={"forceQuorum": {"epoch": 1, "acknowledgeDataLoss": True}})

    def is_another() -> bool:
        assert ensemble.status()["clusterId"] != old, ensemble.status().get("plan")
        return True

    ensemble.wait("the survivor is the ensemble", is_another, RECOVERY_TIMEOUT_S)
    later.goes_on(timeout_s=120)
    ensemble.wait_settled(3, RECOVERY_TIMEOUT_S)
    status = ensemble.status()
    assert status["recovery"]["observedEpoch"] == 1
    assert status["recovery"]["order"].startswith(f"1@{survivor}.")
    assert min(member.id for member in ensemble.members()) > max(ids)
    founding = api.get("configmaps", ensemble.namespace, f"{ensemble.name}-founding")["data"]
    assert founding["recovery"] == status["recovery"]["order"], "the fence stays"
    print(load.finish(ensemble.addresses()))
    later.goes_on()
