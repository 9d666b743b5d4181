//! Bounds: reaching one slows or refuses the connection that reaches it, and is undone.

use super::super::limits::{BATCHES_WAITING_MAX, HELD_BYTES_MAX};
use super::*;

/// A connection with too much outstanding is not read until half of it is answered.
#[test]
fn own_outstanding_bound_stops_reading() {
    let mut node = Node::with(Config { connection_outstanding_max: 4, ..config() });
    let client = node.client();
    let other = node.client();
    for xid in 0..4 {
        assert_eq!(node.actions(), []);
        node.feed(client.conn, &create(xid, "/a", b""));
    }
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    node.feed(other.conn, &create(1, "/b", b""));
    assert_eq!(node.actions(), [], "the other one is read on");
    node.commit();
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
}

/// However much comes in one read, no more than the bound is outstanding; the rest waits as bytes,
/// is taken up as the log answers, and none is lost or answered out of order.
#[test]
fn input_over_the_bound_is_kept_back() {
    let mut node = Node::with(Config { connection_outstanding_max: 4, ..config() });
    let client = node.client();
    node.ask(client, &create(0, "/a", b""));
    let pairs = (0..50).flat_map(|xid| [set(2 * xid + 1, "/a", b"x"), get(2 * xid + 2, "/a")]);
    assert_eq!(node.feed(client.conn, &pairs.collect::<Vec<_>>().concat()), []);
    node.feed(client.conn, &ping());
    assert_eq!(node.feed(client.conn, &[]), [], "an empty feed makes no difference");
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    let mut answers = Vec::new();
    while let Some(payload) = node.front.take_batch(1) {
        assert!(node.front.outstanding <= 4);
        answers.extend(replies(&node.apply(&payload)[&client.conn]));
    }
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
    let xids: Vec<i32> = answers.iter().map(|answer| answer.xid).collect();
    assert_eq!(xids, (1..=100).chain([PING_XID]).collect::<Vec<_>>());
    assert!(answers[..100].chunks(2).all(|pair| pair[0].zxid == pair[1].zxid));
    assert_eq!(node.front.outstanding, 0);
}

/// With too much outstanding in all, whoever adds to it is stopped, and released together.
#[test]
fn common_outstanding_bound_stops_whoever_adds() {
    let mut node = Node::with(Config { outstanding_max: 3, ..config() });
    let clients = [node.client(), node.client()];
    node.feed(clients[0].conn, &create(1, "/a", b""));
    node.feed(clients[0].conn, &create(2, "/b", b""));
    node.feed(clients[1].conn, &create(3, "/c", b""));
    node.feed(clients[0].conn, &ping());
    let stopped = clients.map(|client| (client.conn, Action::StopReading));
    assert_eq!(node.actions(), [stopped[1], stopped[0]]);
    node.commit();
    let released = clients.map(|client| (client.conn, Action::ReadAgain));
    assert_eq!(node.actions(), [released[1], released[0]]);
    assert_eq!(node.front.outstanding, 0);
}

/// Batches wait in bounded number; taking one makes room.
#[test]
fn gathered_bytes_are_bounded() {
    let mut node = Node::with(Config { batch_bytes_max: 10_000, ..config() });
    let client = node.client();
    let mut sent = 0;
    while node.actions().is_empty() {
        node.feed(client.conn, &create(sent, "/a", &[0; 1000]));
        sent += 1;
        assert!(sent < 1000);
    }
    assert!(sent as usize <= (BATCHES_WAITING_MAX + 1) * 10);
    let payload = node.front.take_batch(1).unwrap_or_default();
    assert!(payload.len() < 12_000);
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
    node.apply(&payload);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert!(answers.len() as i32 <= sent);
    assert_eq!(node.front.outstanding, 0);
}

/// A frame over the limit closes its connection with a reason; one at the limit passes.
#[test]
fn oversized_frame_closes_with_a_reason() {
    let mut node = Node::with(Config { frame_bytes_max: 100, ..config() });
    let client = node.client();
    let fitting = request(1, 4711, &[0; 92]);
    assert_eq!(node.feed(client.conn, &fitting).len(), 1);
    let mut bytes = ping();
    bytes.extend(request(2, 4711, &[0; 93]));
    assert_eq!(outline(&node.feed(client.conn, &bytes)), [(PING_XID, OK)]);
    let actions = node.front.take_actions();
    assert_eq!((actions[0].0, actions[0].1), (client.conn, Action::Close));
    assert!(actions[0].2.contains("101"), "{}", actions[0].2);
    assert_eq!(node.feed(client.conn, &ping()), []);
}

