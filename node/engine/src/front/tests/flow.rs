//! Who is read and who goes on when: bounds on answers and work, and the clients who must not pay for them.

use super::super::connections::State;
use super::super::limits::{OUTPUT_BYTES_MAX, QUEUED_WEIGHT_MAX};
use super::*;

const BIG: usize = 300_000;

fn big(byte: u8) -> Vec<u8> {
    vec![byte; BIG]
}

/// A node with a znode of this size, and a client.
fn with_big(config: Config) -> (Node, Client) {
    let mut node = Node::with(config);
    let client = node.client();
    node.ask(client, &create(0, "/big", &big(7)));
    (node, client)
}

fn gets(xids: core::ops::RangeInclusive<i32>) -> Vec<u8> {
    xids.flat_map(|xid| get(xid, "/big")).collect()
}

fn xids(answers: &[Reply]) -> Vec<i32> {
    answers.iter().map(|answer| answer.xid).collect()
}

/// Feeds nothing for as long as the engine asks for it; the answers, and how often that was.
fn go_on(node: &mut Node, conn: u64) -> (Vec<Reply>, usize) {
    let (mut answers, mut feeds) = (Vec::new(), 0);
    while node.actions() == [(conn, Action::StopReading)] {
        let bytes = node.feed_raw(conn, &[]);
        assert!(bytes.len() < OUTPUT_BYTES_MAX + BIG + 1000);
        answers.extend(replies(&bytes));
        feeds += 1;
    }
    (answers, feeds)
}

/// What waited behind a write is answered in portions too, as the client takes them, and in order.
#[test]
fn reads_behind_a_write_come_in_portions() {
    let (mut node, client) = with_big(config());
    let frames = [set(1, "/big", &big(8)), gets(2..=20), ping()].concat();
    assert_eq!(node.feed(client.conn, &frames), []);
    let mut answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(xids(&answers), [1, 2, 3, 4, 5]);
    assert_eq!(node.front.outstanding, 0, "what waits for its client does not wait for the log");
    let (more, feeds) = go_on(&mut node, client.conn);
    answers.extend(more);
    assert_eq!(feeds, 4);
    assert_eq!(xids(&answers), (1..=20).chain([PING_XID]).collect::<Vec<_>>());
    assert!(answers[1..20].iter().all(|answer| data_of(answer) == big(8)));
    assert_eq!(outline(&node.feed(client.conn, &ping())), [(PING_XID, OK)]);
}

/// So are those that wait for a barrier, whatever other barrier is passed meanwhile.
#[test]
fn reads_behind_a_barrier_come_in_portions() {
    let (mut node, client) = with_big(Config { linearizable_reads: true, ..config() });
    assert_eq!(node.feed(client.conn, &gets(1..=6)), []);
    let first = node.front.take_barrier().unwrap_or_default();
    assert_eq!(node.feed(client.conn, &gets(7..=10)), []);
    node.front.pass_barrier(first, node.index);
    let mut answers = replies(&node.written()[&client.conn]);
    assert_eq!(xids(&answers), [1, 2, 3, 4]);
    assert_eq!(node.commit(), BTreeMap::new());
    answers.extend(go_on(&mut node, client.conn).0);
    assert_eq!(xids(&answers), (1..=10).collect::<Vec<_>>());
    assert_eq!(node.front.outstanding, 0);
}

/// Only its own feed goes on: whatever else happens says nothing of room for its answers.
#[test]
fn others_do_not_hurry_a_paused_client() {
    for behind_a_write in [false, true] {
        let (mut node, client) = with_big(config());
        let other = node.client();
        let first = if behind_a_write { set(1, "/big", &big(8)) } else { get(1, "/big") };
        let mut answers = node.feed(client.conn, &[first, gets(2..=20)].concat());
        answers.extend(node.commit().remove(&client.conn).unwrap_or_default());
        assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
        for xid in 1..10 {
            node.feed(other.conn, &create(xid, "/a", b""));
            let written = node.commit();
            assert_eq!(written.keys().copied().collect::<Vec<_>>(), [other.conn]);
        }
        assert_eq!(node.actions(), [], "it is asked for once");
        answers.extend(node.feed(client.conn, &[]));
        answers.extend(go_on(&mut node, client.conn).0);
        assert_eq!(xids(&answers), (1..=20).collect::<Vec<_>>());
    }
}

