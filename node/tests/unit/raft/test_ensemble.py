"""Decisions between members, where neither the transcripts nor the random cluster look closely."""

import pytest
from tests.raft.cluster_runner import ClusterScenario

from raftkeeper.raft import (
    NOBODY,
    Append,
    AppendReply,
    ColdSend,
    Entry,
    FollowerState,
    Heartbeat,
    HeartbeatReply,
    InvariantBroken,
    Member,
    Membership,
    NotLeader,
    RaftConfig,
    RaftCore,
    ReadReply,
    ReadRequest,
    Restored,
    Role,
    SnapshotMeta,
    SnapshotOffer,
    TimeoutNow,
    TransferRefused,
    Transferring,
    Update,
    VoteReply,
)


def ensemble(first: str = "nodes 3", **limits: int) -> ClusterScenario:
    """Some members, of which 1 leads."""
    scenario = ClusterScenario()
    scenario.limits = limits
    scenario.do(first)
    assert scenario.do("elect 1") == "leader in term 2"
    return scenario


def core_of(scenario: ClusterScenario, member: int) -> RaftCore:
    return scenario.nodes[member].alive


def test_what_is_meant_for_another_is_not_heard() -> None:
    """An address may have changed hands."""
    core = core_of(ensemble(), 2)
    core.step(Heartbeat(1, 3, 9, 0, 1))
    assert core.term == 2
    assert not core.has_ready


def test_answers_to_a_leader_of_the_past_are_dropped() -> None:
    """And so are its votes, its requests and the answers to reads it never asked for."""
    core = core_of(ensemble(), 2)
    core.step(AppendReply(3, 2, 2, 1, True, 2, 0, 1))
    core.step(HeartbeatReply(3, 2, 2, 1))
    core.step(ReadRequest(3, 2, 2, 5))
    core.step(ReadReply(1, 2, 2, 77, 2))
    core.step(VoteReply(3, 2, 2, True))
    core.step(VoteReply(3, 2, 1, True))
    assert not core.has_ready


def test_strangers_are_not_counted() -> None:
    """A reply of somebody who is no member (any more) changes nothing."""
    core = core_of(ensemble(), 1)
    core.step(AppendReply(9, 1, 2, 1, True, 2, 0, 1))
    core.step(HeartbeatReply(9, 1, 2, 1))
    assert {view.member for view in core.followers()} == {2, 3}


def test_two_leaders_of_one_term_stop_the_process() -> None:
    """Whoever says so: nothing that follows could be trusted."""
    scenario = ensemble()
    with pytest.raises(InvariantBroken, match="term 2 has one leader"):
        core_of(scenario, 1).step(Append(3, 1, 2, 2, 2, (), 0, 1))
    with pytest.raises(InvariantBroken, match="term 2 has one leader"):
        core_of(scenario, 2).step(Heartbeat(3, 2, 2, 0, 1))


def test_a_committed_entry_is_never_cut_off() -> None:
    """A leader that wants that is none of this ensemble."""
    core = core_of(ensemble(), 2)
    with pytest.raises(InvariantBroken, match="to be cut off is not committed"):
        core.cut_off(2)


def test_a_leader_of_the_past_is_told_so() -> None:
    """It would send for ever otherwise."""
    core = core_of(ensemble(), 2)
    for message in (
        Append(3, 2, 1, 1, 1, (), 0, 1),
        Heartbeat(3, 2, 1, 0, 1),
        SnapshotOffer(3, 2, 1, 5),
    ):
        core.step(message)
        assert core.ready().messages == (HeartbeatReply(2, 3, 2, 0),)


def test_only_the_leader_hands_over_and_only_to_a_voter() -> None:
    """A learner told to stand does not; nor does anybody told by another than its leader."""
    scenario = ensemble("nodes 3 learners=4")
    core_of(scenario, 4).step(TimeoutNow(1, 4, 2))
    core_of(scenario, 2).step(TimeoutNow(3, 2, 2))
    assert core_of(scenario, 4).term == core_of(scenario, 2).term == 2
    with pytest.raises(TransferRefused, match="4 is not another voter"):
        core_of(scenario, 1).transfer(4)
    with pytest.raises(NotLeader):
        core_of(scenario, 2).transfer()


def test_while_leadership_goes_over_nothing_is_proposed() -> None:
    """The refusal says to whom, and that asking again will do."""
    core = core_of(ensemble(), 1)
    assert (core.may_propose, core.transferring) == (True, NOBODY)
    core.transfer(3)
    core.transfer(3)
    assert (core.may_propose, core.transferring) == (False, 3)
    with pytest.raises(Transferring, match="goes from member 1 to 3; try again"):
        core.propose(b"")


