//! Order within a session: what waits for what, and what does not.

use super::*;

/// W1 R1 W2 R2 in one read: each read shows the write before it and not the one after.
#[test]
fn read_sees_own_write_and_not_the_next() {
    let mut node = Node::new();
    let client = node.client();
    let mut piped = create(1, "/a", b"w1");
    piped.extend(get(2, "/a"));
    piped.extend(set(3, "/a", b"w2"));
    piped.extend(get(4, "/a"));
    piped.extend(get(5, "/a"));
    assert_eq!(node.feed(client.conn, &piped), []);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(outline(&answers), [(1, OK), (2, OK), (3, OK), (4, OK), (5, OK)]);
    let data: Vec<_> = [1, 3, 4].map(|at| data_of(&answers[at])).into();
    assert_eq!(data, [b"w1", b"w2", b"w2"]);
    assert!(answers.windows(2).all(|pair| pair[0].zxid <= pair[1].zxid));
    assert_eq!(node.front.outstanding, 0);
}

/// The reads of one connection do not wait for the writes of another.
#[test]
fn others_reads_do_not_wait() {
    let mut node = Node::new();
    let (writer, reader) = (node.client(), node.client());
    node.feed(writer.conn, &create(1, "/a", b""));
    let answers = node.feed(reader.conn, &get(1, "/a"));
    assert_eq!(outline(&answers), [(1, ErrorCode::NO_NODE.0)]);
    node.commit();
    assert_eq!(outline(&node.feed(reader.conn, &get(2, "/a"))), [(2, OK)]);
}

/// Answers keep their order when the writes go through different entries.
#[test]
fn order_holds_across_entries() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &create(1, "/a", b"1"));
    let first = node.front.take_batch(1).unwrap_or_default();
    node.feed(client.conn, &get(2, "/a"));
    node.feed(client.conn, &set(3, "/a", b"2"));
    node.feed(client.conn, &get(4, "/a"));
    let second = node.front.take_batch(1).unwrap_or_default();
    node.feed(client.conn, &ping());
    let answers = replies(&node.apply(&first)[&client.conn]);
    assert_eq!(outline(&answers), [(1, OK), (2, OK)]);
    assert_eq!(data_of(&answers[1]), b"1");
    let answers = replies(&node.apply(&second)[&client.conn]);
    assert_eq!(outline(&answers), [(3, OK), (4, OK), (PING_XID, OK)]);
}

/// Everything that is not a write keeps its place behind one: pings, auth, watches, unknown
/// operations, requests that do not decode.
#[test]
fn every_kind_of_request_waits_in_line() {
    let mut node = Node::new();
    let client = node.client();
    let mut piped = create(1, "/a", b"");
    piped.extend(ping());
    piped.extend(auth("digest", b"bob:secret"));
    piped.extend(request(4, ops::WHO_AM_I, &[]));
    piped.extend(request(5, 4711, b"whatever"));
    piped.extend(request(6, ops::GET_DATA, &[0, 0]));
    piped.extend(request(7, ops::SYNC, &text("/a")));
    piped.extend(request(8, ops::CHECK_WATCHES, &[text("/a"), vec![0, 0, 0, 3]].concat()));
    assert_eq!(node.feed(client.conn, &piped), []);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let expected = [
        (1, OK),
        (PING_XID, OK),
        (-4, OK),
        (4, OK),
        (5, ErrorCode::UNIMPLEMENTED.0),
        (6, ErrorCode::MARSHALLING_ERROR.0),
        (7, OK),
        (8, ErrorCode::NO_WATCHER.0),
    ];
    assert_eq!(outline(&answers), expected);
    assert_eq!(answers[2].zxid, 0, "an auth packet is answered with zxid 0");
    assert_eq!(answers[6].body, text("/a"));
    let who = String::from_utf8_lossy(&answers[3].body).into_owned();
    assert!(who.contains("bob") && who.contains("127.0.0.1") && !who.contains("bob:"), "{who}");
}

