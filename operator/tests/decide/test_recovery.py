"""A majority is lost for good: who knows most, that nothing is forced on a guess, and how it is carried out."""

from dataclasses import replace

import pytest
from tests.decide.picture import (
    CLUSTER_ID,
    SUFFIX,
    add_member,
    change_ensemble,
    change_node,
    change_pod,
    drop_pod,
    drop_volume,
    empty,
    leaderless,
    make_member,
    make_node,
    make_waiting,
    want,
    well,
    without_budget,
)

from raftkeeper_operator.decide.decide import decide
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import (
    AddLearner,
    CloseFounding,
    CreateFounding,
    DeletePod,
    OrderRecovery,
)
from raftkeeper_operator.decide.recovery import gather_evidence, propose_survivor
from raftkeeper_operator.observe.desired import ForceQuorum
from raftkeeper_operator.observe.ensemble import Ensemble, NodeStatus
from raftkeeper_operator.observe.snapshot import Founding, RecoveryOrder, Snapshot

ORDER = RecoveryOrder(1, f"x-3{SUFFIX}")
NEW = "c2"


def lost() -> Snapshot:
    """Of five voters three have lost their disks; x-3 and x-4 are left, and x-3 has the newer log."""
    snapshot = leaderless(well(replicas=5))
    snapshot = drop_volume(drop_pod(snapshot, "x-0"), "data-x-0")
    for name in ("x-1", "x-2"):
        snapshot = change_pod(snapshot, name, node=make_waiting(f"new-{name}"), ready=False)
    snapshot = change_node(snapshot, "x-3", last_term=7, last_index=50)
    return change_node(snapshot, "x-4", last_term=6, last_index=90)


def asked(
    snapshot: Snapshot, survivor: str = "", epoch: int = 1, *, acknowledged: bool = True
) -> Snapshot:
    return want(snapshot, force_quorum=ForceQuorum(epoch, survivor, acknowledged))


def ordered(snapshot: Snapshot, *uninformed: str) -> Snapshot:
    """The founding has the order; these pods have started before."""
    founding = Founding(
        False,
        "rv-ordered",
        cluster_id=CLUSTER_ID,
        order=ORDER,
        uninformed=frozenset(f"uid-{pod}" for pod in uninformed),
    )
    return replace(snapshot, founding=founding)


def fenced(snapshot: Snapshot, *pods: str) -> Snapshot:
    """These have started anew, and wait with empty disks."""
    for pod in pods:
        node = replace(make_waiting(f"fenced-{pod}"), recovery_epoch=1)
        snapshot = change_pod(snapshot, pod, node=node, uid=f"again-{pod}", ready=False)
    return snapshot


def recovered(snapshot: Snapshot) -> Snapshot:
    """x-3 leads an ensemble of one."""
    node = make_node(6, cluster_id=NEW, recovery_epoch=1, role="leader")
    snapshot = change_pod(snapshot, "x-3", node=node, uid="again-x-3")
    leader = make_member(6, "x-3", "leader")
    ensemble = Ensemble(NEW, 50, 9, 51, 6, 7, is_joint=False, transferring=False, members=(leader,))
    return replace(snapshot, ensemble=replace(ensemble, recovery_epoch=1))


def accepted(snapshot: Snapshot) -> Snapshot:
    """The founding bears the new ensemble's id."""
    assert snapshot.founding is not None
    return replace(snapshot, founding=replace(snapshot.founding, cluster_id=NEW))


def test_newer_term_knows_more_than_a_longer_log() -> None:
    """As in an election."""
    facts = Facts(lost())
    assert propose_survivor(facts) == "x-3"
    assert [one.pod for one in gather_evidence(facts)][:2] == ["x-3", "x-4"]
    assert [one.reachable for one in gather_evidence(facts)] == [True, True, False, False, False]


def test_nobody_is_proposed_while_a_majority_may_come_back() -> None:
    """Nor when nobody is left to be asked."""
    assert propose_survivor(Facts(well())) == ""
    assert propose_survivor(Facts(leaderless(well()))) == ""
    alone = replace(lost(), pods=())
    assert propose_survivor(Facts(alone)) == ""


def test_force_is_refused_while_a_majority_may_come_back() -> None:
    """It would throw away what is only out of reach."""
    plan = decide(asked(leaderless(well())))
    assert (plan.action, plan.reason) == (None, "RecoveryRefused")


def test_force_is_refused_while_a_membership_in_a_log_may_have_a_majority() -> None:
    """A leader that was not heard of may have made it, and committed it."""
    members = (make_member(4, "x-3"), make_member(5, "x-4"), make_member(6, "x-5"))
    snapshot = asked(change_node(lost(), "x-3", config=members, config_index=60))
    plan = decide(snapshot)
    assert (plan.action, plan.reason) == (None, "RecoveryRefused")
    known = {"config": lost().remembered.members, "config_index": 61, "last_term": 8}
    longer = change_node(snapshot, "x-4", **known)
    assert isinstance(decide(longer).action, OrderRecovery)


