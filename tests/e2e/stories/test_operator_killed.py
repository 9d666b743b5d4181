"""The operator dies after every single effect, and what it began is finished all the same."""

import pytest

from e2e.api import Api
from e2e.ensemble import Ensemble
from e2e.images import NEXT_NODE_IMAGE, NODE_IMAGE
from e2e.load import Load
from e2e.operator_release import Operator
from e2e.provider import Provider

# Every effect costs a start of the operator: seconds each, some twenty of them.
SCALE_TIMEOUT_S = 420
ROLLOUT_TIMEOUT_S = 420
# The fewest effects that one of these can be done with; fewer deaths mean that none were caused.
SCALE_DEATHS_MIN = 4
ROLLOUT_DEATHS_MIN = 4


@pytest.mark.ci
def test_operator_killed_at_every_step_of_a_scale(
    ensemble: Ensemble, load: Load, operator: Operator
) -> None:
    """It dies after each effect of 3→5→3; the size is reached, and no write is lost."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    before = operator.restarts()
    ensemble.annotate(failpoint="after:*")
    for replicas in (5, 3):
        ensemble.scale(replicas)
        ensemble.wait_settled(replicas, timeout_s=SCALE_TIMEOUT_S)
    ensemble.annotate(failpoint=None)
    deaths = operator.restarts() - before
    assert deaths >= SCALE_DEATHS_MIN, f"the operator died {deaths} times only"
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(f"{deaths} deaths; {report}")


def test_operator_killed_at_every_step_of_an_upgrade(
    ensemble: Ensemble, load: Load, operator: Operator, next_image: str
) -> None:
    """It dies after each effect of an upgrade; every pod has the new image, and no write is lost."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    before = operator.restarts()
    ensemble.annotate(failpoint="after:*")
    ensemble.change(image={"tag": NEXT_NODE_IMAGE.rpartition(":")[2]})
    ensemble.wait_settled(3, timeout_s=ROLLOUT_TIMEOUT_S)
    ensemble.annotate(failpoint=None)
    deaths = operator.restarts() - before
    assert deaths >= ROLLOUT_DEATHS_MIN, f"the operator died {deaths} times only"
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(f"{deaths} deaths; {report}")


def test_other_replica_goes_on_when_the_working_one_is_killed(
    ensemble: Ensemble, load: Load, operator: Operator
) -> None:
    """The one that works is killed again and again during a scale; the other goes on with it."""
    ensemble.apply()
    ensemble.wait_settled(3)
    load.start(ensemble.host, NODE_IMAGE)
    for replicas in (5, 3):
        ensemble.scale(replicas)
        for _ in range(3):
            operator.kill_holder()
            operator.wait_ready()
        ensemble.wait_settled(replicas, timeout_s=SCALE_TIMEOUT_S)
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)


def test_two_operators_at_once_do_no_harm(
    ensemble: Ensemble, load: Load, operator: Operator, provider: Provider, api: Api
) -> None:
    """A second release with a Lease of its own acts on the same cluster: compare-and-swap decides."""
    rival = Operator(provider, api, release="raftkeeper-rival")
    rival.install_beside()
    try:
        ensemble.apply()
        ensemble.wait_settled(3)
        load.start(ensemble.host, NODE_IMAGE)
        used = before = {member.id for member in ensemble.members()}
        for replicas in (5, 3):
            ensemble.scale(replicas)
            ensemble.wait_settled(replicas, timeout_s=SCALE_TIMEOUT_S)
            now = {member.id for member in ensemble.members()}
            assert not (now - before) & used, f"an id was given out twice: {now}, used {used}"
            before, used = now, used | now
        report = load.finish(ensemble.addresses())
        assert report.counts["expired"] == 0, report
        print(report)
    finally:
        rival.uninstall()
