"""Feeding followers: from memory, from disk, by snapshot."""

import pytest
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Append,
    AppendReply,
    ColdSend,
    Entry,
    FollowerState,
    Heartbeat,
    InvariantBroken,
)


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
