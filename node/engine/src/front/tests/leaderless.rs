//! A node without a leader, and one that sends its clients away.

use super::*;

fn lonely() -> Node {
    let mut node = Node::with(Config { read_only_mode: true, ..config() });
    node.tick(1);
    node
}

/// A handshake that says whether reading is enough.
fn hello(session: i64, password: [u8; 16], read_only: bool) -> Vec<u8> {
    let mut frame = connect_request(session, password, 10_000);
    let last = frame.len() - 1;
    frame[last] = u8::from(read_only);
    frame
}

fn lose_leader(node: &mut Node, ticks: usize) {
    node.front.no_leader(true, node.now_us);
    node.tick(ticks);
}

/// A client is let go while its session is certain to be alive; one with more time stays longer.
#[test]
fn connection_ends_after_a_third_of_its_time() {
    let mut node = lonely();
    let client = node.client();
    let patient = node.front.connect("::1", 1);
    node.feed_raw(patient, &connect_request(0, [0; 16], 40_000));
    node.commit_raw();
    node.feed(client.conn, &create(1, "/waits", b""));
    lose_leader(&mut node, 33);
    assert_eq!(node.actions(), []);
    node.front.no_leader(true, node.now_us);
    node.tick(1);
    assert_eq!(node.actions(), [(client.conn, Action::Close)], "told twice makes no difference");
    assert_eq!(outline(&node.feed(patient, &get(1, "/a"))), [(1, ErrorCode::NO_NODE.0)]);
    node.tick(100);
    assert_eq!(node.actions(), [(patient, Action::Close)]);
    assert_eq!(node.front.outstanding, 0);
}

/// A leader that comes back in time costs nobody anything.
#[test]
fn leader_in_time_closes_nobody() {
    let mut node = lonely();
    let client = node.client();
    lose_leader(&mut node, 33);
    node.front.no_leader(false, node.now_us);
    node.tick(60);
    assert_eq!(node.actions(), []);
    assert!(!node.front.read_only());
    assert_eq!(node.ask(client, &create(1, "/a", b"")).error, OK);
}

/// A handshake waits for a while, for the leader may be back at once; then it is closed, and later
/// ones are at once.
#[test]
fn handshake_waits_for_a_while() {
    let mut node = lonely();
    lose_leader(&mut node, 1);
    let [early, silent] = [1, 2].map(|_| node.front.connect("::1", 1));
    node.feed_raw(early, &hello(0, [0; 16], false));
    assert_eq!(node.actions(), []);
    node.tick(7);
    assert_eq!(node.actions(), [(early, Action::Close)]);
    node.front.disconnect(silent);
    assert!(node.front.read_only());
    let late = node.front.connect("::1", 1);
    assert_eq!(node.feed_raw(late, &hello(0, [0; 16], false)), []);
    assert_eq!(node.actions(), [(late, Action::Close)]);
}

/// A client that is content with reading reads, and may not write; the leader's return ends it.
#[test]
fn read_only_client_reads() {
    let mut node = lonely();
    let writer = node.client();
    node.ask(writer, &create(1, "/a", b"x"));
    lose_leader(&mut node, 100);
    node.actions();
    let conn = node.front.connect("::1", 1);
    let answer = node.feed_raw(conn, &hello(0, [0; 16], true));
    let (timeout_ms, session, _) = connect_response(&answer);
    assert_eq!((timeout_ms, session, answer.last()), (10_000, -1, Some(&1)));
    let read = node.feed(conn, &get(1, "/a"));
    assert_eq!((outline(&read), data_of(&read[0])), (vec![(1, OK)], b"x".to_vec()));
    let multi = [0, 0, 0, 13, 0, 0xFF, 0xFF, 0xFF, 0xFF];
    for (xid, op) in [(2, ops::SYNC), (3, ops::MULTI), (4, ops::DELETE), (5, ops::RECONFIG)] {
        let answers = node.feed(conn, &request(xid, op, &multi));
        assert_eq!(outline(&answers), [(xid, ErrorCode::NOT_READ_ONLY.0)]);
    }
    assert!(!node.front.wants_batch() && !node.front.wants_barrier());
    assert_eq!(node.front.take_touches(), [], "no leader knows of it");
    node.front.no_leader(false, node.now_us);
    assert_eq!(node.actions(), [(conn, Action::Close)]);
    let again = node.front.connect("::1", 1);
    node.feed_raw(again, &hello(0, [0; 16], true));
    let answer = node.commit_raw().remove(&again).unwrap_or_default();
    assert_eq!((connect_response(&answer).1 > 0, answer.last()), (true, Some(&0)));
}

