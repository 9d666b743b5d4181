//! How sessions begin, move and end.

use super::*;
use crate::front::auth_sets::digest_id;

fn connect(node: &mut Node, request: &[u8]) -> (u64, Vec<u8>) {
    let conn = node.front.connect("10.0.0.7", node.now_us);
    let mut answer = node.feed_raw(conn, request);
    answer.extend(node.commit_raw().remove(&conn).unwrap_or_default());
    (conn, answer)
}

/// The timeout a client asks for is kept within the configured bounds.
#[test]
fn timeout_is_clamped() {
    let mut node = Node::new();
    for (asked, granted) in [(0, 2000), (-5, 2000), (10_000, 10_000), (i32::MAX, 40_000)] {
        let (_, answer) = connect(&mut node, &connect_request(0, [0; 16], asked));
        assert_eq!(connect_response(&answer).0, granted);
    }
}

/// A session that is taken up again gets the timeout asked for now, clamped as at its beginning.
#[test]
fn timeout_is_negotiated_at_every_connect() {
    let mut node = Node::new();
    let client = node.client();
    for (asked, granted) in [(5000, 5000), (1, 2000), (i32::MAX, 40_000)] {
        let request = connect_request(client.session, client.password, asked);
        let (_, answer) = connect(&mut node, &request);
        assert_eq!(connect_response(&answer), (granted, client.session, client.password));
        let kept = node.front.machine.session(client.session).map(|view| view.timeout_ms);
        assert_eq!(kept, Some(granted));
    }
}

/// An old client that sends 44 bytes gets 36 back, a newer one 37 for its 45.
#[test]
fn answer_has_the_form_of_the_request() {
    let mut node = Node::new();
    let long = connect_request(0, [0; 16], 5000);
    assert_eq!(connect(&mut node, &long).1.len(), 4 + 37);
    let short = framed(&long[4..long.len() - 1]);
    assert_eq!(short.len(), 4 + 44);
    assert_eq!(connect(&mut node, &short).1.len(), 4 + 36);
    let mut refused = short;
    refused[4 + 16 + 7] = 9;
    let (conn, answer) = connect(&mut node, &refused);
    assert_eq!(answer.len(), 4 + 36);
    assert_eq!(connect_response(&answer), (0, 0, [0; 16]));
    assert_eq!(node.actions(), [(conn, Action::Close)]);
}

/// An unknown session and a wrong password get the same answer, then the connection closes.
#[test]
fn wrong_password_is_an_expired_session() {
    let mut node = Node::new();
    let client = node.client();
    let mut wrong = client.password;
    wrong[15] ^= 1;
    for (session, password) in [(client.session, wrong), (999, client.password)] {
        let (conn, answer) = connect(&mut node, &connect_request(session, password, 5000));
        assert_eq!(connect_response(&answer), (0, 0, [0; 16]));
        assert_eq!(node.actions(), [(conn, Action::Close)]);
    }
    assert_eq!(outline(&node.feed(client.conn, &ping())), [(PING_XID, OK)]);
}

/// A client that has seen more than this node is sent away without an answer.
#[test]
fn client_from_the_future_is_closed() {
    let mut node = Node::new();
    let mut request = connect_request(0, [0; 16], 5000);
    request[8] = 1;
    let (conn, answer) = connect(&mut node, &request);
    assert_eq!(answer, []);
    assert_eq!(node.actions(), [(conn, Action::Close)]);
}

/// Nothing else is a beginning.
#[test]
fn first_frame_must_be_a_connect_request() {
    let mut node = Node::new();
    for frame in [ping(), framed(&[]), framed(&[0; 20]), framed(&[0; 27])] {
        let (conn, answer) = connect(&mut node, &frame);
        assert_eq!((answer.len(), node.actions()), (0, vec![(conn, Action::Close)]));
        assert_eq!(node.feed(conn, &ping()), [], "what comes after is not looked at");
    }
}