def test_a_transfer_to_the_best_goes_to_the_preferred_one() -> None:
    """By zone first, then by priority; nobody in contact means nobody."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    assert core.preferred_leader == NOBODY
    core.change(Update(3, "", "", 2), core.config_index)
    scenario.do("settle")
    assert core.preferred_leader == 3
    core.change(Update(2, "", "near", 0), core.config_index)
    scenario.do("settle")
    zoned = RaftConfig(1, preferred_zones=("near",))
    core.config, kept = zoned, core.config
    assert core.preferred_leader == 2
    core.config = kept
    core.transfer()
    assert core.transferring == 3
    scenario.do("settle")
    assert core_of(scenario, 3).role is Role.LEADER
    assert (core.preferred_leader, core.followers(), core.tail_index) == (NOBODY, (), 6)


def test_without_contact_there_is_nobody_to_hand_over_to() -> None:
    """A sole voter, or one whose followers are silent."""
    core = core_of(ensemble("nodes 1"), 1)
    with pytest.raises(TransferRefused, match="no other voter"):
        core.transfer()
    assert core.preferred_leader == NOBODY


def test_an_outsider_prefers_nobody() -> None:
    """A leader on its way out has no preference of its own to compare."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    scenario.do("change 1 remove 1")
    scenario.do("deliver")
    for member in (2, 3):
        scenario.do(f"persist {member}")
    scenario.do("deliver")
    assert core.role is Role.LEADER
    assert 1 not in core.membership.everyone
    assert core.preferred_leader == NOBODY


def test_the_log_is_kept_for_the_living() -> None:
    """A follower that is away for long does not hold the log back."""
    scenario = ensemble()
    core = core_of(scenario, 1)
    scenario.do("cut 3")
    for _ in range(3):
        scenario.do("propose 1 x")
    scenario.do("settle")
    assert core.tail_index == 3
    for _ in range(11):
        scenario.do("tick 1")
        scenario.do("settle")
    assert core.tail_index == core.last_index + 1
    scenario.do("snapshot 1")
    scenario.do("heal")
    scenario.do("tick 1 2")
    scenario.do("settle")
    view = next(view for view in core.followers() if view.member == 3)
    assert view.state is FollowerState.SNAPSHOT
    scenario.do("propose 1 y")
    assert core.tail_index == 6


def test_cold_entries_are_asked_again_when_they_could_not_be_read() -> None:
    """With the next heartbeat, not at once; answers that nobody waits for are dropped."""
    scenario = ensemble(hot_bytes_max=1, append_bytes_max=1)
    node = scenario.nodes[1]
    core = node.alive
    scenario.do("cut 3")
    for _ in range(3):
        scenario.do("propose 1 x")
        scenario.do("settle")
    scenario.do("heal")
    scenario.do("tick 1 2")
    scenario.do("deliver")
    for _ in range(4):
        scenario.do("deliver")
        if scenario.nodes[3].to_persist or scenario.nodes[3].to_send:
            scenario.do("persist 3")
    (cold,) = node.to_read
    node.to_read = []
    core.cold_read(ColdSend(9, 2, 1, 1), ())
    core.cold_read(cold._replace(first=1), ())
    core.cold_read(cold, ())
    scenario.do("state 1")
    assert node.to_read == []
    scenario.do("tick 1")
    assert node.to_read == [cold]
    with pytest.raises(InvariantBroken, match="were read from disk"):
        core.cold_read(cold, (Entry(cold.first + 1, 2, 2, b"x"),))
    core_of(scenario, 2).cold_read(cold, ())


def test_heartbeats_may_be_rarer_than_ticks() -> None:
    """A driver with fine ticks for elections need not send as often."""
    scenario = ensemble(heartbeat_ticks=3)
    core = core_of(scenario, 1)
    sent = []
    for _ in range(6):
        core.tick()
        sent.append(sum(isinstance(message, Heartbeat) for message in core.ready().messages))
    assert sent == [0, 0, 2, 0, 0, 2]


def test_a_read_is_asked_for_again_with_each_heartbeat() -> None:
    """In one request for all reads of a moment."""
    scenario = ensemble(heartbeat_ticks=2)
    core = core_of(scenario, 3)
    core.read_index(7)
    core.read_index(8)
    asked = ReadRequest(3, 1, 2, 1)
    assert core.ready().messages == (asked,)
    core.tick()
    assert not core.has_ready
    core.tick()
    assert core.ready().messages == (asked,)
    core.step(ReadReply(1, 3, 2, 1, 2))
    assert [grant.token for grant in core.ready().reads] == [7, 8]
    core.step(ReadReply(1, 3, 2, 1, 2))
    assert core.ready().reads == ()


