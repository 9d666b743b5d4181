"""One member's decisions, where the transcripts in tests/raft do not reach."""

import pytest

from raftkeeper.raft import (
    Append,
    Entry,
    EntryKind,
    HardState,
    InvariantBroken,
    Membership,
    NotLeader,
    RaftConfig,
    RaftCore,
    Restored,
    Role,
    check_core,
)


def leader() -> RaftCore:
    """A sole voter that leads and has applied its no-op."""
    core = RaftCore(RaftConfig(1, hot_bytes_max=100, nonce=0), Restored())
    core.bootstrap(Membership.of([1]))
    core.tick()
    settle(core)
    assert core.role is Role.LEADER
    return core


def settle(core: RaftCore) -> None:
    """Does what the driver does, until nothing more comes up."""
    while core.has_ready:
        ready = core.ready()
        core.persisted(ready.number)
        if ready.committed:
            core.applied(ready.committed[-1].index)
        check_core(core)


def test_the_vote_is_durable_before_it_counts() -> None:
    """A candidate leads only when its own vote of this very term is on disk."""
    core = RaftCore(RaftConfig(1, nonce=0), Restored())
    core.bootstrap(Membership.of([1]))
    core.campaign()
    first = core.ready()
    core.campaign()
    core.persisted(first.number)
    assert core.role is Role.CANDIDATE
    second = core.ready()
    assert second.hard_state == HardState(3, 1)
    core.persisted(second.number)
    assert core.role is Role.LEADER


def test_an_entry_is_committed_only_when_it_is_durable() -> None:
    """Handing it over is not enough."""
    core = leader()
    index = core.propose(b"x")
    ready = core.ready()
    assert not core.has_ready
    assert core.commit_index == index - 1
    core.persisted(ready.number)
    assert core.commit_index == index


def test_one_word_about_the_disk_covers_all_readys_before() -> None:
    """The writer gathers several under one fsync."""
    core = leader()
    core.propose(b"a")
    first = core.ready()
    core.propose(b"b")
    core.propose(b"c")
    second = core.ready()
    core.persisted(second.number)
    core.persisted(first.number)
    assert [entry.payload for entry in core.ready().committed] == [b"a", b"b", b"c"]


def test_old_payloads_leave_the_memory_and_come_back_as_a_range() -> None:
    """What is not applied yet stays; what is on disk only is named by its indexes."""
    core = leader()
    for _ in range(10):
        core.propose(b"x" * 50)
        settle(core)
    restored = Restored(
        hard_state=HardState(core.term, core.vote),
        term_starts=((1, 1), (2, 2)),
        last_index=core.last_index,
        configs=((1, Membership.of([1]).encode()),),
    )
    again = RaftCore(RaftConfig(1, nonce=0), restored)
    again.tick()
    again.persisted(again.ready().number)
    again.persisted(again.ready().number)
    ready = again.ready()
    assert ready.committed_cold == (1, 12)
    assert [(entry.index, entry.kind) for entry in ready.committed] == [(13, EntryKind.NOOP)]


def test_the_founding_entry_is_of_term_1_on_every_founder() -> None:
    """Founded again in a later term it would look newer than a log of committed entries."""
    for hard_state in HardState(0, 0), HardState(1, 2), HardState(7, 1):
        core = RaftCore(RaftConfig(1, nonce=0), Restored(hard_state=hard_state))
        core.bootstrap(Membership.of([1, 2, 3]))
        assert core.term_at(1) == 1
        assert core.term == max(hard_state.term, 1)


def test_only_the_leader_proposes_and_grants_reads() -> None:
    """Others say whom to ask."""
    core = RaftCore(RaftConfig(1, nonce=0), Restored())
    for ask in (lambda: core.propose(b""), lambda: core.read_index(1)):
        with pytest.raises(NotLeader, match="unknown"):
            ask()
    assert str(NotLeader(3)).endswith("leader is 3")


def test_the_driver_may_not_run_ahead() -> None:
    """Numbers and indexes that were never handed over are broken invariants."""
    core = leader()
    with pytest.raises(InvariantBroken, match="handed over"):
        core.persisted(99)
    with pytest.raises(InvariantBroken, match="handed over"):
        core.applied(99)
    with pytest.raises(InvariantBroken, match="is applied"):
        core.compact(99)
    with pytest.raises(InvariantBroken, match="only voters"):
        RaftCore(RaftConfig(1, nonce=0), Restored()).campaign()


