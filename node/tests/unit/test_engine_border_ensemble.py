"""The border to the engine as an ensemble uses it: groups, barriers, touches, digests as plain values.

The rules are tested in Rust; here only what crosses the border is.
"""

import struct

import pytest

from raftkeeper._engine import Engine, EngineError
from raftkeeper.testing.client_wire import (
    CREATE,
    GET_DATA,
    NO_NODE,
    NOT_READ_ONLY,
    OK,
    PING,
    SYNC,
    connect,
    create_body,
    parse_replies,
    read,
    request,
    string,
)

WANTS_BATCH, WANTS_ACTIONS, WANTS_BARRIER = 1, 2, 4
CLOSE, ABORT = 1, 2
TIMEOUT_MS = 10_000
NOW_MS = 1_700_000_000_000
TICK_US = 100_000


def create(xid: int, path: str) -> bytes:
    return request(xid, CREATE, create_body(path, b""))


def outcomes(data: bytes) -> list[tuple[int, int]]:
    """(xid, error) of every reply."""
    return [(reply.xid, reply.error) for reply in parse_replies(data)]


class Member:
    """One engine of several; what is committed is handed to it."""

    def __init__(
        self, member: int, *, leads: bool, linearizable: bool = False, read_only: bool = False
    ) -> None:
        self.engine = Engine(
            origin=member,
            min_session_timeout_ms=2000,
            max_session_timeout_ms=60_000,
            frame_bytes_max=0xFFFFF,
            batch_bytes_max=1 << 20,
            connection_outstanding_max=1000,
            outstanding_max=10_000,
            member=member,
            linearizable_reads=linearizable,
            read_only_mode=read_only,
        )
        self.now_us = 0
        self.engine.lead(leads, 0)

    def apply(self, payload: bytes) -> dict[int, bytes]:
        self.engine.apply(self.engine.applied_index + 1, payload, self.now_us)
        return dict(self.engine.take_replies())

    def tick(self, count: int) -> None:
        for _ in range(count):
            self.now_us += TICK_US
            self.engine.tick(self.now_us)


class Ensemble:
    """A leader and a follower at the same entries."""

    def __init__(self, *, linearizable: bool = False, read_only: bool = False) -> None:
        self.leader = Member(1, leads=True)
        self.follower = Member(2, leads=False, linearizable=linearizable, read_only=read_only)
        self.commit(
            self.leader.engine.bootstrap_entry(
                cluster_id=bytes(16), secret=b"s" * 32, first_session=0x1000, now_ms=1
            )
        )

    def commit(self, payload: bytes | None) -> dict[int, bytes]:
        """The entry on both; what the follower's clients get."""
        assert payload is not None
        assert self.leader.apply(payload) == {}
        return self.follower.apply(payload)

    def forward(self) -> dict[int, bytes]:
        """The follower's oldest group through the leader's log."""
        taken = self.follower.engine.take_group()
        assert taken is not None
        return self.commit(self.leader.engine.seal_entry(NOW_MS, [taken[1]]))

    def client(self) -> int:
        conn = self.follower.engine.connect("127.0.0.1", 0)
        assert self.follower.engine.feed(conn, connect(TIMEOUT_MS), 0) == b""
        assert len(self.forward()[conn]) == 41
        return conn


@pytest.fixture
def ensemble() -> Ensemble:
    return Ensemble()


def test_forwarded_group_is_answered_by_its_node_once(ensemble: Ensemble) -> None:
    """Numbers count up; a group that is sealed twice is answered once, and settled."""
    conn = ensemble.client()
    engine = ensemble.follower.engine
    assert engine.groups_settled == 1
    engine.feed(conn, create(7, "/a"), 0)
    assert engine.wants == WANTS_BATCH
    taken = engine.take_group()
    assert taken is not None
    number, group = taken
    assert (number, engine.groups_settled, engine.take_group()) == (2, 1, None)
    written = ensemble.commit(ensemble.leader.engine.seal_entry(NOW_MS, [group, group]))
    assert outcomes(written[conn]) == [(7, OK)]
    assert engine.groups_settled == 2
    assert engine.statistics()["groups_skipped"] == 1


def test_lost_group_cuts_off_its_clients(ensemble: Ensemble) -> None:
    """After a gap the connections that wait are aborted, and the numbers count as settled."""
    conn = ensemble.client()
    engine = ensemble.follower.engine
    engine.feed(conn, create(1, "/lost"), 0)
    assert engine.take_group() is not None
    engine.feed(conn, create(2, "/behind"), 0)
    assert ensemble.forward() == {}
    [(closed, action, reason)] = engine.take_actions()
    assert (closed, action) == (conn, ABORT)
    assert "lost" in reason
    assert engine.groups_settled == 3


def test_malformed_group_is_a_value_error(ensemble: Ensemble) -> None:
    """What a peer should not have sent costs the peer its connection, not the node."""
    with pytest.raises(ValueError, match="group"):
        ensemble.leader.engine.seal_entry(NOW_MS, [b"\x01\x02"])
    with pytest.raises(ValueError, match="touches"):
        ensemble.leader.engine.merge_touches(b"\x01", 0)
    assert ensemble.leader.engine.seal_entry(NOW_MS, []) is None


