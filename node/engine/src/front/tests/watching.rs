//! Watches end to end: what a client sees, and when.

use super::*;

const CREATED: i32 = 1;
const DELETED: i32 = 2;
const CHANGED: i32 = 3;
const CHILDREN: i32 = 4;

/// (type, path) of an event.
fn event(reply: &Reply) -> (i32, String) {
    assert_eq!((reply.xid, reply.error), (-1, OK));
    let mut body = Reader::new(&reply.body);
    let kind = body.i32().unwrap_or(-1);
    assert_eq!(body.i32(), Ok(3), "the state is connected");
    (kind, body.string().unwrap_or_default().to_owned())
}

fn events(replies: &[Reply]) -> Vec<(i32, String)> {
    replies.iter().map(event).collect()
}

fn told(kind: i32, path: &str) -> (i32, String) {
    (kind, path.to_owned())
}

fn add_watch(xid: i32, path: &str, mode: i32) -> Vec<u8> {
    let mut body = text(path);
    body.put_i32(mode);
    request(xid, ops::ADD_WATCH, &body)
}

fn watch_op(xid: i32, op: i32, path: &str, kind: i32) -> Vec<u8> {
    let mut body = text(path);
    body.put_i32(kind);
    request(xid, op, &body)
}

fn set_watches(op: i32, since: i64, lists: &[&[&str]]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_i64(since);
    for list in lists {
        body.put_i32(list.len() as i32);
        for path in *list {
            body.put_string(path);
        }
    }
    request(-8, op, &body)
}

/// The event of a write comes before its reply, with its zxid, also to the writer itself.
#[test]
fn event_comes_before_the_reply_that_shows_it() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &read(1, ops::EXISTS, "/a", true));
    node.feed(client.conn, &create(2, "/a", b""));
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(events(&answers[..1]), [told(CREATED, "/a")]);
    assert_eq!((answers[1].xid, answers[1].zxid), (2, answers[0].zxid));
}

/// A read that waits between two writes leaves its watch between them.
#[test]
fn queued_read_leaves_its_watch_in_its_place() {
    let mut node = Node::new();
    let client = node.client();
    let mut piped = create(1, "/a", b"1");
    piped.extend(read(2, ops::GET_DATA, "/a", true));
    piped.extend(set(3, "/a", b"2"));
    piped.extend(set(4, "/a", b"3"));
    node.feed(client.conn, &piped);
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let xids: Vec<i32> = answers.iter().map(|answer| answer.xid).collect();
    assert_eq!(xids, [1, 2, -1, 3, 4]);
    assert_eq!(event(&answers[2]), told(CHANGED, "/a"));
}

/// An event that waits to be written leaves before the answer to a later read.
#[test]
fn waiting_event_leaves_before_a_later_read() {
    let mut node = Node::new();
    let (watcher, writer) = (node.client(), node.client());
    node.ask(writer, &create(1, "/a", b"1"));
    node.feed(watcher.conn, &read(1, ops::GET_DATA, "/a", true));
    node.feed(writer.conn, &set(2, "/a", b"2"));
    let payload = node.front.take_batch(1).unwrap_or_default();
    node.index += 1;
    assert_eq!(node.front.apply(node.index, &payload, 1), Ok(()));
    let answers = node.feed(watcher.conn, &get(2, "/a"));
    assert_eq!(event(&answers[0]), told(CHANGED, "/a"));
    assert_eq!(data_of(&answers[1]), b"2");
    assert_eq!(node.written().keys().copied().collect::<Vec<_>>(), [writer.conn]);
}

/// Watches are left by reads that succeed, and by exists where there is nothing.
#[test]
fn failed_read_leaves_no_watch() {
    let mut node = Node::new();
    let client = node.client();
    let frames = [
        read(1, ops::GET_DATA, "/a", true),
        read(2, ops::GET_CHILDREN, "/a", true),
        read(3, ops::GET_CHILDREN2, "/a", true),
    ];
    node.feed(client.conn, &frames.concat());
    assert_eq!(node.front.watches.watch_count(), 0);
    node.feed(client.conn, &read(4, ops::EXISTS, "/a", true));
    assert_eq!(node.front.watches.watch_count(), 1);
    node.feed(client.conn, &read(5, ops::GET_CHILDREN2, "/", true));
    node.feed(client.conn, &create(6, "/a", b""));
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(events(&answers[..2]), [told(CREATED, "/a"), told(CHILDREN, "/")]);
}

/// A deletion is told once to a connection that watches data and children, then the parent's list.
#[test]
fn deletion_is_told_once() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    node.ask(writer, &create(1, "/p", b""));
    node.ask(writer, &create(2, "/p/c", b""));
    let frames = [
        read(1, ops::GET_DATA, "/p/c", true),
        read(2, ops::GET_CHILDREN, "/p/c", true),
        read(3, ops::GET_CHILDREN, "/p", true),
    ];
    node.feed(client.conn, &frames.concat());
    node.feed(writer.conn, &delete(3, "/p/c"));
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(events(&answers), [told(DELETED, "/p/c"), told(CHILDREN, "/p")]);
}

/// Persistent and recursive watches stay; addWatch answers with an error code of 0.
#[test]
fn lasting_watches_stay() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    assert_eq!(node.ask(client, &add_watch(1, "/p", 0)).body, [0, 0, 0, 0]);
    assert_eq!(node.ask(client, &add_watch(2, "/p", 1)).error, OK);
    let refused = node.ask(client, &add_watch(3, "/p", 7));
    assert_eq!(refused.error, ErrorCode::MARSHALLING_ERROR.0);
    let frames = [create(1, "/p", b""), create(2, "/p/c", b""), set(3, "/p/c", b"")];
    node.feed(writer.conn, &frames.concat());
    node.feed(writer.conn, &delete(4, "/p/c"));
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let expected = [
        told(CREATED, "/p"),
        told(CREATED, "/p/c"),
        told(CHILDREN, "/p"),
        told(CHANGED, "/p/c"),
        told(DELETED, "/p/c"),
        told(CHILDREN, "/p"),
    ];
    assert_eq!(events(&answers), expected);
}

