"""The border to the engine, seen from Python: bytes in, bytes out, and the plain values of its views.

The rules of the protocol are tested in Rust; here only what crosses the border is.
"""

import struct

import pytest

from raftkeeper._engine import Engine, EngineError
from raftkeeper.testing.client_wire import (
    CLOSE_SESSION,
    CREATE,
    EXISTS,
    GET_CHILDREN,
    GET_DATA,
    PERSISTENT,
    PING,
    SET_DATA,
    connect,
    create_body,
    parse_replies,
    read,
    request,
    set_body,
    string,
)

WANTS_BATCH, WANTS_ACTIONS = 1, 2
CLOSE, ABORT, STOP_READING, READ_AGAIN = 1, 2, 3, 4
TIMEOUT_MS = 10_000


def create(xid: int, path: str, data: bytes, flags: int = PERSISTENT) -> bytes:
    return request(xid, CREATE, create_body(path, data, flags))


class Node:
    """An engine with a log that commits at once."""

    def __init__(self, **changes: int) -> None:
        limits = {
            "min_session_timeout_ms": 2000,
            "max_session_timeout_ms": 60_000,
            "frame_bytes_max": 0xFFFFF,
            "batch_bytes_max": 1 << 20,
            "connection_outstanding_max": 1000,
            "outstanding_max": 10_000,
        }
        self.engine = Engine(origin=77, **(limits | changes))
        self.index = 0
        self.entries: list[bytes] = []
        self.apply(
            self.engine.bootstrap_entry(
                cluster_id=bytes(16), secret=b"s" * 32, first_session=0x1000, now_ms=1
            )
        )

    def apply(self, payload: bytes) -> dict[int, bytes]:
        self.index += 1
        self.entries.append(payload)
        self.engine.apply(self.index, payload, 2000)
        return dict(self.engine.take_replies())

    def commit(self) -> dict[int, bytes]:
        out: dict[int, bytes] = {}
        while (payload := self.engine.take_batch(1_700_000_000_000)) is not None:
            for conn, data in self.apply(payload).items():
                out[conn] = out.get(conn, b"") + data
        return out

    def client(self) -> tuple[int, int, bytes]:
        """(connection, session, password)"""
        conn = self.engine.connect("127.0.0.1", 1000)
        assert self.engine.feed(conn, connect(TIMEOUT_MS), 1000) == b""
        granted = self.commit()[conn]
        _, _, timeout, session, _, password, _ = struct.unpack(">iiiqi16s?", granted)
        assert timeout == 10_000
        return conn, session, password


@pytest.fixture
def node() -> Node:
    return Node()


def test_write_is_answered_after_the_log_and_read_at_once(node: Node) -> None:
    """A write needs the log, a read behind nothing does not."""
    conn, session, _ = node.client()
    assert session == 0x1000
    assert node.engine.feed(conn, create(1, "/a", b"one"), 1000) == b""
    assert node.engine.wants & WANTS_BATCH
    [(xid, zxid, error, body)] = parse_replies(node.commit()[conn])
    assert (xid, zxid, error, body) == (1, node.engine.last_zxid, 0, string("/a"))
    assert not node.engine.wants
    [(xid, _, error, body)] = parse_replies(node.engine.feed(conn, read(2, GET_DATA, "/a"), 1000))
    assert (xid, error) == (2, 0)
    assert body[:7] == struct.pack(">i3s", 3, b"one")
    assert len(body) == 7 + 68
    [(xid, _, error, body)] = parse_replies(
        node.engine.feed(conn, read(3, GET_CHILDREN, "/"), 1000)
    )
    assert error == 0
    assert string("a") in body
    [(xid, _, error, body)] = parse_replies(node.engine.feed(conn, read(4, EXISTS, "/none"), 1000))
    assert (xid, error, body) == (4, -101, b"")
    [(xid, _, error, body)] = parse_replies(node.engine.feed(conn, request(-2, PING), 1000))
    assert (xid, error, body) == (-2, 0, b"")


def test_pipelined_reads_see_the_write_before_and_not_the_next(node: Node) -> None:
    """W1 R1 W2 R2 in one read of the socket are answered in order, each read in its place."""
    conn, _, _ = node.client()
    piped = (
        create(1, "/a", b"1") + read(2, GET_DATA, "/a") + request(3, SET_DATA, set_body("/a", b"2"))
    )
    assert node.engine.feed(conn, piped + read(4, GET_DATA, "/a"), 1000) == b""
    answers = parse_replies(node.commit()[conn])
    assert [answer[0] for answer in answers] == [1, 2, 3, 4]
    assert [answers[1][3][4:5], answers[3][3][4:5]] == [b"1", b"2"]


