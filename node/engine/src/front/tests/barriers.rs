//! sync and linearizable reads: they wait for their barrier, in the turn of their connection.

use super::*;

fn sync(xid: i32) -> Vec<u8> {
    request(xid, ops::SYNC, &text("/some"))
}

fn strict() -> Node {
    Node::with(Config { linearizable_reads: true, ..config() })
}

/// sync is no entry: it is answered once what was committed is applied.
#[test]
fn sync_waits_until_the_granted_index_is_applied() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    assert_eq!(node.feed(client.conn, &[sync(1), get(2, "/a")].concat()), []);
    assert!(node.front.wants_barrier() && !node.front.wants_batch());
    let token = node.front.take_barrier().unwrap_or_default();
    assert!(!node.front.wants_barrier());
    node.feed(writer.conn, &create(1, "/a", b"x"));
    let payload = node.front.take_batch(1).unwrap_or_default();
    node.front.pass_barrier(token, node.index + 1);
    assert_eq!(node.written(), BTreeMap::new());
    let answers = replies(&node.apply(&payload)[&client.conn]);
    assert_eq!(outline(&answers), [(1, OK), (2, OK)]);
    assert_eq!(answers[0].body, text("/some"));
    assert_eq!(answers[0].zxid, node.front.machine().last_zxid());
    assert_eq!(node.front.outstanding, 0);
}

/// An entry of the core, which is empty, may be the one that was waited for.
#[test]
fn empty_entry_passes_a_barrier() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &sync(1));
    let token = node.front.take_barrier().unwrap_or_default();
    node.front.pass_barrier(token, node.index + 1);
    assert_eq!(node.apply(&[])[&client.conn].len(), 20 + text("/some").len());
}

/// A sync behind a write waits for both, whichever comes first.
#[test]
fn sync_keeps_its_place_behind_a_write() {
    for barrier_first in [false, true] {
        let mut node = Node::new();
        let client = node.client();
        node.feed(client.conn, &[create(1, "/a", b""), sync(2), ping(), sync(3)].concat());
        let payload = node.front.take_batch(1).unwrap_or_default();
        let token = node.front.take_barrier().unwrap_or_default();
        let mut answers = Vec::new();
        if barrier_first {
            node.front.pass_barrier(token, node.index);
            assert_eq!(node.written(), BTreeMap::new());
            answers.extend(node.apply(&payload).remove(&client.conn).unwrap_or_default());
        } else {
            answers.extend(node.apply(&payload).remove(&client.conn).unwrap_or_default());
            assert_eq!(outline(&replies(&answers)), [(1, OK)]);
            node.front.pass_barrier(token, node.index);
            answers.extend(node.written().remove(&client.conn).unwrap_or_default());
        }
        let expected = [(1, OK), (2, OK), (PING_XID, OK), (3, OK)];
        assert_eq!(outline(&replies(&answers)), expected, "{barrier_first}");
    }
}

/// A read that waits for its barrier is answered before a later write of its session is carried out:
/// it sees everything before that write, and not the write.
#[test]
fn own_later_write_does_not_overtake_a_waiting_read() {
    let mut node = strict();
    let (client, other) = (node.client(), node.client());
    node.ask(client, &create(1, "/a", b"old"));
    node.feed(other.conn, &set(1, "/a", b"other's"));
    node.feed(client.conn, &[get(2, "/a"), set(3, "/a", b"own"), get(4, "/a")].concat());
    let payload = node.front.take_batch(1).unwrap_or_default();
    let token = node.front.take_barrier().unwrap_or_default();
    let answers = replies(&node.apply(&payload)[&client.conn]);
    assert_eq!(outline(&answers), [(2, OK), (3, OK)]);
    assert_eq!(data_of(&answers[0]), b"other's");
    node.front.pass_barrier(token, node.index);
    let answers = replies(&node.written()[&client.conn]);
    assert_eq!((outline(&answers), data_of(&answers[0])), (vec![(4, OK)], b"own".to_vec()));
    assert_eq!(node.front.outstanding, 0);
}

/// With the switch every answer that shows the tree waits; what does not show it is answered at once,
/// unless it is behind one that waits.
#[test]
fn switch_makes_reads_wait() {
    let mut node = strict();
    let client = node.client();
    assert_eq!(outline(&node.feed(client.conn, &ping())), [(PING_XID, OK)]);
    assert_eq!(node.feed(client.conn, &request(1, ops::WHO_AM_I, &[])).len(), 1);
    for op in [
        ops::EXISTS,
        ops::GET_DATA,
        ops::GET_CHILDREN,
        ops::GET_CHILDREN2,
        ops::GET_ACL,
        ops::MULTI_READ,
        ops::GET_EPHEMERALS,
        ops::GET_ALL_CHILDREN_NUMBER,
    ] {
        assert_eq!(node.feed(client.conn, &[read(op, op, "/", false), ping()].concat()), []);
        let answers = node.commit().remove(&client.conn).unwrap_or_default();
        assert_eq!((answers.len(), answers[0].xid, answers[1].xid), (2, op, PING_XID));
    }
    assert_eq!(node.front.outstanding, 0);
}

/// Requests that wait count against the bounds, and a barrier that passes makes room.
#[test]
fn waiting_reads_are_bounded() {
    let mut node =
        Node::with(Config { linearizable_reads: true, connection_outstanding_max: 4, ..config() });
    let client = node.client();
    let reads: Vec<u8> = (1..=9).flat_map(|xid| get(xid, "/a")).collect();
    assert_eq!(node.feed(client.conn, &reads), []);
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    assert_eq!(node.front.outstanding, 4);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(
        answers.iter().map(|answer| answer.xid).collect::<Vec<_>>(),
        (1..=9).collect::<Vec<_>>()
    );
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
}

/// A connection that went away while it waited is nobody's business any more.
#[test]
fn barrier_of_a_gone_connection_harms_nobody() {
    let mut node = Node::new();
    let (gone, client) = (node.client(), node.client());
    node.feed(gone.conn, &sync(1));
    node.feed(client.conn, &sync(1));
    node.front.disconnect(gone.conn);
    let answers = node.commit();
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [client.conn]);
    assert_eq!(node.front.outstanding, 0);
}