/// A write that fails takes a zxid and its place like any other.
#[test]
fn failed_write_is_answered_in_order() {
    let mut node = Node::new();
    let client = node.client();
    let before = node.front.machine().last_zxid();
    let mut piped = create(1, "/a/b", b"");
    piped.extend(get(2, "/a"));
    piped.extend(create(3, "/a", b""));
    node.feed(client.conn, &piped);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let no_node = ErrorCode::NO_NODE.0;
    assert_eq!(outline(&answers), [(1, no_node), (2, no_node), (3, OK)]);
    let zxids: Vec<i64> = answers.iter().map(|answer| answer.zxid - before).collect();
    assert_eq!(zxids, [1, 1, 2]);
    assert!(answers[0].body.is_empty());
}

/// Whatever operation a client names, with whatever body, it is answered once and in order.
#[test]
fn every_operation_is_answered_once() {
    for body in [&b""[..], b"\0\0\0\x02/a\0\0\0\0\0\0\0\0\0\0", b"\xFF\xFF\xFF\xFF\xFF"] {
        let mut node = Node::new();
        let client = node.client();
        for op in (-20..200).chain([-1001, -1002, -1003, -1004, i32::MIN, i32::MAX]) {
            // These two may end the connection; a ping has an xid of its own.
            if matches!(op, ops::CLOSE_SESSION | ops::AUTH | ops::PING) {
                continue;
            }
            let answer = node.ask(client, &request(op, op, body));
            assert_eq!(answer.xid, op);
            assert!(answer.error == OK || answer.body.is_empty());
        }
        assert_eq!(node.actions(), []);
    }
}

/// Operations that only nodes may put into the log do not get there from a client.
#[test]
fn internal_operations_stay_out_of_the_log() {
    let mut node = Node::new();
    let client = node.client();
    for op in [
        ops::CREATE_SESSION,
        ops::ERROR,
        ops::ATTACH_SESSION,
        ops::EXPIRE_SESSIONS,
        ops::BOOTSTRAP,
        ops::COLLECT,
        ops::CHECK,
        ops::DELETE_CONTAINER,
        ops::SASL,
    ] {
        let answers = node.feed(client.conn, &request(1, op, &[0; 40]));
        assert_eq!(outline(&answers), [(1, ErrorCode::UNIMPLEMENTED.0)], "{op}");
        assert!(!node.front.wants_batch());
    }
}

/// What this node's configuration refuses goes through the log as its outcome.
#[test]
fn disabled_operation_takes_its_place_in_the_log() {
    let mut node = Node::with(Config { ttl_enabled: false, ..config() });
    let client = node.client();
    let before = node.front.machine().last_zxid();
    let reconfig = node.ask(client, &request(1, ops::RECONFIG, &[0; 20]));
    assert_eq!(outline(&[reconfig]), [(1, ErrorCode::RECONFIG_DISABLED.0)]);
    let ttl = node.ask(client, &request(2, ops::CREATE_TTL, &create_body("/t", 5, Some(1))));
    assert_eq!(outline(&[ttl]), [(2, ErrorCode::UNIMPLEMENTED.0)]);
    assert_eq!(node.front.machine().last_zxid(), before + 2);
}

fn create_body(path: &str, flags: i32, ttl_ms: Option<i64>) -> Vec<u8> {
    let mut body = text(path);
    body.put_buf(Some(b""));
    body.put_i32(1);
    body.put_i32(31);
    body.put_string("world");
    body.put_string("anyone");
    body.put_i32(flags);
    if let Some(ttl_ms) = ttl_ms {
        body.put_i64(ttl_ms);
    }
    body
}

