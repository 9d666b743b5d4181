"""Claims about changes of the membership: done once, refused with a reason, safe to repeat."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.admin.fake_ensemble import CLUSTER, FakeEnsemble, incarnation, member

from raftkeeper.admin.membership import MembershipChanges, NewMember
from raftkeeper.admin.refusals import AdminRefusal
from raftkeeper.raft import AddLearner, Member, Membership, Promote, Remove, Replace, Update


def changes(ensemble: FakeEnsemble) -> MembershipChanges:
    return MembershipChanges(ensemble, ensemble, ensemble)


async def add(ensemble: FakeEnsemble, number: int, index: int) -> dict[str, Any]:
    """Adds the node at 10.0.0.<number>, which is asked for its incarnation."""
    new = NewMember(f"10.0.0.{number}:2888")
    return await changes(ensemble).add_learner(new, index, cluster_id=CLUSTER, timeout_s=1)


async def code_of(work: Awaitable[Any]) -> str:
    """The code of the refusal that this must end in."""
    with pytest.raises(AdminRefusal) as caught:
        await work
    assert caught.value.hint
    return caught.value.code.name


async def test_learner_gets_the_next_id_and_its_own_incarnation() -> None:
    """The node at the address is asked who it is."""
    ensemble = FakeEnsemble()
    answer = await add(ensemble, 7, 10)
    assert answer == {
        "operation": "add-learner",
        "member_id": 4,
        "config_index": 11,
        "changed": True,
    }
    assert ensemble.done == [AddLearner(incarnation(7), "10.0.0.7:2888")]


async def test_new_member_has_the_zone_and_priority_of_its_configuration() -> None:
    """Where the call does not say them: what a person says now counts more than a file."""
    ensemble = FakeEnsemble(zones={7: "near", 8: "near"}, priorities={7: 5, 8: 5})
    await add(ensemble, 7, 10)
    new = NewMember("10.0.0.8:2888", zone="", priority=0)
    await changes(ensemble).add_learner(new, 11, cluster_id=CLUSTER, timeout_s=1)
    assert ensemble.done == [
        AddLearner(incarnation(7), "10.0.0.7:2888", "near", 5),
        AddLearner(incarnation(8), "10.0.0.8:2888", "", 0),
    ]


async def test_same_node_is_added_once_whoever_leads() -> None:
    """Repeated with the old config index, also at another leader: the same id, and no second one."""
    ensemble = FakeEnsemble()
    first = await add(ensemble, 7, 10)
    for again in (ensemble, ensemble.seen_by(2)):
        repeated = await add(again, 7, 10)
        assert repeated == {**first, "changed": False}
    assert len(ensemble.added) == 1


async def test_change_is_compared_with_the_config_index() -> None:
    """Decided on another membership: nothing is done."""
    ensemble = FakeEnsemble()
    assert await code_of(add(ensemble, 7, 9)) == "CONFIG_INDEX_STALE"
    assert not ensemble.done


async def test_only_the_leader_changes_and_the_others_say_who_that_is() -> None:
    """With its id and address; without a leader that is said."""
    ensemble = FakeEnsemble(own=1, leader=2)
    with pytest.raises(AdminRefusal) as caught:
        await add(ensemble, 7, 10)
    assert caught.value.code.name == "NOT_LEADER"
    assert caught.value.details == {"leader_id": 2, "leader_address": "10.0.0.2:2888"}
    ensemble.leader = 0
    assert await code_of(add(ensemble, 7, 10)) == "NO_LEADER"


async def test_change_under_way_is_not_taken_for_done() -> None:
    """A membership that is not committed may still be taken back."""
    ensemble = FakeEnsemble(busy=True)
    work = changes(ensemble).promote(2, 10, force=False, timeout_s=1)
    assert await code_of(work) == "CHANGE_IN_PROGRESS"


async def test_unreachable_node_is_not_added() -> None:
    """Nobody answers at the address, and no incarnation is given."""
    ensemble = FakeEnsemble(silent={7})
    assert await code_of(add(ensemble, 7, 10)) == "MEMBER_UNREACHABLE"
    new = NewMember("10.0.0.7:2888", incarnation(7))
    answer = await changes(ensemble).add_learner(new, 10, cluster_id=CLUSTER, timeout_s=1)
    assert answer["member_id"] == 4


async def test_node_of_another_ensemble_is_not_added() -> None:
    """What it holds may be needed there."""
    ensemble = FakeEnsemble(foreign={7})
    assert await code_of(add(ensemble, 7, 10)) == "WRONG_ROLE"
    assert not ensemble.done


async def test_node_that_cannot_read_what_is_written_is_not_added() -> None:
    """Its incarnation given or asked for; before the newer level is in use it may be one of them."""
    ensemble = FakeEnsemble(outdated={7})
    ensemble.membership = replace(ensemble.membership, level=2)
    assert await code_of(add(ensemble, 7, 10)) == "FEATURE_LEVEL_TOO_LOW"
    known = NewMember("10.0.0.7:2888", incarnation(7))
    work = changes(ensemble).add_learner(known, 10, cluster_id=CLUSTER, timeout_s=1)
    assert await code_of(work) == "FEATURE_LEVEL_TOO_LOW"
    assert not ensemble.done
    assert (await add(ensemble, 8, 10))["changed"]
    assert (await add(FakeEnsemble(outdated={7}), 7, 10))["changed"]


async def test_node_with_the_data_of_a_removed_member_is_not_added() -> None:
    """It would be member 3 for ever and never the one it was added as; the hint says what to do."""
    ensemble = FakeEnsemble()
    await changes(ensemble).remove(3, 10, force=False, timeout_s=1)
    ensemble.removed.add(3)
    with pytest.raises(AdminRefusal, match="member 3, which was removed") as refusal:
        await add(ensemble, 3, 11)
    assert refusal.value.code.name == "WRONG_ROLE"
    assert "storage.data_dir" in refusal.value.hint
    assert len(ensemble.done) == 1


async def test_learner_is_promoted_once_caught_up() -> None:
    """Refused before; repeated after a change of leader it is answered as done."""
    ensemble = FakeEnsemble(lagging={4})
    await add(ensemble, 7, 10)
    promote = changes(ensemble).promote(4, 11, force=False, timeout_s=1)
    assert await code_of(promote) == "NOT_CAUGHT_UP"
    ensemble.lagging.clear()
    answer = await changes(ensemble).promote(4, 11, force=False, timeout_s=1)
    assert (answer["config_index"], answer["changed"]) == (12, True)
    repeated = await changes(ensemble.seen_by(3)).promote(4, 11, force=False, timeout_s=1)
    assert repeated == {**answer, "changed": False}
    assert ensemble.done[1:] == [Promote(4)]


async def test_removed_member_stays_removed_and_unknown_ones_are_named() -> None:
    """Ids that were given out are gone; those that were not are a mistake."""
    ensemble = FakeEnsemble()
    answer = await changes(ensemble).remove(3, 10, force=False, timeout_s=1)
    repeated = await changes(ensemble.seen_by(2)).remove(3, 10, force=False, timeout_s=1)
    assert repeated == {**answer, "changed": False}
    assert ensemble.done == [Remove(3)]
    work = changes(ensemble).remove(4, 11, force=False, timeout_s=1)
    assert await code_of(work) == "UNKNOWN_MEMBER"


async def test_removal_that_would_leave_no_live_majority_is_refused() -> None:
    """Unless it is forced. The one that is silent may go."""
    ensemble = FakeEnsemble(silent={3})
    work = changes(ensemble).remove(2, 10, force=False, timeout_s=1)
    assert await code_of(work) == "QUORUM_AT_RISK"
    assert not ensemble.done
    await changes(ensemble).remove(2, 10, force=True, timeout_s=1)
    await changes(FakeEnsemble(silent={3})).remove(3, 10, force=False, timeout_s=1)


async def test_last_voter_is_not_removed() -> None:
    """Not even by force."""
    ensemble = FakeEnsemble(membership=Membership.found([member(1)]))
    work = changes(ensemble).remove(1, 10, force=True, timeout_s=1)
    assert await code_of(work) == "LAST_VOTER"


async def test_replacement_is_one_change_and_safe_to_repeat() -> None:
    """A dead voter against a learner that has caught up."""
    ensemble = FakeEnsemble(silent={3})
    await add(ensemble, 7, 10)
    answer = await changes(ensemble).replace(3, 4, 11, force=False, timeout_s=1)
    assert ensemble.membership.voters == {1, 2, 4}
    again = changes(ensemble.seen_by(4))
    assert await again.replace(3, 4, 11, force=False, timeout_s=1) == {**answer, "changed": False}
    assert ensemble.done[1:] == [Replace(3, 4)]
    wrong = changes(ensemble).replace(1, 2, 12, force=False, timeout_s=1)
    assert await code_of(wrong) == "WRONG_ROLE"


async def test_address_changes_and_the_rest_stays() -> None:
    """Only what is given; the same again changes nothing."""
    ensemble = FakeEnsemble()
    details = {"address": "new:2888"}
    await changes(ensemble).update(2, 10, details, timeout_s=1)
    assert ensemble.done == [Update(2, "new:2888", "zone2", 1)]
    answer = await changes(ensemble).update(2, 10, details, timeout_s=1)
    assert not answer["changed"]


async def test_details_that_are_none_are_refused_by_every_change() -> None:
    """A new member's and a known one's alike; nothing is done."""
    ensemble = FakeEnsemble()
    new = NewMember("10.0.0.7:2888", priority=10**6)
    assert (
        await code_of(changes(ensemble).add_learner(new, 10, cluster_id=CLUSTER, timeout_s=1))
        == "BAD_REQUEST"
    )
    for details in ({"address": "nowhere"}, {"zone": "a\nb"}, {"priority": -1}):
        assert await code_of(changes(ensemble).update(2, 10, details, timeout_s=1)) == "BAD_REQUEST"
    assert not ensemble.done


async def test_member_without_an_address_may_get_a_zone() -> None:
    """One that is alone has none, and only what changes is looked at."""
    ensemble = FakeEnsemble(membership=Membership.found([Member(1, incarnation(1))]))
    answer = await changes(ensemble).update(1, 10, {"zone": "a"}, timeout_s=1)
    assert answer["changed"]
    assert ensemble.done == [Update(1, "", "a", 1)]


async def test_unfinished_change_says_that_its_outcome_is_open() -> None:
    """It is in the log and may still be committed."""
    assert await code_of(add(FakeEnsemble(hangs=True), 7, 10)) == "OUTCOME_UNKNOWN"


async def test_change_that_went_with_its_leader_is_not_taken_for_done() -> None:
    """Another leader's entry stands at its index."""
    for work in (
        add(FakeEnsemble(loses=True), 7, 10),
        changes(FakeEnsemble(loses=True)).remove(3, 10, force=False, timeout_s=1),
        changes(FakeEnsemble(loses=True)).update(2, 10, {"zone": "new"}, timeout_s=1),
    ):
        assert await code_of(work) == "NOT_LEADER"


