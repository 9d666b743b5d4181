"""Who stands, who votes, and when a vote counts."""

import pytest
from tests.raft.cluster_runner import ClusterScenario
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Append,
    Entry,
    EntryKind,
    Heartbeat,
    InvariantBroken,
    Membership,
    PreVoteReply,
    PreVoteRequest,
    RaftConfig,
    RaftCore,
    Remove,
    Removed,
    Restored,
    Role,
    VoteReply,
    VoteRequest,
    is_removed,
)
from raftkeeper.raft.election import APART_TICKS
from raftkeeper.raft.voting import may_stand


def test_a_campaign_of_the_leader_is_nothing() -> None:
    """It leads already; and only the leader's connection matters."""
    core = core_of(ensemble(), 1)
    core.campaign()
    core.leader_unreachable(2)
    core_of(ensemble("nodes 3 learners=4"), 4).leader_unreachable(1)
    assert (core.role, core.term) == (Role.LEADER, 2)


def test_the_votes_of_all_others_do_not_stand_in_for_the_own() -> None:
    """Else a crash could make this member vote for another in the term it leads."""
    scenario = ClusterScenario()
    for line in ("nodes 3", "campaign 1", "deliver", "deliver", "deliver"):
        scenario.do(line)
    for line in ("persist 2", "persist 3", "deliver"):
        scenario.do(line)
    assert core_of(scenario, 1).role is Role.CANDIDATE
    scenario.do("persist 1")
    assert core_of(scenario, 1).role is Role.LEADER


def test_learners_and_strangers_never_stand() -> None:
    """However long they hear nothing."""
    for membership in ([1, 2, 3], [4]), ([1], [4]), ([1, 2, 3], []):
        core = RaftCore(RaftConfig(4, nonce=0), Restored())
        core.bootstrap(Membership.of(*membership))
        core.set_election_timeout(1)
        for _ in range(50):
            core.tick()
        assert (core.role, core.term) == (Role.FOLLOWER, 1)
        assert not any(isinstance(sent, VoteRequest) for sent in core.ready().messages)
        with pytest.raises(InvariantBroken, match="only voters"):
            core.campaign()


def test_a_learner_that_hears_nobody_grants_its_vote() -> None:
    """A membership that it has not read may need it; its shortest timeout is no excuse."""
    core = core_of(ensemble("nodes 3 learners=4"), 4)
    core.set_election_timeout(core.config.election_ticks)
    core.step(Heartbeat(1, 4, 2, 2, 1))
    for _ in range(core.config.election_ticks):
        core.tick()
    core.ready()
    core.step(PreVoteRequest(2, 4, core.term + 1, 9, 2))
    assert PreVoteReply(4, 2, core.term + 1, granted=True) in core.ready().messages


def test_a_voter_of_the_committed_membership_stands_whatever_comes_behind_it() -> None:
    """It may be needed until its leaving is committed, and may not disturb from then on."""
    core = core_of(ensemble(), 2)
    leaves = Entry(3, 2, EntryKind.CONFIG, Membership.of([1, 3]).encode())
    core.step(Append(1, 2, 2, 2, 2, (leaves,), 2, 1))
    assert may_stand(core)
    core.step(Heartbeat(1, 2, 2, 3, 1))
    assert not may_stand(core)


def test_who_is_being_removed_lets_the_others_stand_first() -> None:
    """They can do without it unless its log is longer."""
    core = core_of(ensemble(), 2)
    leaves = Entry(3, 2, EntryKind.CONFIG, Membership.of([1, 3]).encode())
    core.step(Append(1, 2, 2, 2, 2, (leaves,), 2, 1))
    core.leader_unreachable(1)
    assert core.role is Role.FOLLOWER
    for _ in range(APART_TICKS):
        core.tick()
    assert core.role is Role.PRE_CANDIDATE


def test_only_who_is_gone_for_sure_is_told_that_it_was_removed() -> None:
    """Not while the change may still be undone, nor a newer member that this one has not heard of."""
    scenario = ensemble()
    core = core_of(scenario, 1)

    def is_told(member: int) -> bool:
        core.step(PreVoteRequest(member, 1, core.term + 1, 1, 1))
        return Removed(1, member, core.term) in core.outbox

    core.change(Remove(3), core.config_index)
    assert not is_told(3)
    scenario.do("settle")
    assert is_told(3)
    assert not is_told(2)
    assert not is_told(4)


def test_who_was_told_of_its_removal_asks_nobody_any_more() -> None:
    """Whatever its own log says."""
    core = core_of(ensemble(), 2)
    assert not is_removed(core)
    core.step(Removed(1, 2, core.term))
    assert is_removed(core)
    core.ready()
    for _ in range(100):
        core.tick()
    assert core.ready().messages == ()


def test_a_new_member_that_reads_the_old_log_was_not_removed() -> None:
    """The memberships from before it was added do not know it, committed as they are."""
    core = RaftCore(RaftConfig(4, nonce=0), Restored())
    founding = Entry(1, 1, EntryKind.CONFIG, Membership.of([1, 2, 3]).encode())
    core.step(Append(1, 4, 1, 0, 0, (founding,), 1, 1))
    assert core.commit_index == core.config_index == 1
    assert not is_removed(core)
    added = Membership.of([1, 2, 3], [4])
    removed = Membership.of([1, 2, 3], next_id=5)
    for index, membership in ((2, added), (3, removed)):
        entry = Entry(index, 1, EntryKind.CONFIG, membership.encode())
        core.step(Append(1, 4, 1, index - 1, 1, (entry,), index, 1))
    assert is_removed(core)


def test_who_refuses_a_shorter_log_stands_itself_at_once() -> None:
    """Both miss the leader, and the asker can only wait for this one."""
    core = core_of(ensemble(), 2)
    core.set_election_timeout(18)
    core.step(PreVoteRequest(3, 2, 3, 1, 1))
    core.tick()
    assert core.role is Role.FOLLOWER, "the leader was just heard"
    for _ in range(9):
        core.tick()
    core.step(PreVoteRequest(3, 2, 3, 1, 1))
    assert PreVoteReply(2, 3, 2, False) in core.ready().messages
    for _ in range(APART_TICKS):
        assert core.role is Role.FOLLOWER
        core.tick()
    assert core.role is Role.PRE_CANDIDATE


def test_nobody_votes_for_a_log_that_lacks_something() -> None:
    """Not even when the leader has asked for the election."""
    core = core_of(ensemble(), 2)
    for term, (last_index, last_term) in enumerate([(1, 1), (9, 1), (1, 2)], start=3):
        core.step(VoteRequest(3, 2, term, last_index, last_term, True))
        ready = core.ready()
        assert ready.messages_after_persist == (VoteReply(2, 3, term, False),)
        core.persisted(ready.number)
    core.step(VoteRequest(3, 2, 6, 2, 2, True))
    assert core.ready().messages_after_persist == (VoteReply(2, 3, 6, True),)