def test_entry_of_another_format_names_the_way_out(ensemble: Ensemble) -> None:
    """The node stops with a sentence that says what to do."""
    with pytest.raises(EngineError, match=r"format 9.*start the version of RaftKeeper"):
        ensemble.leader.engine.apply(2, b"\x09whatever", 0)


def test_sync_takes_a_barrier_and_no_entry(ensemble: Ensemble) -> None:
    """A barrier can be taken once, and is passed when its index is applied."""
    conn = ensemble.client()
    engine = ensemble.follower.engine
    assert engine.feed(conn, request(1, SYNC, string("/a")), 0) == b""
    assert engine.wants == WANTS_BARRIER
    token = engine.take_barrier()
    assert token is not None
    assert (engine.wants, engine.take_barrier(), engine.take_group()) == (0, None, None)
    engine.pass_barrier(token, engine.applied_index + 1)
    assert engine.wants == 0
    assert outcomes(ensemble.follower.apply(b"")[conn]) == [(1, OK)]


def test_linearizable_reads_take_barriers() -> None:
    """With the switch a read waits as well, and a ping does not."""
    ensemble = Ensemble(linearizable=True)
    conn = ensemble.client()
    engine = ensemble.follower.engine
    assert outcomes(engine.feed(conn, request(-2, PING), 0)) == [(-2, OK)]
    assert engine.feed(conn, read(1, GET_DATA, "/a"), 0) == b""
    token = engine.take_barrier()
    assert token is not None
    engine.pass_barrier(token, engine.applied_index)
    assert engine.wants == WANTS_ACTIONS
    [(answered, data)] = engine.take_replies()
    assert (answered, outcomes(data)) == (conn, [(1, NO_NODE)])


def test_leader_expires_by_what_others_heard(ensemble: Ensemble) -> None:
    """Touches keep a follower's session alive; without them it goes, by the leader's decision."""
    conn = ensemble.client()
    leader, follower = ensemble.leader, ensemble.follower
    for _ in range(3):
        leader.tick(50)
        follower.tick(50)
        follower.engine.feed(conn, request(-2, PING), follower.now_us)
        leader.engine.merge_touches(follower.engine.take_touches(), leader.now_us)
    assert not leader.engine.wants
    leader.tick(103)
    assert (leader.engine.wants, leader.engine.take_group()) == (WANTS_BATCH, None)
    ensemble.commit(leader.engine.seal_entry(NOW_MS, []))
    assert [action[:2] for action in follower.engine.take_actions()] == [(conn, CLOSE)]
    assert leader.engine.sessions() == []


def test_digests_agree_and_tell(ensemble: Ensemble) -> None:
    """(index, zxid, digest) of members at the same index are the same, and change with a write."""
    conn = ensemble.client()
    before = ensemble.leader.engine.digest()
    assert before == ensemble.follower.engine.digest()
    assert before[:2] == (ensemble.leader.engine.applied_index, ensemble.leader.engine.last_zxid)
    ensemble.follower.engine.feed(conn, create(1, "/a"), 0)
    ensemble.forward()
    assert ensemble.leader.engine.digest()[2] != before[2]
    assert ensemble.leader.engine.digest() == ensemble.follower.engine.digest()


def test_without_a_leader_only_reading_is_served() -> None:
    """The node says that it is read-only, serves who is content with it, and ends that again."""
    ensemble = Ensemble(read_only=True)
    member, engine = ensemble.follower, ensemble.follower.engine
    member.tick(1)
    engine.no_leader(lost=True, now_us=member.now_us)
    assert not engine.read_only
    member.tick(7)
    assert engine.read_only
    refused = engine.connect("127.0.0.1", member.now_us)
    assert engine.feed(refused, connect(TIMEOUT_MS), member.now_us) == b""
    conn = engine.connect("127.0.0.1", member.now_us)
    answer = engine.feed(conn, connect(TIMEOUT_MS, read_only=True), member.now_us)
    assert struct.unpack(">iiiqi16s?", answer)[6] is True
    written = engine.feed(conn, create(1, "/a") + request(2, SYNC, string("/")), member.now_us)
    assert outcomes(written) == [(1, NOT_READ_ONLY), (2, NOT_READ_ONLY)]
    engine.no_leader(lost=False, now_us=member.now_us)
    assert [action[:2] for action in engine.take_actions()] == [(refused, CLOSE), (conn, CLOSE)]
    assert not engine.read_only


def test_drain_counts_down_and_refuses_new_clients(ensemble: Ensemble) -> None:
    """A few at a time go; nobody new is taken until it is undone."""
    conns = [ensemble.client() for _ in range(3)]
    engine = ensemble.follower.engine
    assert [engine.drain(2), engine.drain(2)] == [1, 0]
    assert [action[:2] for action in engine.take_actions()] == [(conn, CLOSE) for conn in conns]
    late = engine.connect("127.0.0.1", 0)
    engine.feed(late, connect(TIMEOUT_MS), 0)
    assert [action[:2] for action in engine.take_actions()] == [(late, CLOSE)]
    engine.undrain()
    ensemble.client()


def test_member_can_be_told_late() -> None:
    """A node that waits to be added learns its id before its first client."""
    ensemble = Ensemble()
    ensemble.follower.engine.set_member(5)
    ensemble.client()
    assert ensemble.follower.engine.groups_settled == 1