def test_watch_reaches_another_connection(node: Node) -> None:
    """A watch left by one connection fires for the write of another."""
    watcher, _, _ = node.client()
    writer, _, _ = node.client()
    node.engine.feed(watcher, read(1, EXISTS, "/a", watch=True), 1000)
    node.engine.feed(writer, create(1, "/a", b""), 1000)
    out = node.commit()
    [(xid, zxid, error, body)] = parse_replies(out[watcher])
    assert (xid, zxid, error) == (-1, node.engine.last_zxid, 0)
    assert body == struct.pack(">ii", 1, 3) + string("/a")


def test_close_session_answers_then_closes(node: Node) -> None:
    """The reply comes before the order to close, and the ephemeral is gone."""
    conn, session, _ = node.client()
    node.engine.feed(conn, create(1, "/e", b"", flags=1), 1000)
    node.commit()
    assert node.engine.ephemerals() == [(session, ["/e"])]
    node.engine.feed(conn, request(2, CLOSE_SESSION), 1000)
    assert [answer[:1] + answer[2:] for answer in parse_replies(node.commit()[conn])] == [
        (2, 0, b"")
    ]
    assert node.engine.take_actions() == [(conn, CLOSE, "")]
    node.engine.disconnect(conn)
    assert node.engine.sessions() == []
    assert node.engine.ephemerals() == []


def test_password_decides_who_takes_a_session(node: Node) -> None:
    """The right password moves the session; a wrong one gets the answer of an expired session."""
    first, session, password = node.client()
    thief = node.engine.connect("10.9.9.9", 1000)
    refused = node.engine.feed(thief, connect(TIMEOUT_MS, session, b"x" * 16), 1000)
    assert struct.unpack(">iiiqi16s?", refused) == (37, 0, 0, 0, 16, bytes(16), False)
    assert [action[:2] for action in node.engine.take_actions()] == [(thief, CLOSE)]
    second = node.engine.connect("10.0.0.2", 1000)
    assert node.engine.feed(second, connect(TIMEOUT_MS, session, password), 1000) == b""
    granted = struct.unpack(">iiiqi16s?", node.commit()[second])
    assert granted[2:4] + granted[5:6] == (10_000, session, password)
    assert [action[:2] for action in node.engine.take_actions()] == [(first, ABORT)]


def test_bad_length_closes_only_its_connection(node: Node) -> None:
    """A length of 2 GiB costs one connection, with a reason for the log."""
    conn, _, _ = node.client()
    other, _, _ = node.client()
    assert node.engine.feed(conn, b"\x7f\xff\xff\xff", 1000) == b""
    assert node.engine.wants & WANTS_ACTIONS
    [(closed, action, reason)] = node.engine.take_actions()
    assert (closed, action) == (conn, CLOSE)
    assert "2147483647" in reason
    assert node.engine.feed(other, request(-2, PING), 1000)


def test_outstanding_bound_stops_and_resumes_reading() -> None:
    """At the bound the driver is told to stop reading, and to go on when answers have left."""
    node = Node(connection_outstanding_max=4)
    conn, _, _ = node.client()
    for xid in range(4):
        node.engine.feed(conn, create(xid, f"/n{xid}", b""), 1000)
    assert node.engine.take_actions() == [(conn, STOP_READING, "")]
    node.commit()
    assert node.engine.take_actions() == [(conn, READ_AGAIN, "")]


def test_refused_writes_are_answered_and_reads_go_on(node: Node) -> None:
    """What was gathered gets SYSTEMERROR, in order; after '' writes are taken again."""
    conn, _, _ = node.client()
    node.engine.feed(conn, create(1, "/a", b"") + read(2, EXISTS, "/"), 1000)
    node.engine.refuse_writes("the disk is full")
    assert node.engine.wants == WANTS_ACTIONS
    [(_, data)] = node.engine.take_replies()
    assert [(xid, error) for xid, _, error, _ in parse_replies(data)] == [(1, -1), (2, 0)]
    assert node.engine.take_batch(1) is None
    [(_, _, error, _)] = parse_replies(node.engine.feed(conn, create(3, "/a", b""), 1000))
    assert error == -1
    node.engine.refuse_writes("")
    node.engine.feed(conn, create(4, "/a", b""), 1000)
    [(_, _, error, _)] = parse_replies(node.commit()[conn])
    assert error == 0


