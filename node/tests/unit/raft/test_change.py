"""The change calculus: what each change leads to, and what is refused."""

import pytest
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    AddLearner,
    ChangeRefusal,
    ChangeRefused,
    Member,
    Membership,
    Promote,
    RaftConfig,
    RaftCore,
    RaiseLevel,
    Remove,
    Replace,
    Restored,
    Update,
    certain_members,
)
from raftkeeper.raft.change import Change, decide_change, leave_joint

NOW = Membership.of([1, 2, 3], learners=[4])


def test_a_new_member_gets_an_id_that_nobody_ever_had() -> None:
    """Also when the one with the highest id is gone."""
    added = decide_change(NOW, AddLearner(b"disk", "host:1", "west", 7))
    assert added.member(5) == Member(5, b"disk", "host:1", "west", 7)
    assert (added.learners, added.next_id, added.is_joint) == ({4, 5}, 6, False)
    removed = decide_change(added, Remove(5))
    assert removed.member(5) is None
    assert decide_change(removed, AddLearner(b"other", "")).learners == {4, 6}


def test_a_new_id_is_certain_when_it_is_committed() -> None:
    """Before, the entry may be cut off, and the id be given to another disk."""
    scenario = ensemble("nodes 3 learners=4")
    leader, follower = core_of(scenario, 1), core_of(scenario, 2)
    scenario.do("change 1 add m5")
    scenario.do("deliver")
    assert leader.members == {2, 3, 4, 5}
    assert certain_members(leader) == certain_members(follower) == {1, 2, 3, 4}
    scenario.do("settle")
    assert certain_members(leader) == certain_members(follower) == {1, 2, 3, 4, 5}
    # Nothing is known to be committed after a start, but what was before the newest membership is.
    scenario.do("crash 1")
    scenario.do("restart 1")
    assert certain_members(core_of(scenario, 1)) == {1, 2, 3, 4}


def test_the_founding_members_are_certain_when_the_first_entry_is_durable() -> None:
    """It cannot be committed without them."""
    core = RaftCore(RaftConfig(1, nonce=0), Restored())
    assert certain_members(core) == frozenset()
    core.bootstrap(Membership.of([1, 2, 3]))
    number = core.ready().number
    assert certain_members(core) == frozenset()
    core.persisted(number)
    assert certain_members(core) == {1, 2, 3}


def test_an_incarnation_is_a_member_once() -> None:
    """The refusal says under which id; members of old without one do not count."""
    added = decide_change(NOW, AddLearner(b"disk", ""))
    with pytest.raises(ChangeRefused, match="already") as refused:
        decide_change(added, AddLearner(b"disk", "elsewhere"))
    assert refused.value.member == 5
    assert decide_change(NOW, AddLearner(b"", "")).learners == {4, 5}


@pytest.mark.parametrize(
    ("change", "voters", "learners"),
    [
        (Promote(4), {1, 2, 3, 4}, set()),
        (Remove(3), {1, 2}, {4}),
        (Replace(3, 4), {1, 2, 4}, set()),
    ],
)
def test_a_change_of_voters_is_joint(change: Change, voters: set[int], learners: set[int]) -> None:
    """Old and new voters decide together, until it is left."""
    joint = decide_change(NOW, change)
    assert (joint.voters, joint.outgoing, joint.learners) == (voters, {1, 2, 3}, learners)
    after = leave_joint(joint)
    assert (after.voters, after.outgoing, after.learners) == (voters, set(), learners)
    assert {member.id for member in after.members} == voters | learners
    assert after.next_id == NOW.next_id


def test_other_changes_are_one_step() -> None:
    """They move no quorum."""
    assert decide_change(NOW, Remove(4)) == Membership.of([1, 2, 3], next_id=5)
    updated = decide_change(NOW, Update(2, "host:2", "east", 3))
    assert updated.member(2) == Member(2, b"", "host:2", "east", 3)
    assert updated.member(1) == Member(1)
    assert not updated.is_joint


@pytest.mark.parametrize(
    ("now", "change", "reason"),
    [
        (NOW, Promote(9), ChangeRefusal.UNKNOWN_MEMBER),
        (NOW, Promote(1), ChangeRefusal.WRONG_ROLE),
        (NOW, Replace(4, 4), ChangeRefusal.WRONG_ROLE),
        (NOW, Replace(1, 2), ChangeRefusal.WRONG_ROLE),
        (NOW, Remove(9), ChangeRefusal.UNKNOWN_MEMBER),
        (NOW, Update(9, "", "", 0), ChangeRefusal.UNKNOWN_MEMBER),
        (Membership.of([1]), Remove(1), ChangeRefusal.LAST_VOTER),
        (Membership.of([1], level=2), RaiseLevel(2), ChangeRefusal.STALE),
        (Membership.of([1], level=2), RaiseLevel(1), ChangeRefusal.STALE),
    ],
)
def test_what_makes_no_sense_is_refused(
    now: Membership, change: Change, reason: ChangeRefusal
) -> None:
    """With the reason as a value and as a sentence."""
    with pytest.raises(ChangeRefused) as refused:
        decide_change(now, change)
    assert refused.value.reason is reason
    assert str(refused.value) == reason.value


@pytest.mark.parametrize(
    "change",
    [
        AddLearner(b"disk", "host:1"),
        Promote(4),
        Remove(3),
        Remove(4),
        Replace(3, 4),
        Update(2, "host:2", "east", 3),
    ],
)
def test_every_change_keeps_the_feature_level(change: Change) -> None:
    """It is raised by a change of its own, and never lowered."""
    raised = decide_change(NOW, RaiseLevel(2))
    assert (raised.level, raised.voters, raised.learners) == (2, NOW.voters, NOW.learners)
    after = decide_change(raised, change)
    assert (after.level, leave_joint(after).level) == (2, 2)