/// Before the cluster is bootstrapped nobody is served.
#[test]
fn no_session_before_bootstrap() {
    let mut node = Node { front: Front::new(config()), index: 0, now_us: 1 };
    let (conn, answer) = connect(&mut node, &connect_request(0, [0; 16], 5000));
    assert_eq!(answer, []);
    assert_eq!(node.actions(), [(conn, Action::Close)]);
}

/// Requests sent right behind the handshake wait for the session, wherever the reads were cut.
#[test]
fn requests_behind_the_handshake_are_held() {
    let mut bytes = connect_request(0, [0; 16], 5000);
    let handshake = bytes.len();
    bytes.extend(create(1, "/a", b"x"));
    bytes.extend(get(2, "/a"));
    for cut in [handshake, handshake + 1, handshake + 9, bytes.len()] {
        let mut node = Node::new();
        let conn = node.front.connect("::1", 1);
        assert_eq!(node.feed_raw(conn, &bytes[..cut]), []);
        assert_eq!(node.feed_raw(conn, &bytes[cut..]), []);
        let answers = node.commit_raw().remove(&conn).unwrap_or_default();
        connect_response(&answers[..41]);
        assert_eq!(outline(&replies(&answers[41..])), [(1, OK), (2, OK)]);
    }
}

/// A session moves with its password; the old connection is cut off, also for what is under way.
#[test]
fn session_moves_to_the_new_connection() {
    let mut node = Node::new();
    let client = node.client();
    let new = node.front.connect("10.0.0.8", 1);
    node.feed(new, &connect_request(client.session, client.password, 5000));
    node.feed(client.conn, &create(1, "/late", b""));
    let written = node.commit_raw();
    assert_eq!(written.len(), 1, "the old connection is answered nothing");
    assert_eq!(connect_response(&written[&new]).1, client.session);
    assert_eq!(node.actions(), [(client.conn, Action::Abort)]);
    let moved = Client { conn: new, ..client };
    let absent = node.ask(moved, &get(2, "/late"));
    assert_eq!(absent.error, ErrorCode::NO_NODE.0);
    node.front.disconnect(client.conn);
    node.tick(20);
    assert_eq!(node.ask(moved, &create(3, "/new", b"")).error, OK);
}

/// closeSession is answered, then the connection closes; ephemerals go with the session.
#[test]
fn close_answers_and_closes() {
    let mut node = Node::new();
    let (client, watcher) = (node.client(), node.client());
    let open = (31, "world", "anyone");
    node.ask(client, &create_with(1, "/e", b"", 1, open));
    node.feed(watcher.conn, &read(1, ops::EXISTS, "/e", true));
    let mut piped = request(2, ops::CLOSE_SESSION, &[]);
    piped.extend(get(3, "/e"));
    node.feed(client.conn, &piped);
    let mut answers = node.commit();
    assert_eq!(outline(&answers.remove(&client.conn).unwrap_or_default()), [(2, OK)]);
    assert_eq!(outline(&answers.remove(&watcher.conn).unwrap_or_default()), [(-1, OK)]);
    assert_eq!(node.actions(), [(client.conn, Action::Close)]);
    assert!(node.front.machine().session(client.session).is_none());
    let (_, answer) = connect(&mut node, &connect_request(client.session, client.password, 5000));
    assert_eq!(connect_response(&answer).0, 0);
}

/// Sessions expire together, by one request; their connections are closed, others are not.
#[test]
fn silent_sessions_expire_in_one_request() {
    let mut node = Node::new();
    node.tick(1);
    let clients = [node.client(), node.client(), node.client()];
    node.front.disconnect(clients[0].conn);
    for _ in 0..11 {
        node.tick(10);
        assert_eq!(node.feed(clients[2].conn, &ping()).len(), 1);
    }
    let zxid = node.front.machine().last_zxid();
    assert_eq!(node.commit(), BTreeMap::new());
    assert_eq!(node.front.machine().last_zxid(), zxid + 1);
    assert_eq!(node.actions(), [(clients[1].conn, Action::Close)]);
    let left: Vec<i64> = node.front.sessions().iter().map(|session| session.0).collect();
    assert_eq!(left, [clients[2].session]);
}