/// Reads before a later write are answered before it, however many they are.
#[test]
fn reads_between_writes_keep_their_order() {
    let (mut node, client) = with_big(config());
    let writes = [1, 12, 23].map(|xid| set(xid, "/big", &big(xid as u8)));
    let [first, second, third] = &writes;
    let frames = [first, &gets(2..=11), second, &gets(13..=22), third, &gets(24..=40)];
    node.feed(client.conn, &frames.map(Vec::as_slice).concat());
    let mut answers = node.commit().remove(&client.conn).unwrap_or_default();
    assert_eq!(xids(&answers), (1..=23).collect::<Vec<_>>());
    answers.extend(go_on(&mut node, client.conn).0);
    assert_eq!(xids(&answers), (1..=40).collect::<Vec<_>>());
    for (written, read) in [(1, 2..12), (12, 13..23), (23, 24..41)] {
        assert!(read.into_iter().all(|xid: usize| data_of(&answers[xid - 1]) == big(written)));
    }
}

/// Who asks for more than may be unsent, where it cannot wait, is cut off. Its writes count.
#[test]
fn reads_between_writes_are_cut_off_at_the_bound() {
    let (mut node, client) = with_big(Config { unsent_bytes_max: 2_000_000, ..config() });
    let witness = node.client();
    let frames = [set(1, "/big", &big(8)), gets(2..=200), set(201, "/big", b"last")];
    node.feed(client.conn, &frames.concat());
    let batch = node.front.take_batch(1).unwrap_or_default();
    node.index += 1;
    assert_eq!(node.front.apply(node.index, &batch, 1), Ok(()));
    let actions = node.front.take_actions();
    assert_eq!(node.written(), BTreeMap::new());
    assert_eq!((actions.len(), actions[0].0, actions[0].1), (1, client.conn, Action::Abort));
    assert!(actions[0].2.contains("client.unsent_bytes_max"), "{}", actions[0].2);
    assert_eq!(node.front.outstanding, 0);
    assert_eq!(data_of(&node.ask(witness, &get(1, "/big"))), b"last");
}

/// A single answer above the bound ends its connection as well, and is not handed out.
#[test]
fn one_answer_above_the_bound_is_not_handed_out() {
    let (mut node, client) = with_big(Config { unsent_bytes_max: BIG, ..config() });
    assert_eq!(node.feed(client.conn, &gets(1..=2)), []);
    assert_eq!(node.actions(), [(client.conn, Action::Abort)]);
}

/// Answers of writes add up as well.
#[test]
fn answers_of_writes_above_the_bound_are_not_handed_out() {
    let mut node = Node::with(Config { unsent_bytes_max: 200, ..config() });
    let client = node.client();
    node.feed(client.conn, &delete(1, "/none").repeat(20));
    assert_eq!(node.commit(), BTreeMap::new());
    assert_eq!(node.actions(), [(client.conn, Action::Abort)]);
}

/// A paused connection may end in every way.
#[test]
fn paused_connection_may_end() {
    for way in 0..3 {
        let (mut node, client) = with_big(config());
        node.feed(client.conn, &[set(1, "/big", &big(8)), gets(2..=20)].concat());
        node.commit();
        node.actions();
        match way {
            0 => node.front.disconnect(client.conn),
            1 => node.front.restore_begin(),
            _ => {
                assert_eq!(node.front.drain(10), 1, "it has something to get yet");
                let mut answers = 0;
                while node.front.connections.get(client.conn).map(|c| c.state)
                    == Some(State::Leaving)
                {
                    answers += node.feed(client.conn, &[]).len();
                }
                assert_eq!(answers, 15);
                assert_eq!(node.actions().last(), Some(&(client.conn, Action::Close)));
            }
        }
        assert_eq!(node.front.outstanding, 0, "{way}");
    }
}