/// A session of the ensemble is shown to its own client only, and cannot be ended here.
#[test]
fn known_session_is_served_read_only() {
    let mut node = lonely();
    let client = node.client();
    lose_leader(&mut node, 100);
    node.actions();
    let conn = node.front.connect("::1", 1);
    let answer = node.feed_raw(conn, &hello(client.session, client.password, true));
    assert_eq!(connect_response(&answer).1, client.session);
    let refused = outline(&node.feed(conn, &request(1, ops::CLOSE_SESSION, &[])));
    assert_eq!(refused, [(1, ErrorCode::NOT_READ_ONLY.0)]);
    let thief = node.front.connect("::1", 1);
    let answer = node.feed_raw(thief, &hello(client.session, [1; 16], true));
    assert_eq!(connect_response(&answer), (0, 0, [0; 16]));
    let local = node.front.connect("::1", 1);
    node.feed_raw(local, &hello(0, [0; 16], true));
    assert_eq!(outline(&node.feed(local, &request(1, ops::CLOSE_SESSION, &[]))), [(1, OK)]);
    assert_eq!(node.actions(), [(thief, Action::Close), (local, Action::Close)]);
    assert!(node.front.machine().session(client.session).is_some());
}

/// Without the switch nobody is served; with it, a silent client is let go after its time.
#[test]
fn read_only_service_has_its_bounds() {
    let mut node = Node::new();
    node.tick(1);
    lose_leader(&mut node, 100);
    let conn = node.front.connect("::1", 1);
    assert_eq!(node.feed_raw(conn, &hello(0, [0; 16], true)), []);
    assert_eq!(node.actions(), [(conn, Action::Close)]);
    let mut node = lonely();
    lose_leader(&mut node, 100);
    let conns = [1, 2].map(|_| node.front.connect("::1", 1));
    for conn in conns {
        node.feed_raw(conn, &hello(0, [0; 16], true));
    }
    node.tick(60);
    node.feed(conns[0], &ping());
    node.tick(41);
    assert_eq!(node.actions(), [(conns[1], Action::Close)]);
}

/// Draining answers what was asked, takes a few at a time, and nobody new.
#[test]
fn drain_lets_clients_go_gently() {
    let mut node = Node::new();
    let (busy, idle, last) = (node.client(), node.client(), node.client());
    node.feed(busy.conn, &[create(1, "/a", b""), get(2, "/a")].concat());
    assert_eq!(node.front.drain(2), 2);
    assert_eq!(node.actions(), [(idle.conn, Action::Close)]);
    let late = node.front.connect("::1", 1);
    node.feed_raw(late, &connect_request(0, [0; 16], 5000));
    node.feed(busy.conn, &create(3, "/late", b""));
    assert_eq!(node.actions(), [(late, Action::Close)]);
    let answers = node.commit().remove(&busy.conn).unwrap_or_default();
    assert_eq!(outline(&answers), [(1, OK), (2, OK)]);
    assert_eq!(node.actions(), [(busy.conn, Action::Close)]);
    assert_eq!(node.front.drain(5), 0);
    assert_eq!(node.actions(), [(last.conn, Action::Close)]);
    assert_eq!(node.front.sessions().len(), 3, "their sessions live on");
    node.front.undrain();
    node.client();
}
