"""Whose message counts: older and newer terms, strangers, former leaders."""

from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    ReadReply,
    ReadRequest,
    SnapshotOffer,
    VoteReply,
)


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