/// Without TTL znodes it is the mode that is refused, whatever the request is called. The codes are those of
/// a ZooKeeper without extended types.
#[test]
fn without_ttl_znodes_their_modes_are_refused() {
    let mut node = Node::with(Config { ttl_enabled: false, ..config() });
    let client = node.client();
    let (unimplemented, bad) = (ErrorCode::UNIMPLEMENTED.0, ErrorCode::BAD_ARGUMENTS.0);
    for (op, flags, ttl_ms, expected) in [
        (ops::CREATE, 5, None, unimplemented),
        (ops::CREATE2, 6, None, unimplemented),
        (ops::CREATE_CONTAINER, 5, None, unimplemented),
        (ops::CREATE_TTL, 5, Some(5), unimplemented),
        (ops::CREATE_TTL, 6, Some(-1), unimplemented),
        (ops::CREATE_TTL, 0, Some(5), bad),
        (ops::CREATE_TTL, 9, Some(5), bad),
        (ops::CREATE, 9, None, bad),
        (ops::CREATE, 0, None, OK),
    ] {
        let answer = node.ask(client, &request(1, op, &create_body("/t", flags, ttl_ms)));
        assert_eq!(answer.error, expected, "{op} {flags}");
    }
    let cut = node.ask(client, &request(1, ops::CREATE_TTL, &[]));
    assert_eq!(cut.error, ErrorCode::MARSHALLING_ERROR.0);
}

/// In a multi each operation is answered for itself, and what fails before a TTL znode goes first.
#[test]
fn without_ttl_znodes_a_multi_tells_which_operation_failed() {
    let mut node = Node::with(Config { ttl_enabled: false, ..config() });
    let client = node.client();
    let (no_node, not_tried) = (ErrorCode::NO_NODE.0, ErrorCode::RUNTIME_INCONSISTENCY.0);
    let create = |path| (ops::CREATE, create_body(path, 0, None));
    let ttl = |flags| (ops::CREATE_TTL, create_body("/t", flags, Some(5)));
    let gone = (ops::DELETE, delete_body("/gone"));
    let unimplemented = ErrorCode::UNIMPLEMENTED.0;
    for (operations, expected) in [
        (vec![create("/a"), ttl(5), create("/c")], vec![OK, unimplemented, not_tried]),
        (vec![gone.clone(), ttl(5)], vec![no_node, not_tried]),
        (vec![ttl(9)], vec![ErrorCode::BAD_ARGUMENTS.0]),
    ] {
        let answer = node.ask(client, &request(1, ops::MULTI, &multi_body(&operations)));
        assert_eq!((answer.error, errors(&answer)), (OK, expected));
    }
    assert_eq!(node.ask(client, &get(2, "/a")).error, no_node);
    // Its mode is a plain one: in a multi that is a plain create.
    let answer = node.ask(client, &request(1, ops::MULTI, &multi_body(&[ttl(0)])));
    assert_eq!(answer.error, OK);
    assert_eq!(node.ask(client, &get(2, "/t")).error, OK);
    let answer = node.ask(client, &request(1, ops::MULTI_WITHOUT_TTL, &multi_body(&[gone])));
    assert_eq!(answer.error, unimplemented, "it is not for clients");
}

fn delete_body(path: &str) -> Vec<u8> {
    let mut body = text(path);
    body.put_i32(-1);
    body
}

fn multi_body(operations: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (op, operation) in operations {
        body.put_i32(*op);
        body.put_bool(false);
        body.put_i32(-1);
        body.extend_from_slice(operation);
    }
    body.put_i32(-1);
    body.put_bool(true);
    body.put_i32(-1);
    body
}

/// The codes in the answer of a multi that failed.
fn errors(answer: &Reply) -> Vec<i32> {
    let mut body = Reader::new(&answer.body);
    let mut found = Vec::new();
    while let (Ok(ops::ERROR), Ok(false), Ok(code)) = (body.i32(), body.bool(), body.i32()) {
        assert_eq!(body.i32(), Ok(code));
        found.push(code);
    }
    found
}

/// An entry of another run, or of another node, changes the state and answers nobody here.
#[test]
fn foreign_entry_answers_nobody() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &create(1, "/a", b""));
    let payload = node.front.take_batch(1).unwrap_or_default();
    let mut other = Node::with(Config { origin: 1, ..config() });
    let stranger = other.front.connect("127.0.0.1", 1);
    assert_eq!(stranger, client.conn, "the ids collide, the origins do not");
    other.feed(stranger, &connect_request(0, [0; 16], 9000));
    let own = other.front.take_batch(1).unwrap_or_default();
    assert_eq!(other.apply(&payload), BTreeMap::new());
    assert_eq!(other.apply(&own).len(), 1);
}