async def test_who_no_longer_leads_does_not_say_that_something_is_done() -> None:
    """A leader that was cut off knows an old membership."""
    ensemble = FakeEnsemble(leader_confirmed=False)
    work = changes(ensemble).promote(2, 10, force=False, timeout_s=1)
    assert await code_of(work) == "NO_LEADER"


async def test_leadership_moves_once() -> None:
    """To the named one, or away from the named one: repeated, it stays where it is."""
    ensemble = FakeEnsemble()
    answer = await changes(ensemble).transfer(0, leaving=1, timeout_s=1)
    assert answer == {"operation": "transfer", "leader_id": 2, "changed": True}
    for own in (1, 2):
        ensemble.own = own
        again = await changes(ensemble).transfer(0, leaving=1, timeout_s=1)
        assert again == {**answer, "changed": False}
        assert not (await changes(ensemble).transfer(2, leaving=0, timeout_s=1))["changed"]
    assert ensemble.transfers == [0]


async def test_transfer_that_does_not_come_about_is_refused() -> None:
    """Nobody else, or nobody in time."""
    alone = FakeEnsemble(membership=Membership.found([member(1)]))
    work = changes(alone).transfer(0, leaving=0, timeout_s=1)
    assert await code_of(work) == "TRANSFER_REFUSED"
    hanging = changes(FakeEnsemble(hangs=True)).transfer(2, leaving=0, timeout_s=1)
    assert await code_of(hanging) == "TRANSFER_REFUSED"
