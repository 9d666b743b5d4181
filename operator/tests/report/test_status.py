"""Status: times stay what they were as long as what they are about does."""

from dataclasses import replace

from tests.build.clusters import cluster
from tests.decide.picture import NOW, break_pod, change_member, change_node, want, well

from raftkeeper_operator.build.pod_template import build_pod_template
from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.observe.fields import Object
from raftkeeper_operator.observe.objects import Objects
from raftkeeper_operator.observe.observer import Observation
from raftkeeper_operator.observe.snapshot import Refusal, Snapshot
from raftkeeper_operator.report.status import Progress, build_status, timestamp


def status_of(snapshot: Snapshot, before: Object | None = None) -> Object:
    blueprint = cluster()
    body = {"metadata": {}, "status": before or {}}
    seen = Observation(snapshot, body, blueprint, build_pod_template(blueprint), Objects())
    return build_status(seen, Progress(decide(snapshot)))


def test_member_that_is_away_was_last_seen_when_the_leader_last_heard_of_it() -> None:
    """Said once, and kept until it is back."""
    away = change_member(break_pod(well(), "x-1"), 2, last_contact_ms=7_000)
    status = status_of(away)
    seen = {row["id"]: row.get("lastSeen") for row in status["members"]}
    assert seen == {1: None, 2: timestamp(NOW - 7_000), 3: None}
    later = change_member(replace(away, now_ms=NOW + 60_000), 2, last_contact_ms=1)
    assert status_of(later, status)["members"][1]["lastSeen"] == seen[2]
    assert "lastSeen" not in status_of(well(), status)["members"][1]


def test_what_was_refused_is_told_beside_what_is_done() -> None:
    """Both are of interest: what goes on, and what does not."""
    refused = (Refusal("SetBudget/2", "theirs"), Refusal("other", "no"))
    plan = status_of(replace(want(well(), replicas=5), refused=refused))["plan"]
    assert (plan["action"], plan["blockedBy"]) == ("SetPoolReplicas", ["theirs", "no"])
    plan = status_of(replace(well(), budget=None, refused=refused))["plan"]
    assert (plan["reason"], plan["blockedBy"]) == ("ActionRefused", ["theirs", "no"])


def test_level_in_use_never_falls() -> None:
    """What was written with it stays; 0 is not shown."""
    assert "featureLevel" not in status_of(well())
    told = change_node(well(), "x-1", ensemble_feature_level=2)
    assert status_of(told)["featureLevel"] == 2
    remembered = replace(well().remembered, feature_level=3)
    assert status_of(replace(told, remembered=remembered))["featureLevel"] == 3