def test_a_snapshot_that_the_log_has_reached_only_commits() -> None:
    """The log goes on; the state machine is not to be loaded."""
    scenario = ensemble()
    core = core_of(scenario, 3)
    scenario.do("cut 2")
    scenario.do("propose 1 x")
    scenario.do("deliver")
    assert core.last_index == 3
    assert core.commit_index == 2
    meta = SnapshotMeta(3, 2, core.membership)
    assert not core.restore(meta)
    assert core.commit_index == 3
    assert not core.restore(meta)
    assert not core_of(scenario, 1).restore(SnapshotMeta(9, 2, core.membership))


def test_a_snapshot_of_a_newer_term_brings_the_term() -> None:
    """It was taken by a leader that this member has not heard of."""
    core = RaftCore(RaftConfig(4), Restored())
    assert core.restore(SnapshotMeta(9, 5, Membership.of([1, 2], [4])))
    ready = core.ready()
    assert (core.term, core.first_index, core.applied_index) == (5, 10, 9)
    assert ready.restored is not None
    assert ready.membership == core.membership_at(9) == Membership.of([1, 2], [4])
    assert ready.messages == ready.messages_after_persist == ()


def test_an_offer_of_what_is_there_is_answered() -> None:
    """So the leader goes on; a fetch that was given up begins again with the next offer."""
    core = core_of(ensemble(), 3)
    core.step(SnapshotOffer(1, 3, 2, 2))
    assert [type(message) for message in core.ready().messages] == [AppendReply]
    core.step(SnapshotOffer(1, 3, 2, 9))
    assert core.ready().snapshot_fetch is not None
    core.step(SnapshotOffer(1, 3, 2, 10))
    assert not core.has_ready
    core.snapshot_failed()
    core.step(SnapshotOffer(1, 3, 2, 10))
    fetch = core.ready().snapshot_fetch
    assert fetch is not None
    assert fetch.covers_index == 10


def test_a_full_window_does_not_hide_that_the_log_is_gone() -> None:
    """What is under way may be lost for good; then only a snapshot helps."""
    scenario = ensemble(window_count=1)
    core = core_of(scenario, 1)
    scenario.do("cut 3")
    for _ in range(3):
        scenario.do("propose 1 x")
        scenario.do("settle")
    scenario.do("snapshot 1")
    scenario.do("tick 1")
    view = next(view for view in core.followers() if view.member == 3)
    assert (view.state, view.next_index, core.first_index) == (FollowerState.SNAPSHOT, 4, 6)


def test_entries_that_a_follower_got_another_way_are_not_sent() -> None:
    """An old reply may arrive while they are read from disk."""
    scenario = ensemble(hot_bytes_max=1)
    node = scenario.nodes[1]
    scenario.do("cut 3")
    scenario.do("propose 1 x")
    scenario.do("settle")
    scenario.do("propose 1 y")
    scenario.do("settle")
    node.alive.step(AppendReply(3, 1, 2, 3, False, 2, 2, 1))
    scenario.do("deliver")
    node.alive.step(AppendReply(3, 1, 2, 2, True, 2, 0, 1))
    scenario.do("state 1")
    (cold,) = node.to_read
    assert (cold.first, cold.last) == (3, 4)
    node.alive.step(AppendReply(3, 1, 2, 2, True, 4, 0, 1))
    scenario.do("state 1")
    found = [node.disk.log[index] for index in (3, 4)]
    node.alive.cold_read(cold, found)
    assert not [m for m in node.alive.ready().messages if isinstance(m, Append)]


def test_a_member_founded_with_details_is_known_by_them() -> None:
    """The first membership may say more than ids."""
    founders = [Member(2, b"b", "host:2", "west", 3), Member(1, b"a", "host:1")]
    membership = Membership.found(founders)
    assert membership.voters == {1, 2}
    assert membership.members == (founders[1], founders[0])
    assert Membership.decode(membership.encode()) == membership


def test_a_campaign_of_the_leader_is_nothing() -> None:
    """It leads already; and only the leader's connection matters."""
    core = core_of(ensemble(), 1)
    core.campaign()
    core.leader_unreachable(2)
    core_of(ensemble("nodes 3 learners=4"), 4).leader_unreachable(1)
    assert (core.role, core.term) == (Role.LEADER, 2)