/// A client that comes back at the last moment keeps its session, however slow the log is.
#[test]
fn session_under_way_to_a_new_connection_does_not_expire() {
    let mut node = Node::new();
    node.tick(1);
    let client = node.client();
    node.front.disconnect(client.conn);
    node.tick(99);
    let new = node.front.connect("10.0.0.8", node.now_us);
    node.feed(new, &connect_request(client.session, client.password, 10_000));
    node.tick(20);
    let granted = node.commit_raw().remove(&new).unwrap_or_default();
    assert_eq!(connect_response(&granted).1, client.session);
    assert!(node.front.machine().session(client.session).is_some());
    node.tick(99);
    assert!(!node.front.wants_batch());
}

/// A restored node gives every session its full time.
#[test]
fn restored_session_starts_anew() {
    let mut node = Node::new();
    let client = node.client();
    node.tick(50);
    node.front.snapshot_begin();
    let mut snapshot = Vec::new();
    loop {
        let before = snapshot.len();
        node.front.snapshot_next(1000, &mut snapshot);
        if snapshot.len() == before {
            break;
        }
    }
    let mut restored = Node::new();
    restored.front.restore_begin();
    assert_eq!(restored.front.restore_piece(&snapshot), Ok(()));
    assert_eq!(restored.front.restore_end(), Ok(()));
    assert_eq!(restored.front.sessions(), [(client.session, 10_000, 10_000)]);
}

/// A connection that asks for nothing is given up.
#[test]
fn handshake_has_a_deadline() {
    let mut node = Node::new();
    node.tick(1);
    let idle = node.front.connect("10.0.0.1", 1);
    let client = node.client();
    node.tick(99);
    assert_eq!(node.actions(), []);
    node.feed(client.conn, &ping());
    node.tick(1);
    assert_eq!(node.actions(), [(idle, Action::Close)]);
}

/// A failed auth packet is answered and ends the connection, behind what was asked before.
#[test]
fn failed_auth_closes_in_its_turn() {
    let mut node = Node::new();
    let client = node.client();
    let mut piped = create(1, "/a", b"");
    piped.extend(auth("nosuch", b""));
    piped.extend(create(2, "/b", b""));
    assert_eq!(node.feed(client.conn, &piped), []);
    assert_eq!(node.actions(), []);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(outline(&answers), [(1, OK), (-4, ErrorCode::AUTH_FAILED.0)]);
    assert_eq!(node.actions(), [(client.conn, Action::Close)]);
    let other = node.client();
    let answers = node.feed(other.conn, &auth("digest", &[b'x'; 9000]));
    assert_eq!(outline(&answers), [(-4, ErrorCode::AUTH_FAILED.0)]);
}

/// The super digest opens every ACL; so does `skip_acl`, unseen in whoAmI.
#[test]
fn super_users_pass_every_acl() {
    let closed = |xid| create_with(xid, "/closed", b"", 0, (31, "digest", "a:b"));
    let mut node = Node::with(Config { super_digest: digest_id("root:pw"), ..config() });
    let client = node.client();
    node.ask(client, &closed(1));
    assert_eq!(node.ask(client, &get(2, "/closed")).error, ErrorCode::NO_AUTH.0);
    node.ask(client, &auth("digest", b"root:pw"));
    assert_eq!(node.ask(client, &get(3, "/closed")).error, OK);
    assert_eq!(node.ask(client, &set(4, "/closed", b"1")).error, OK);
    let mut node = Node::with(Config { skip_acl: true, ..config() });
    let client = node.client();
    node.ask(client, &closed(1));
    assert_eq!(node.ask(client, &get(2, "/closed")).error, OK);
    assert_eq!(node.ask(client, &set(3, "/closed", b"1")).error, OK);
    node.ask(client, &auth("digest", b"x:y"));
    let who = node.ask(client, &request(4, ops::WHO_AM_I, &[])).body;
    assert_eq!(Reader::new(&who).i32(), Ok(2));
}
