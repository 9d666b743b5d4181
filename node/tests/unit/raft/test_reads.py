"""Linearizable reads of followers."""

from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Heartbeat,
    ReadReply,
    ReadRequest,
)


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


def test_an_answer_from_before_a_restart_answers_nothing() -> None:
    """The driver's nonce keeps the questions of two lives apart."""
    node = ensemble().nodes[3]
    contexts = []
    for nonce in (1000, 2000):
        node.limits = {"nonce": nonce}
        node.start()
        node.alive.step(Heartbeat(1, 3, 2, 2, 1))
        node.alive.read_index(7)
        messages = node.alive.ready().messages
        contexts += [m.context for m in messages if isinstance(m, ReadRequest)]
    node.alive.step(ReadReply(1, 3, 2, contexts[0], 2))
    assert not node.alive.has_ready or not node.alive.ready().reads
    node.alive.step(ReadReply(1, 3, 2, contexts[1], 2))
    assert [grant.token for grant in node.alive.ready().reads] == [7]
