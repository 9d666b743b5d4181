//! reconfig: handed out, and answered in its turn.

use super::super::auth_sets::digest_id;
use super::*;

fn open() -> Node {
    Node::with(Config { reconfig_enabled: true, skip_acl: true, ..config() })
}

fn reconfig(xid: i32) -> Vec<u8> {
    request(xid, ops::RECONFIG, b"who joins")
}

/// It is no entry: the driver gets it, and what follows it waits for its end.
#[test]
fn reconfig_holds_its_connection_until_it_is_answered() {
    let mut node = open();
    let client = node.client();
    let frames = [create(1, "/a", b"x"), reconfig(2), get(3, "/a"), set(4, "/a", b"y")];
    assert_eq!(node.feed(client.conn, &frames.concat()), []);
    assert!(node.front.wants_reconfigs());
    assert_eq!(node.front.take_reconfigs(), [(client.conn, b"who joins"[..].into())]);
    assert!(!node.front.wants_reconfigs());
    assert_eq!(outline(&node.commit()[&client.conn]), [(1, OK)]);
    assert_eq!(node.feed(client.conn, &ping()), []);
    assert_eq!(node.commit(), BTreeMap::new());

    node.front.set_config(b"server.1=a");
    node.front.answer_reconfig(client.conn, OK, node.now_us);
    let answers = replies(&node.written()[&client.conn]);
    assert_eq!(outline(&answers), [(2, OK), (3, OK)].as_slice());
    assert_eq!((data_of(&answers[0]), data_of(&answers[1])), (b"server.1=a".into(), b"x".into()));
    assert_eq!(outline(&node.commit()[&client.conn]), [(4, OK), (PING_XID, OK)]);
    assert_eq!(node.front.outstanding, 0);
}

/// Its end may come before that of a write that was asked for earlier: the order of answers stays.
#[test]
fn reconfig_waits_for_the_writes_before_it() {
    let mut node = open();
    let client = node.client();
    node.feed(client.conn, &[create(1, "/a", b""), reconfig(2)].concat());
    node.front.answer_reconfig(client.conn, ErrorCode::BAD_VERSION.0, node.now_us);
    assert_eq!(node.written(), BTreeMap::new());
    let answers = &node.commit()[&client.conn];
    assert_eq!(outline(answers), [(1, OK), (2, ErrorCode::BAD_VERSION.0)]);
}

/// Who may not write /zookeeper/config is refused here.
#[test]
fn reconfig_needs_the_right_to_write_the_config() {
    let mut node = Node::with(Config { reconfig_enabled: true, ..config() });
    let client = node.client();
    let answers = node.feed(client.conn, &[reconfig(1), ping()].concat());
    assert_eq!(outline(&answers), [(1, ErrorCode::NO_AUTH.0), (PING_XID, OK)]);
    assert!(!node.front.wants_reconfigs());
}

/// A client that went away is answered by nobody; the connection after it is another.
#[test]
fn answer_to_a_lost_client_reaches_nobody() {
    let mut node = open();
    let client = node.client();
    node.feed(client.conn, &reconfig(1));
    node.front.disconnect(client.conn);
    let other = node.client();
    node.feed(other.conn, &ping());
    node.front.answer_reconfig(client.conn, OK, node.now_us);
    node.front.answer_reconfig(other.conn, OK, node.now_us);
    assert_eq!(node.written(), BTreeMap::new());
    assert_eq!(node.front.outstanding, 0);
}

/// A barrier, or a write that is applied, does not let it go ahead of its end.
#[test]
fn nothing_else_answers_a_reconfig() {
    let mut node = open();
    let client = node.client();
    let sync = request(1, ops::SYNC, &text("/"));
    node.feed(client.conn, &[create(5, "/a", b""), sync, reconfig(2)].concat());
    assert_eq!(node.commit()[&client.conn].len(), 2);
    node.tick(5);
    assert_eq!(node.written(), BTreeMap::new());
    assert_eq!(node.front.outstanding, 1);
}

/// As when a znode changes; a config that is told again is no change.
#[test]
fn watches_of_the_config_fire_when_it_changes() {
    let mut node = open();
    let client = node.client();
    let watch = read(1, ops::GET_DATA, "/zookeeper/config", true);
    node.front.set_config(b"one");
    assert_eq!(node.feed(client.conn, &watch).len(), 1);
    node.front.set_config(b"one");
    assert_eq!(node.written(), BTreeMap::new());
    node.front.set_config(b"two");
    let events = replies(&node.written()[&client.conn]);
    assert_eq!(outline(&events), [(-1, OK)]);
    assert_eq!(
        events[0].body,
        [&[0, 0, 0, 3, 0, 0, 0, 3][..], &text("/zookeeper/config")].concat()
    );
    node.front.set_config(b"three");
    assert_eq!(node.written(), BTreeMap::new());
}

/// Who may not read the config any more does not hear of it, as with any znode.
#[test]
fn change_of_the_config_is_told_to_those_who_may_read_it() {
    let mut node = Node::with(Config { super_digest: digest_id("super:test"), ..config() });
    let (stranger, root) = (node.client(), node.client());
    node.front.set_config(b"one");
    assert_eq!(node.ask(root, &auth("digest", b"super:test")).error, OK);
    for client in [stranger, root] {
        let answer = node.ask(client, &read(1, ops::GET_DATA, "/zookeeper/config", true));
        assert_eq!((answer.error, data_of(&answer)), (OK, b"one".to_vec()));
    }
    let mut body = text("/zookeeper/config");
    body.put_i32(1);
    body.put_i32(31);
    body.put_string("digest");
    body.put_string("x:y");
    body.put_i32(-1);
    assert_eq!(node.ask(root, &request(2, ops::SET_ACL, &body)).error, OK);
    node.front.set_config(b"two");
    let events = node.written();
    assert_eq!(events.keys().collect::<Vec<_>>(), [&root.conn]);
}

/// A change has no zxid, so a client that comes back with a watch is told that there may have been one.
#[test]
fn watch_of_the_config_misses_nothing_while_its_client_is_away() {
    let mut node = Node::new();
    let client = node.client();
    let watch = |since: i64| {
        let mut body = Vec::new();
        body.put_i64(since);
        body.put_i32(1);
        body.put_string("/zookeeper/config");
        body.put_i32(0);
        body.put_i32(0);
        request(-8, ops::SET_WATCHES, &body)
    };
    let since = node.front.machine().last_zxid();
    let answers = node.feed(client.conn, &watch(since));
    assert_eq!(outline(&answers), [(-8, OK)], "the znode of the tree is as it was");
    node.front.set_config(b"server.1=a");
    node.written();
    node.ask(client, &create(1, "/a", b""));
    node.front.disconnect(client.conn);
    node.front.set_config(b"server.2=b");
    let again = node.client();
    let since = node.front.machine().last_zxid();
    let answers = node.feed(again.conn, &watch(since));
    assert_eq!(outline(&answers), [(-1, OK), (-8, OK)]);
}