def test_membership_that_every_log_has_replaced_counts_no_more() -> None:
    """Of five voters three are left, and would be a majority; but all three know that the last was removed."""
    members = tuple(make_member(at, f"x-{at - 1}") for at in (1, 2, 3, 4))
    snapshot = lost()
    for pod in ("x-2", "x-3", "x-4"):
        snapshot = change_node(snapshot, pod, config=members, config_index=60)
    assert isinstance(decide(asked(snapshot)).action, OrderRecovery)


def test_force_is_refused_without_the_acknowledgement() -> None:
    """The API server asks for it; an object that was written before the rule may lack it."""
    plan = decide(asked(lost(), acknowledged=False))
    assert (plan.action, plan.reason) == (None, "RecoveryRefused")
    assert "acknowledgeDataLoss" in plan.message


def test_force_is_refused_for_one_that_cannot_be_asked() -> None:
    """It must be a voter on its own disk."""
    for survivor in ("x-0", "x-1", "y-0"):
        plan = decide(asked(lost(), survivor))
        assert (plan.action, plan.reason) == (None, "RecoveryRefused")
        assert survivor in plan.message


def test_force_is_refused_where_nobody_has_a_disk_left() -> None:
    """Nothing can be recovered from; the message says what is left to do."""
    snapshot = lost()
    for name in ("x-3", "x-4"):
        snapshot = change_pod(snapshot, name, node=make_waiting(f"new-{name}"), ready=False)
    plan = decide(asked(snapshot))
    assert (plan.action, plan.reason) == (None, "RecoveryRefused")
    assert "restore a backup" in plan.message


def test_force_is_ordered_for_the_survivor() -> None:
    """With everything that was seen, so that an old picture orders nothing."""
    for survivor in ("", "x-4"):
        snapshot = asked(lost(), survivor)
        plan = decide(snapshot)
        assert plan.action == OrderRecovery(
            1,
            (survivor or "x-3") + SUFFIX,
            CLUSTER_ID,
            tuple(pod.uid for pod in snapshot.pods),
            tuple(volume.uid for volume in snapshot.volumes),
            "rv-founding",
        )
        assert plan.target == (survivor or "x-3")


def test_force_is_asked_once_an_epoch() -> None:
    """An epoch that was carried out is over; and a cluster that leads or was never founded needs none."""
    done = asked(lost())
    done = replace(done, remembered=replace(done.remembered, recovery_epoch=1))
    assert decide(done).reason == "QuorumLost"
    assert decide(asked(well())).reason == "Settled"
    assert decide(asked(empty())).reason == "Founding"
    assert decide(asked(replace(empty(), founding=lost().founding))).name == "CreatePool"


def test_epoch_asked_for_while_somebody_leads_is_used_up() -> None:
    """It was written down before there was a loss to accept; with an order under way it is not."""
    facts = Facts(asked(well(), epoch=3))
    assert facts.recovered_epoch == 3
    later = asked(lost(), epoch=3)
    later = replace(later, remembered=replace(later.remembered, recovery_epoch=3))
    assert decide(later).reason == "QuorumLost"
    assert isinstance(decide(asked(later, epoch=4)).action, OrderRecovery)
    under_way = ordered(asked(well(replicas=5), epoch=3))
    assert Facts(under_way).recovered_epoch == 0


def test_everybody_starts_anew_and_the_survivor_last() -> None:
    """One pod a step; the survivor keeps its data to itself until nobody else has the old ones."""
    snapshot = ordered(lost(), "x-1", "x-2", "x-3", "x-4")
    seen = []
    for _ in range(4):
        action = decide(snapshot).action
        assert isinstance(action, DeletePod)
        seen.append(action.pod)
        snapshot = fenced(snapshot, action.pod)
    assert seen == ["x-1", "x-2", "x-4", "x-3"]


def test_order_is_carried_on_whatever_the_spec_says_since() -> None:
    """There is no way back: some may have obeyed."""
    snapshot = want(ordered(lost(), "x-1", "x-2", "x-3", "x-4"), force_quorum=None)
    assert isinstance(decide(snapshot).action, DeletePod)


@pytest.mark.parametrize(
    ("node", "uid", "restarts"),
    [
        (None, "uid-x-4", True),
        (None, "again-x-4", False),
        (NodeStatus("starting", 0, "", ""), "again-x-4", False),
        (make_node(5), "again-x-4", True),
        (make_node(5, role="starting"), "again-x-4", True),
        (make_node(5, damage="rot"), "again-x-4", True),
        (make_node(5, recovery_epoch=1), "uid-x-4", False),
    ],
    ids=[
        "silent since before",
        "silent and new",
        "starting and new",
        "new and not informed",
        "new, not informed, reading",
        "damaged",
        "informed",
    ],
)
def test_own_word_says_whether_a_pod_is_informed(
    node: NodeStatus | None, uid: str, restarts: bool
) -> None:
    """A new container may have read the order late; one that is silent is asked to start anew once."""
    snapshot = fenced(ordered(lost(), "x-1", "x-2", "x-3", "x-4"), "x-1", "x-2")
    snapshot = change_pod(snapshot, "x-4", node=node, uid=uid)
    action = decide(snapshot).action
    assert isinstance(action, DeletePod)
    assert action.pod == ("x-4" if restarts else "x-3")


