"""Members come and go under load."""

import pytest

from e2e.ensemble import Ensemble
from e2e.images import NODE_IMAGE
from e2e.load import Load


@pytest.mark.ci
def test_three_to_five_and_back(ensemble: Ensemble, load: Load) -> None:
    """`kubectl scale` to five and to three again; nobody loses a session or a write."""
    scale_there_and_back(ensemble, load, 5)


def test_three_to_one_and_back(ensemble: Ensemble, load: Load) -> None:
    """One member is left, holds everything, and is three again."""
    scale_there_and_back(ensemble, load, 1)


def scale_there_and_back(ensemble: Ensemble, load: Load, replicas: int) -> None:
    """From three to `replicas` and to three again, with clients writing."""
    ensemble.apply()
    ensemble.wait_settled(3)
    used = {member.id for member in ensemble.members()}
    load.start(ensemble.host, NODE_IMAGE)
    before = used
    for wanted in (replicas, 3):
        ensemble.scale(wanted)
        ensemble.wait_settled(wanted, timeout_s=300)
        load.goes_on()
        now = {member.id for member in ensemble.members()}
        assert not (now - before) & used, f"an id was given out twice: {now}, used {used}"
        before, used = now, used | now
    assert len(used) == 3 + max(replicas - 3, 3 - replicas), f"more ids than members: {used}"
    report = load.finish(ensemble.addresses())
    assert report.counts["expired"] == 0, report
    print(report)