/// What is sent ahead of a session stops the reading, until the session is there.
#[test]
fn bytes_ahead_of_the_session_are_bounded() {
    let mut node = Node::new();
    let conn = node.front.connect("::1", 1);
    node.feed_raw(conn, &connect_request(0, [0; 16], 5000));
    let pings = ping().repeat(HELD_BYTES_MAX / 12 + 1);
    node.feed_raw(conn, &pings);
    assert_eq!(node.actions(), [(conn, Action::StopReading)]);
    let written = node.commit_raw().remove(&conn).unwrap_or_default();
    assert_eq!(written.len(), 41 + pings.len() / 12 * 20);
    assert_eq!(node.actions(), [(conn, Action::ReadAgain)]);
}

/// Requests whose answers are many go on in portions, as the answers are taken, and none is lost.
#[test]
fn many_answers_come_in_portions() {
    let mut node = Node::new();
    let client = node.client();
    node.ask(client, &create(0, "/big", &vec![7; 300_000]));
    let gets: Vec<u8> = (1..=20).flat_map(|xid| get(xid, "/big")).collect();
    let mut answers = node.feed(client.conn, &gets);
    assert_eq!(answers.len(), 4);
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    answers.extend(node.feed(client.conn, &ping()));
    let mut rounds = 2;
    while node.actions() == [(client.conn, Action::StopReading)] {
        answers.extend(node.feed(client.conn, &[]));
        rounds += 1;
    }
    assert_eq!(rounds, 6);
    assert_eq!(node.front.stopped.len(), 0);
    let xids: Vec<i32> = answers.iter().map(|answer| answer.xid).collect();
    assert_eq!(xids, (1..=20).chain([PING_XID]).collect::<Vec<_>>());
    assert_eq!(node.feed(client.conn, &ping()).len(), 1);
}

/// Refusal answers what was gathered, in order and behind what the log already has.
#[test]
fn refusal_answers_in_order() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &create(1, "/a", b""));
    let taken = node.front.take_batch(1).unwrap_or_default();
    let frames = [create(2, "/b", b""), ping(), create(3, "/c", b""), get(4, "/b")];
    node.feed(client.conn, &frames.concat());
    node.front.refuse_writes("full");
    node.feed(client.conn, &request(5, ops::CLOSE_SESSION, &[]));
    assert_eq!(node.written(), BTreeMap::new());
    let refused = ErrorCode::SYSTEM_ERROR.0;
    let answers = replies(&node.apply(&taken)[&client.conn]);
    let expected = [
        (1, OK),
        (2, refused),
        (PING_XID, OK),
        (3, refused),
        (4, ErrorCode::NO_NODE.0),
        (5, refused),
    ];
    assert_eq!(outline(&answers), expected);
    assert_eq!(outline(&node.feed(client.conn, &create(6, "/d", b""))), [(6, refused)]);
    assert_eq!(node.actions(), []);
    node.front.refuse_writes("");
    assert_eq!(node.ask(client, &create(7, "/d", b"")).error, OK);
}

/// While writes are refused nobody gets a session, and nobody loses one.
#[test]
fn refusal_opens_and_expires_no_session() {
    let mut node = Node::new();
    let client = node.client();
    let opening = node.front.connect("::1", 1);
    node.feed(opening, &connect_request(0, [0; 16], 5000));
    node.front.refuse_writes("full");
    let late = node.front.connect("::1", 1);
    node.feed(late, &connect_request(0, [0; 16], 5000));
    assert_eq!(node.actions(), [(opening, Action::Close), (late, Action::Close)]);
    node.front.disconnect(client.conn);
    for step in 0..300 {
        node.front.tick(step * 500_000);
    }
    assert!(!node.front.wants_batch());
    assert_eq!(node.front.sessions().len(), 1);
}

/// A container that is asked to be collected is not asked for again while it is in the log.
#[test]
fn collection_waits_for_its_outcome() {
    let mut node = Node::new();
    let client = node.client();
    let mut body = text("/box");
    body.put_buf(None);
    body.put_i32(1);
    body.put_i32(31);
    body.put_string("world");
    body.put_string("anyone");
    body.put_i32(4);
    node.ask(client, &request(1, ops::CREATE_CONTAINER, &body));
    node.ask(client, &create(2, "/box/c", b""));
    node.ask(client, &delete(3, "/box/c"));
    assert_eq!(node.front.collect(10_000), 1);
    assert_eq!(node.front.collect(10_000), 0);
    node.commit();
    assert_eq!(node.ask(client, &get(4, "/box")).error, ErrorCode::NO_NODE.0);
    assert_eq!(node.front.collect(10_000), 0);
}