/// While the log is slow, who has nothing in it is read on: a ping must not wait for a disk.
#[test]
fn connection_without_a_part_in_it_is_read_while_the_log_is_slow() {
    let slow = Config { outstanding_max: 3, batch_bytes_max: 50, ..config() };
    let mut node = Node::with(slow);
    let [early, many, pinging] = [(); 3].map(|()| node.client());
    node.feed(early.conn, &create(1, "/a", b""));
    let creates: Vec<u8> = (1..=5).flat_map(|xid| create(xid, "/b", b"")).collect();
    node.feed(many.conn, &creates);
    assert_eq!(node.actions(), [(many.conn, Action::StopReading)]);
    for frame in [ping(), get(1, "/a"), ping()] {
        assert_eq!(node.feed(pinging.conn, &frame).len(), 1);
    }
    assert_eq!(node.actions(), []);
    node.feed(early.conn, &ping());
    assert_eq!(node.actions(), [(early.conn, Action::StopReading)]);
    let first = node.front.take_batch(1).unwrap_or_default();
    assert_eq!(node.apply(&first).keys().copied().collect::<Vec<_>>(), [early.conn]);
    assert!(node.front.outstanding >= 3);
    assert_eq!(node.actions(), [(early.conn, Action::ReadAgain)], "its own is answered");
}

/// A session does not end because its connection was not read while the log was slow.
#[test]
fn slow_log_ends_no_session_of_those_who_wait_for_it() {
    let mut node = Node::with(Config { connection_outstanding_max: 2, ..config() });
    let client = node.client();
    node.feed(client.conn, &[create(1, "/a", b""), create(2, "/b", b"")].concat());
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    let batch = node.front.take_batch(1).unwrap_or_default();
    node.tick(300);
    assert!(!node.front.wants_batch(), "30 s, three times its timeout");
    node.apply(&batch);
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
    node.tick(90);
    assert!(!node.front.wants_batch(), "it has its whole time from there");
    node.tick(20);
    assert!(node.front.wants_batch());
}

/// A client that takes its answers is there, though its pings may wait behind them.
#[test]
fn taking_answers_keeps_the_session() {
    for touches in [true, false] {
        let (mut node, client) = with_big(config());
        node.feed(client.conn, &gets(1..=20));
        for _ in 0..4 {
            node.tick(80);
            if touches {
                node.front.touch(client.conn);
            } else {
                node.feed(client.conn, &[]);
            }
            assert!(!node.front.wants_batch(), "8 s of its 10 s");
        }
        node.tick(110);
        assert!(node.front.wants_batch(), "and then it took nothing");
    }
}

/// Small requests with small answers that cost much come in turns, so that others have theirs.
#[test]
fn much_work_is_done_in_turns() {
    let mut node = Node::new();
    let client = node.client();
    node.ask(client, &create(1, "/a", b""));
    let creates: Vec<u8> = (0..34_000).flat_map(|at| create(2, &format!("/a/{at}"), b"")).collect();
    node.feed(client.conn, &creates);
    while !node.commit().is_empty() {}
    node.actions();
    let count = |xid| request(xid, ops::GET_ALL_CHILDREN_NUMBER, &text("/a"));
    let counts: Vec<u8> = (1..=10).flat_map(count).collect();
    let mut answers = node.feed(client.conn, &counts);
    assert_eq!(xids(&answers), [1, 2, 3]);
    let (more, feeds) = go_on(&mut node, client.conn);
    answers.extend(more);
    assert_eq!((feeds, xids(&answers)), (3, (1..=10).collect::<Vec<_>>()));

    // Where a write may be behind them they are few, however small.
    let frames = [set(1, "/a", b""), counts.repeat(10), set(2, "/a", b"")].concat();
    assert_eq!(node.feed(client.conn, &frames), []);
    assert_eq!(node.front.outstanding, 1 + 31);
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    let mut answers = node.commit().remove(&client.conn).unwrap_or_default();
    answers.extend(go_on(&mut node, client.conn).0);
    answers.extend(node.commit().remove(&client.conn).unwrap_or_default());
    assert_eq!(answers.len(), 102);
}