def test_survivor_waits_until_those_that_stop_are_silent() -> None:
    """They still speak as members."""
    snapshot = fenced(ordered(lost(), "x-1", "x-2", "x-3", "x-4"), "x-1", "x-2")
    stopping = change_pod(snapshot, "x-4", terminating=True)
    assert (decide(stopping).action, decide(stopping).reason) == (None, "Recovering")
    gone = change_pod(stopping, "x-4", node=None)
    action = decide(gone).action
    assert isinstance(action, DeletePod)
    assert action.pod == "x-3"


def test_survivor_at_work_is_not_disturbed() -> None:
    """It says the old epoch until its data are the ensemble; and one with bad data is explained."""
    snapshot = fenced(ordered(lost()), "x-1", "x-2", "x-4")
    busy = change_pod(snapshot, "x-3", uid="again", node=make_node(4, role="starting"))
    assert (decide(busy).action, decide(busy).reason) == (None, "Recovering")
    for node in (make_node(4, damage="rot"), replace(make_waiting("l"), recovery_epoch=1)):
        stuck = change_pod(snapshot, "x-3", uid="again", node=node)
        assert (decide(stuck).action, decide(stuck).reason) == (None, "RecoveryStuck")


def test_later_epoch_names_another_survivor() -> None:
    """The way out when the first one's data turn out to be bad."""
    snapshot = fenced(ordered(lost()), "x-1", "x-2")
    stuck = change_pod(snapshot, "x-3", uid="again", node=make_node(4, damage="rot"))
    action = decide(asked(stuck, "x-4", epoch=2)).action
    assert isinstance(action, OrderRecovery)
    assert (action.epoch, action.survivor) == (2, f"x-4{SUFFIX}")


def test_ensemble_of_the_survivor_becomes_the_clusters() -> None:
    """Its id goes into the founding; the order stays there."""
    snapshot = recovered(fenced(ordered(lost()), "x-1", "x-2", "x-4"))
    plan = decide(snapshot)
    assert plan.action == CloseFounding(NEW, "rv-ordered", ORDER.text)
    snapshot = accepted(snapshot)
    facts = Facts(snapshot)
    assert (facts.cluster_id, facts.recovered_epoch) == (NEW, 1)
    assert decide(without_budget(snapshot)).reason == "AddingLearner"


def test_ensemble_that_was_not_ordered_is_foreign() -> None:
    """Another epoch, another survivor, or no order at all."""
    snapshot = recovered(fenced(ordered(lost()), "x-1", "x-2", "x-4"))
    for changed in (
        change_ensemble(snapshot, recovery_epoch=2),
        change_ensemble(snapshot, members=(make_member(6, "x-4", "leader"),)),
        replace(snapshot, founding=lost().founding),
    ):
        assert (decide(changed).action, decide(changed).reason) == (None, "ForeignEnsemble")


def test_latecomer_of_the_old_ensemble_starts_anew() -> None:
    """Its container was started before the order reached its node."""
    snapshot = accepted(recovered(fenced(ordered(lost()), "x-1", "x-2")))
    plan = decide(snapshot)
    assert isinstance(plan.action, DeletePod)
    assert plan.action.pod == "x-4"
    heard = add_member(without_budget(snapshot), make_member(7, "x-4", active=True))
    assert decide(heard).name != "DeletePod", "the picture of the pod is older than the membership"


def test_pod_that_waits_without_the_order_starts_anew_before_it_is_added() -> None:
    """Else it would set aside, at its next start, what it got from the ensemble that was recovered."""
    snapshot = accepted(recovered(fenced(ordered(lost()), "x-1", "x-2", "x-4")))
    snapshot = without_budget(snapshot)
    informed = decide(snapshot).action
    assert isinstance(informed, AddLearner)
    plan = decide(change_node(snapshot, informed.pod, recovery_epoch=0))
    assert plan.action == DeletePod(informed.pod, f"again-{informed.pod}")
    assert plan.reason == "RestartingUninformed"


def test_order_outlives_the_founding() -> None:
    """Whoever deletes the ConfigMap does not take the fence away."""
    snapshot = recovered(lost())
    remembered = replace(snapshot.remembered, cluster_id=NEW, order=ORDER, recovery_epoch=1)
    action = decide(replace(snapshot, founding=None, remembered=remembered)).action
    assert action == CreateFounding((), ORDER.text)


@pytest.mark.parametrize("text", ["", "1", "x@y:1", "1@"])
def test_what_no_operator_wrote_is_no_order(text: str) -> None:
    """A key that somebody edited by hand."""
    assert RecoveryOrder.parse(text) is None
    assert RecoveryOrder.parse(ORDER.text) == ORDER
    assert ORDER.pod == "x-3"