def test_silent_session_expires_by_ticks(node: Node) -> None:
    """Ticks expire a session whose client is gone; one late tick alone does not."""
    conn, _, _ = node.client()
    node.engine.tick(0)
    node.engine.disconnect(conn)
    node.engine.tick(3_600_000_000)
    assert node.engine.take_batch(1) is None
    for step in range(1, 103):
        node.engine.tick(3_600_000_000 + step * 100_000)
    node.commit()
    assert node.engine.sessions() == []
    assert node.engine.statistics()["stale_sessions_expired"] == 1


def test_snapshot_and_replay_give_the_same_state(node: Node) -> None:
    """A restored snapshot, cut in odd pieces, takes over; so does a replay of the entries."""
    conn, session, password = node.client()
    node.engine.feed(conn, create(1, "/a", b"x" * 500) + create(2, "/e", b"", flags=1), 1000)
    node.commit()
    index, zxid = node.engine.snapshot_begin()
    assert (index, zxid) == (node.engine.applied_index, node.engine.last_zxid)
    whole = b"".join(iter(lambda: node.engine.snapshot_next(100), b""))
    restored = Node().engine
    restored.restore_begin()
    for at in range(0, len(whole), 7):
        restored.restore_piece(whole[at : at + 7])
    slices = 1
    while restored.restore_more(1):
        slices += 1
    assert slices > 3, "each znode is gone through in more than one slice"
    restored.restore_end()
    replayed = Node().engine
    for number, payload in enumerate(node.entries[1:], 2):
        replayed.apply(number, payload, 1)
    for engine in (restored, replayed):
        assert engine.bootstrapped
        assert (engine.applied_index, engine.last_zxid) == (index, zxid)
        assert [entry[:2] for entry in engine.sessions()] == [(session, 10_000)]
        assert engine.ephemerals() == [(session, ["/e"])]
        again = engine.connect("10.0.0.1", 1)
        engine.feed(again, connect(TIMEOUT_MS, session, password), 1)
        assert engine.take_actions() == []
        assert engine.wants & WANTS_BATCH


def test_damage_and_gaps_raise(node: Node) -> None:
    """What must stop the node is an EngineError: bad payloads, gaps, damaged snapshots."""
    with pytest.raises(EngineError, match="malformed"):
        node.engine.apply(2, b"\x02short", 1)
    with pytest.raises(EngineError, match="9"):
        node.engine.apply(9, b"", 1)
    node.engine.restore_begin()
    with pytest.raises(EngineError, match="damaged"):
        node.engine.restore_piece(b"\x00" * 64)
    node.engine.restore_begin()
    with pytest.raises(EngineError, match="trailer"):
        node.engine.restore_end()


def test_views_show_connections_and_watches(node: Node) -> None:
    """The admin side gets plain values."""
    conn, session, _ = node.client()
    node.engine.feed(conn, read(5, EXISTS, "/w", watch=True), 4000)
    node.engine.feed(conn, read(6, GET_CHILDREN, "/", watch=True), 5000)
    [row] = node.engine.connections()
    assert (row["conn"], row["address"], row["session"]) == (conn, "127.0.0.1", session)
    assert (row["last_op"], row["last_cxid"], row["queued"]) == ("GETC", 6, 0)
    assert (row["established_us"], row["last_response_us"]) == (1000, 5000)
    assert node.engine.watches() == [(session, ["/w"])]
    assert node.engine.watch_counts() == (1, 1, 1)
    figures = node.engine.statistics()
    assert (figures["watch_count"], figures["num_alive_connections"]) == (2, 1)
    assert sum(figures["latency_read_us"]) == 2
    assert len(figures["latency_read_us"]) == len(figures["latency_bounds_us"]) + 1
    node.engine.reset_statistics()
    node.engine.reset_connection_statistics()
    assert node.engine.statistics()["packets_received"] == 0
    assert node.engine.connections()[0]["received"] == 0
    node.engine.disconnect(conn)
    assert node.engine.connections() == []
    assert node.engine.watch_counts() == (0, 0, 0)