/// An event goes to those who may read the znode, and its watch is used up all the same.
#[test]
fn event_is_kept_from_those_who_may_not_read() {
    let mut node = Node::new();
    let (stranger, owner) = (node.client(), node.client());
    for client in [stranger, owner] {
        node.feed(client.conn, &read(1, ops::EXISTS, "/s", true));
    }
    node.ask(owner, &auth("digest", b"bob:pw"));
    let frame = create_with(2, "/s", b"", 0, (31, "auth", ""));
    node.feed(owner.conn, &frame);
    let mut answers = node.commit();
    assert_eq!(answers.remove(&stranger.conn), None);
    let own = answers.remove(&owner.conn).unwrap_or_default();
    assert_eq!(event(&own[0]), told(CREATED, "/s"));
    assert_eq!(node.front.watches.watch_count(), 0);
}

/// setWatches tells what was missed, before its reply and with zxid -1, and arms the rest.
#[test]
fn set_watches_catches_up() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    for path in ["/old", "/changed", "/parent"] {
        node.ask(writer, &create(1, path, b""));
    }
    let since = node.front.machine().last_zxid();
    node.ask(writer, &set(2, "/changed", b"x"));
    node.ask(writer, &create(3, "/parent/c", b""));
    let lists: [&[&str]; 3] =
        [&["/old", "/changed", "/gone"], &["/old", "/absent"], &["/old", "/parent", "/gone/too"]];
    let answers = node.feed(client.conn, &set_watches(ops::SET_WATCHES, since, &lists));
    let (reply, missed) = answers.split_last().unwrap_or_else(|| unreachable!());
    assert_eq!((reply.xid, reply.error, reply.body.len()), (-8, OK, 0));
    assert!(missed.iter().all(|event| event.zxid == -1));
    let expected = [
        told(CHANGED, "/changed"),
        told(DELETED, "/gone"),
        told(CREATED, "/old"),
        told(CHILDREN, "/parent"),
        told(DELETED, "/gone/too"),
    ];
    assert_eq!(events(missed), expected);
    let frames = [set(4, "/old", b""), create(5, "/absent", b""), create(6, "/old/c", b"")];
    node.feed(writer.conn, &frames.concat());
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let expected = [told(CHANGED, "/old"), told(CREATED, "/absent"), told(CHILDREN, "/old")];
    assert_eq!(events(&answers), expected);
}

/// setWatches2 brings lasting watches too; one that does not decode arms nothing.
#[test]
fn set_watches2_arms_lasting_watches() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    let lists: [&[&str]; 5] = [&[], &[], &[], &["/p"], &["/r"]];
    let whole = set_watches(ops::SET_WATCHES2, 0, &lists);
    let cut = framed(&whole[4..whole.len() - 1]);
    let answers = node.feed(client.conn, &cut);
    assert_eq!(outline(&answers), [(-8, ErrorCode::MARSHALLING_ERROR.0)]);
    assert_eq!(node.front.watches.watch_count(), 0);
    assert_eq!(outline(&node.feed(client.conn, &whole)), [(-8, OK)]);
    for path in ["/p", "/r", "/r/below"] {
        node.feed(writer.conn, &create(1, path, b""));
    }
    let answers = node.commit().remove(&client.conn).unwrap_or_default();
    let expected = [told(CREATED, "/p"), told(CREATED, "/r"), told(CREATED, "/r/below")];
    assert_eq!(events(&answers), expected);
}

/// checkWatches and removeWatches know the kinds apart.
#[test]
fn watches_are_checked_and_removed_by_kind() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &read(1, ops::EXISTS, "/a", true));
    node.feed(client.conn, &add_watch(2, "/a", 1));
    let absent = ErrorCode::NO_WATCHER.0;
    for (kind, found) in [(1, absent), (2, OK), (3, OK), (4, absent), (5, OK), (6, -5)] {
        let answer = node.ask(client, &watch_op(3, ops::CHECK_WATCHES, "/a", kind));
        assert_eq!((kind, answer.error, answer.body.len()), (kind, found, 0));
    }
    assert_eq!(node.ask(client, &watch_op(4, ops::REMOVE_WATCHES, "/a", 1)).error, absent);
    assert_eq!(node.ask(client, &watch_op(5, ops::REMOVE_WATCHES, "/a", 2)).error, OK);
    assert_eq!(node.ask(client, &watch_op(6, ops::REMOVE_WATCHES, "/a", 2)).error, absent);
    assert_eq!(node.ask(client, &watch_op(7, ops::REMOVE_WATCHES, "/a", 3)).error, OK);
    assert_eq!(node.front.watches.watch_count(), 0);
}

/// A connection that went is told nothing, and its watches are gone.
#[test]
fn watches_go_with_their_connection() {
    let mut node = Node::new();
    let (client, writer) = (node.client(), node.client());
    node.feed(client.conn, &add_watch(1, "/", 1));
    node.front.disconnect(client.conn);
    node.feed(writer.conn, &create(1, "/a", b""));
    assert_eq!(node.commit().keys().copied().collect::<Vec<_>>(), [writer.conn]);
    assert_eq!(node.front.watches.watch_count(), 0);
}