/// Other kinds of requests count as well.
#[test]
fn watches_and_passwords_are_work() {
    let mut node = Node::new();
    let client = node.client();
    let mut body = 0_i64.to_be_bytes().to_vec();
    body.put_i32(6000);
    body.extend((0..6000).flat_map(|at| text(&format!("/{at}"))));
    body.extend([0; 8]);
    let watches = request(1, ops::SET_WATCHES, &body);
    let frames = [watches, ping()].concat();
    assert_eq!(node.feed(client.conn, &frames).last().map(|reply| reply.xid), Some(1));
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    assert_eq!(outline(&node.feed(client.conn, &[])), [(PING_XID, OK)]);
    node.actions();
    let passwords = auth("digest", format!("u:{}", "x".repeat(4000)).as_bytes());
    let answers = node.feed(client.conn, &passwords.repeat(1000)).len();
    assert!((10..1000).contains(&answers), "{answers}");
}

/// Reads that wait are bounded by their bytes too.
#[test]
fn bytes_of_waiting_reads_are_bounded() {
    let mut node = Node::new();
    let client = node.client();
    node.feed(client.conn, &create(1, "/a", b""));
    let long = read(2, ops::EXISTS, &format!("/{}", "x".repeat(100_000)), false);
    for _ in 0..30 {
        node.feed(client.conn, &long);
    }
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    let queued = node.front.connections.get(client.conn).map_or(0, |c| c.queued_weight);
    assert!((QUEUED_WEIGHT_MAX..QUEUED_WEIGHT_MAX + long.len()).contains(&queued));
    assert_eq!(node.commit()[&client.conn].len(), 31);
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
    assert_eq!(node.front.connections.get(client.conn).map(|c| c.queued_weight), Some(0));
}

/// So are those that may ask for much, where there is much.
#[test]
fn multi_reads_that_wait_are_few() {
    let mut node = Node::with(Config { frame_bytes_max: 20 << 20, ..config() });
    let client = node.client();
    let body = [[0, 0, 0, 4, 0].to_vec(), vec![0xFF; 4], text("/a"), vec![0]].concat();
    let end = [[0xFF; 4].to_vec(), vec![1], vec![0xFF; 4]].concat();
    let multi_read = request(2, ops::MULTI_READ, &[body, end].concat());
    for (bytes, expected) in [(0, 11), (17 << 20, 5)] {
        node.ask(client, &create(0, &format!("/b{bytes}"), &vec![7; bytes]));
        let frames = [create(1, "/a", b""), multi_read.repeat(10)].concat();
        assert_eq!(node.feed(client.conn, &frames), []);
        assert_eq!(node.front.outstanding, expected);
        assert_eq!(node.commit()[&client.conn].len(), 1 + 10);
    }
}

/// An entry of the core, which is empty, makes room like any other.
#[test]
fn empty_entry_lets_a_stopped_connection_be_read() {
    let mut node = Node::with(Config { connection_outstanding_max: 2, ..config() });
    let client = node.client();
    let syncs: Vec<u8> = (1..=3).flat_map(|xid| request(xid, ops::SYNC, &text("/a"))).collect();
    node.feed(client.conn, &syncs);
    assert_eq!(node.actions(), [(client.conn, Action::StopReading)]);
    let token = node.front.take_barrier().unwrap_or_default();
    node.front.pass_barrier(token, node.index + 1);
    assert_eq!(replies(&node.apply(&[])[&client.conn]).len(), 2);
    assert_eq!(node.commit()[&client.conn].len(), 1);
    assert_eq!(node.actions(), [(client.conn, Action::ReadAgain)]);
}
