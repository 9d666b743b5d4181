"""What a follower takes, cuts off, commits and restores."""

import pytest
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Append,
    AppendReply,
    Entry,
    EntryKind,
    HardState,
    Heartbeat,
    InvariantBroken,
    Membership,
    MembershipTooNew,
    RaftConfig,
    RaftCore,
    Restored,
    SnapshotMeta,
    SnapshotOffer,
)


def test_two_leaders_of_one_term_stop_the_process() -> None:
    """Whoever says so: nothing that follows could be trusted."""
    scenario = ensemble()
    with pytest.raises(InvariantBroken, match="term 2 has one leader"):
        core_of(scenario, 1).step(Append(3, 1, 2, 2, 2, (), 0, 1))
    with pytest.raises(InvariantBroken, match="term 2 has one leader"):
        core_of(scenario, 2).step(Heartbeat(3, 2, 2, 0, 1))


def test_a_new_leader_lets_the_timeout_be_drawn_anew() -> None:
    """Once: else who never stands keeps a long draw for ever."""
    core = core_of(ensemble(), 2)
    core.ready()
    core.step(Heartbeat(3, 2, 3, 0, 1))
    ready = core.ready()
    assert ready.redraw_timeout
    core.persisted(ready.number)
    core.step(Heartbeat(3, 2, 3, 0, 2))
    assert not core.ready().redraw_timeout


def test_a_committed_entry_is_never_cut_off() -> None:
    """A leader that wants that is none of this ensemble."""
    core = core_of(ensemble(), 2)
    with pytest.raises(InvariantBroken, match="to be cut off is not committed"):
        core.cut_off(2)


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
    core = RaftCore(RaftConfig(4, nonce=0), Restored())
    assert core.restore(SnapshotMeta(9, 5, Membership.of([1, 2], [4])))
    ready = core.ready()
    assert (core.term, core.first_index, core.applied_index) == (5, 10, 9)
    assert ready.restored is not None
    assert ready.membership == core.membership_at(9) == Membership.of([1, 2], [4])
    assert ready.messages == ready.messages_after_persist == ()


def test_a_snapshot_does_not_change_what_stands_for_the_membership() -> None:
    """Whether a member has started from one, fetched one, or neither, `config_index` is the same."""
    scenario = ensemble("nodes 3 learners=4")
    for line in ("change 1 priority 2 5", "settle", "cut 4", "propose 1 x", "settle", "snapshot 1"):
        scenario.do(line)
    for line in ("heal", *("tick 1", "settle") * 3, "fetch 4", "settle", "crash 1", "restart 1"):
        scenario.do(line)
    cores = [core_of(scenario, member) for member in (1, 2, 4)]
    assert [core.config_index for core in cores] == [3, 3, 3]
    assert [core.memberships.index_at(core.applied_index) for core in cores] == [3, 3, 3]
    assert [core.first_index for core in cores] == [5, 1, 5]


def test_the_snapshot_stands_for_a_membership_of_unknown_index() -> None:
    """Earlier releases did not keep it."""
    old = SnapshotMeta(9, 5, Membership.of([1, 2], [4]))
    core = RaftCore(RaftConfig(4, nonce=0), Restored())
    assert core.restore(old)
    assert core.config_index == 9
    found = Restored(HardState(5, 0), 9, 5, old.membership, last_index=9)
    assert RaftCore(RaftConfig(4, nonce=0), found).config_index == 9


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


def test_a_follower_commits_only_what_its_leader_has_spoken_of() -> None:
    """What it has behind that may be of another leader, and wrong."""
    scenario = ensemble()
    core = core_of(scenario, 3)
    core.step(Append(1, 3, 2, 2, 2, (Entry(3, 2, 2, b"a"), Entry(4, 2, 2, b"b")), 2, 1))
    core.step(Append(2, 3, 3, 2, 2, (), 4, 1))
    assert (core.last_index, core.commit_index) == (4, 2)
    core.step(Append(2, 3, 3, 2, 2, (Entry(3, 2, 2, b"a"),), 4, 1))
    assert (core.last_index, core.commit_index) == (4, 3)


def test_an_entry_that_was_cut_off_before_it_was_written_is_not_acknowledged() -> None:
    """Many messages may come between two Readys; the disk never gets to see that entry."""
    core = core_of(ensemble(), 3)
    core.step(Append(1, 3, 2, 2, 2, (Entry(3, 2, 2, b"a"),), 2, 1))
    core.step(Append(1, 3, 2, 3, 2, (Entry(4, 2, 2, b"b"),), 2, 1))
    core.step(Append(2, 3, 3, 3, 2, (Entry(4, 3, 2, b"c"), Entry(5, 3, 2, b"d")), 2, 1))
    sent = core.ready().messages_after_persist
    matches = [(reply.to, reply.match_index) for reply in sent if isinstance(reply, AppendReply)]
    assert matches == [(1, 3), (2, 5)]


def test_an_entry_that_comes_back_is_not_durable_by_an_old_promise() -> None:
    """It was written, cut off and written again: only the last time counts."""
    core = core_of(ensemble(), 3)
    numbers = []
    for leader, term, entry in (
        (1, 2, Entry(3, 2, 2, b"a")),
        (2, 3, Entry(3, 3, 2, b"b")),
        (1, 4, Entry(3, 2, 2, b"a")),
    ):
        # The third leader has the first one's entry, and one of its own behind it.
        own = (Entry(4, 4, 1, b""),) if term == 4 else ()
        core.step(Append(leader, 3, term, 2, 2, (entry, *own), 2, 1))
        numbers.append(core.ready().number)
    core.persisted(numbers[0])
    assert core.persisted_index == 2
    core.persisted(numbers[2])
    assert core.persisted_index == 4


def test_a_level_that_this_member_does_not_speak_ends_it() -> None:
    """By an entry, by a snapshot, or found on its disk: before anything behind it is taken."""
    raised = Membership.of([1, 2, 3], level=2)
    core = core_of(ensemble(), 3)
    entry = Entry(3, 2, EntryKind.CONFIG, raised.encode())
    with pytest.raises(MembershipTooNew, match="this member speaks 1 at most"):
        core.step(Append(1, 3, 2, 2, 2, (entry,), 2, 1))
    with pytest.raises(MembershipTooNew):
        RaftCore(RaftConfig(4, nonce=0), Restored()).restore(SnapshotMeta(9, 5, raised))
    found = Restored(snapshot_index=9, snapshot_term=5, membership=raised, last_index=9)
    with pytest.raises(MembershipTooNew):
        RaftCore(RaftConfig(3, nonce=0), found)