def test_a_member_of_many_asks_for_votes_in_vain() -> None:
    """It does not even begin a new term; the timeout may be drawn anew."""
    core = RaftCore(RaftConfig(1, election_ticks=50, nonce=0), Restored())
    core.bootstrap(Membership.of([1, 2, 3]))
    core.set_election_timeout(2)
    core.tick()
    core.tick()
    settle(core)
    assert (core.role, core.term, core.commit_index) == (Role.PRE_CANDIDATE, 1, 0)


def test_a_leader_does_not_campaign_against_itself() -> None:
    """Ticks are for those without a leader."""
    core = leader()
    for _ in range(100):
        core.tick()
    assert core.term == 2
    assert not core.has_ready


def test_what_can_be_read_agrees_with_what_happened() -> None:
    """The views that the driver builds a snapshot from."""
    core = leader()
    core.propose(b"x")
    settle(core)
    assert (core.first_index, core.last_index, core.persisted_index) == (1, 3, 3)
    assert [core.term_at(index) for index in (1, 2, 3)] == [1, 2, 2]
    assert core.membership_at(3) == core.membership == Membership.of([1])
    core.compact(2)
    assert core.first_index == 3
    assert core.membership_at(3) == Membership.of([1])


def test_a_hard_state_older_than_the_log_is_refused() -> None:
    """A member that forgot a term may have voted twice in it."""
    with pytest.raises(InvariantBroken, match="hard state"):
        RaftCore(
            RaftConfig(1, nonce=0),
            Restored(hard_state=HardState(1, 1), term_starts=((1, 2),), last_index=1),
        )


def test_what_waits_to_be_applied_is_not_kept_in_memory() -> None:
    """While a snapshot is loaded nothing is applied, and the leader goes on for as long as it takes."""
    core = RaftCore(RaftConfig(1, hot_bytes_max=1_000, nonce=0), Restored())
    founding = Entry(1, 1, EntryKind.CONFIG, Membership.of([1, 2, 3]).encode())
    core.step(Append(2, 1, 1, 0, 0, (founding,), 0, 1))
    for index in range(2, 50):
        core.step(Append(2, 1, 1, index - 1, 1, (Entry(index, 1, 2, bytes(100)),), index - 1, 1))
        while core.has_ready:
            core.persisted(core.ready().number)
        check_core(core)
    cold, hot = core.log.split_hot(1, core.last_index)
    assert core.applied_index == 0
    assert cold is not None
    assert sum(len(entry.payload) for entry in hot) <= core.config.hot_bytes_max


def test_configs_before_the_snapshot_do_not_count_again() -> None:
    """The snapshot's membership is the newer one."""
    restored = Restored(
        hard_state=HardState(2, 1),
        snapshot_index=5,
        snapshot_term=2,
        membership=Membership.of([1]),
        term_starts=((1, 1), (2, 2)),
        last_index=7,
        configs=((1, Membership.of([9]).encode()), (6, Membership.of([1], [4]).encode())),
    )
    core = RaftCore(RaftConfig(1, nonce=0), restored)
    assert core.membership_at(5) == Membership.of([1])
    assert core.membership == Membership.of([1], [4])


def test_the_checks_see_a_broken_core() -> None:
    """An invariant that cannot fail checks nothing."""
    core = leader()
    core.commit_index = core.last_index + 1
    with pytest.raises(InvariantBroken, match="2: only entries of the log"):
        check_core(core)


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """It is when the no-op of the own term is (Raft, section 5.4.2)."""
    restored = Restored(
        hard_state=HardState(1, 1),
        term_starts=((1, 1),),
        last_index=3,
        configs=((1, Membership.of([1]).encode()),),
    )
    core = RaftCore(RaftConfig(1, nonce=0), restored)
    core.tick()
    core.persisted(core.ready().number)
    assert core.role is Role.LEADER
    core.persisted(core.ready().number - 1)
    assert (core.persisted_index, core.commit_index) == (3, 0)
    core.persisted(2)
    assert core.ready().committed_cold == (1, 3)
