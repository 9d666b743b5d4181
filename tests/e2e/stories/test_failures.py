"""Pods, volumes and zones fail, with and without an operator that looks."""

import pytest

from e2e.api import Api
from e2e.ensemble import Ensemble, is_ready, name_of
from e2e.images import NODE_IMAGE
from e2e.load import Load
from e2e.operator_release import Operator
from e2e.provider import Provider

REPLACE_TIMEOUT_S = 300


@pytest.mark.ci
def test_lost_volume_is_replaced_by_a_new_member(ensemble: Ensemble, load: Load, api: Api) -> None:
    """Pod 0 and its volume are deleted: a new member takes its place, under an id never used before."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    before = {member.pod: member.id for member in ensemble.members()}
    claims = ensemble.claims()
    pod, claim = f"{ensemble.name}-0", f"data-{ensemble.name}-0"
    api.delete("persistentvolumeclaims", ensemble.namespace, claim)
    api.delete("pods", ensemble.namespace, pod)
    ensemble.wait(
        "it has another volume", lambda: ensemble.claims().get(claim) not in {None, claims[claim]}
    )

    def replaced() -> bool:
        now = {member.pod: member.id for member in ensemble.voters()}
        assert now.get(pod, 0) > max(before.values()), f"voters: {now}, before: {before}"
        return True

    ensemble.wait("a new member is in its place", replaced, REPLACE_TIMEOUT_S)
    ensemble.wait_settled(3)
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def test_two_of_three_pods_then_all_are_deleted(ensemble: Ensemble, load: Load, api: Api) -> None:
    """Without a quorum nothing is answered; with their volumes the pods come back and know everything."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    ids = {member.id for member in ensemble.members()}
    for count in (2, 3):
        old = {pod["metadata"]["uid"] for pod in ensemble.pods()[:count]}
        for pod in ensemble.pods()[:count]:
            api.delete("pods", ensemble.namespace, name_of(pod), grace_s=0)

        def all_new(old: set[str] = old) -> bool:
            pods = ensemble.pods()
            new = [pod for pod in pods if pod["metadata"]["uid"] not in old and is_ready(pod)]
            return len(new) == len(pods) == 3

        ensemble.wait(f"{count} pods are back", all_new)
        ensemble.wait_settled(3)
        load.goes_on()
    assert {member.id for member in ensemble.members()} == ids
    report = load.finish(ensemble.addresses())
    print(report)


def test_pods_come_back_without_an_operator(
    ensemble: Ensemble, load: Load, api: Api, operator: Operator
) -> None:
    """While nobody looks after the cluster, a pod that fails comes back and clients write on."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    operator.scale(0)
    for pod in ensemble.pods():
        uid = pod["metadata"]["uid"]
        api.delete("pods", ensemble.namespace, name_of(pod), grace_s=0)

        def back(uid: str = uid) -> bool:
            pods = ensemble.pods()
            return len(pods) == 3 and all(
                is_ready(item) and item["metadata"]["uid"] != uid for item in pods
            )

        ensemble.wait("the pod is back", back)
        load.goes_on()
    operator.scale(2)
    ensemble.wait_settled(3)
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


@pytest.mark.power
def test_a_zone_stops_and_comes_back(ensemble: Ensemble, load: Load, provider: Provider) -> None:
    """The power of the leader's zone is cut: the others go on; it comes back and catches up."""
    ensemble.apply()
    ensemble.wait_settled(3)
    leader = ensemble.leader()
    zone = next(member.zone for member in ensemble.members() if member.pod == leader)
    ids = {member.id for member in ensemble.members()}
    load.start(ensemble.host, NODE_IMAGE, avoid_zone=zone)
    provider.stop_zone(zone)
    try:
        load.goes_on(timeout_s=60)
        ensemble.wait(
            "the status says who is away",
            lambda: any(member.state == "Unreachable" for member in ensemble.members()),
        )
    finally:
        provider.start_zone(zone)
    ensemble.wait_settled(3, timeout_s=300)
    assert {member.id for member in ensemble.members()} == ids
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)
