//! Groups between nodes: applied once, in order, answered at home; and what happens when one is lost.

use super::super::limits::{DECISIONS_BYTES_MAX, EXPIRIES_PER_TICK_MAX};
use super::*;
use crate::entry::FORMAT_ENFORCING;

/// The leader's entry of these groups.
fn entry_of(leader: &mut Node, groups: &[&[u8]]) -> Vec<u8> {
    leader.front.seal_entry(5000, groups).ok().flatten().unwrap_or_default()
}

fn group_of(node: &mut Node) -> Vec<u8> {
    node.front.take_group().map(|(_, group)| group).unwrap_or_default()
}

/// A client of `node` whose session comes through `leader`.
fn client_of(node: &mut Node, leader: &mut Node) -> Client {
    let conn = node.front.connect("127.0.0.1", node.now_us);
    node.feed_raw(conn, &connect_request(0, [0; 16], 10_000));
    let group = group_of(node);
    let entry = entry_of(leader, &[&group]);
    assert_eq!(leader.apply(&entry), BTreeMap::new());
    let (_, session, password) = connect_response(&node.apply(&entry)[&conn]);
    Client { conn, session, password }
}

/// One entry holds the groups of several nodes; each node answers its own clients.
#[test]
fn each_node_answers_its_own_clients() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let far = client_of(&mut follower, &mut leader);
    let near = client_of(&mut leader, &mut follower);
    follower.feed(far.conn, &create(1, "/far", b""));
    leader.feed(near.conn, &create(1, "/near", b""));
    let (own, sent) = (group_of(&mut leader), group_of(&mut follower));
    let entry = entry_of(&mut leader, &[&own, &sent]);
    for (node, conn) in [(&mut leader, near.conn), (&mut follower, far.conn)] {
        let written = node.apply(&entry);
        assert_eq!(written.len(), 1);
        assert_eq!(outline(&replies(&written[&conn])), [(1, OK)]);
        assert_eq!(node.front.groups_settled(), 2);
    }
    assert_eq!(leader.front.machine().digest(), follower.front.machine().digest());
    assert_eq!(outline(&follower.feed(far.conn, &get(2, "/near"))), [(2, OK)]);
}

/// Hard limits hold or not as the leader says, so that members that are configured differently agree.
#[test]
fn leader_decides_whether_quotas_are_enforced() {
    let mut strict = Node::with(config());
    strict.front.enforce_quotas(true);
    let mut lenient = Node::member(2);
    let client = client_of(&mut lenient, &mut strict);
    let quota = "/zookeeper/quota/a";
    lenient.feed(client.conn, &create(1, "/a", b""));
    lenient.feed(client.conn, &create(2, quota, b""));
    let limits = format!("{quota}/zookeeper_limits");
    lenient.feed(client.conn, &create(3, &limits, b"countHardLimit=1"));
    lenient.feed(client.conn, &create(4, &format!("{quota}/zookeeper_stats"), b""));
    lenient.feed(client.conn, &create(5, "/a/b", b""));
    let group = group_of(&mut lenient);
    let entry = entry_of(&mut strict, &[&group]);
    strict.apply(&entry);
    let answers = replies(&lenient.apply(&entry)[&client.conn]);
    assert_eq!(answers.last().map(|last| last.error), Some(ErrorCode::QUOTA_EXCEEDED.0));
    assert_eq!(lenient.front.statistics.quota_exceeded, 1);
    assert_eq!(strict.front.statistics.quota_exceeded, 0, "it was nobody of its own");
    lenient.feed(client.conn, &create(6, "/a/b", b""));
    let group = group_of(&mut lenient);
    let entry = entry_of(&mut lenient, &[&group]);
    strict.apply(&entry);
    assert_eq!(outline(&replies(&lenient.apply(&entry)[&client.conn])), [(6, OK)]);
    assert_eq!(strict.front.machine().digest(), lenient.front.machine().digest());
}

/// A group that was sent again is applied and answered once, in the same entry or in a later one.
#[test]
fn group_that_comes_twice_is_applied_once() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let client = client_of(&mut follower, &mut leader);
    follower.feed(client.conn, &create(1, "/a", b""));
    let group = group_of(&mut follower);
    let zxid = leader.front.machine().last_zxid();
    for entry in [entry_of(&mut leader, &[&group, &group]), entry_of(&mut leader, &[&group])] {
        leader.apply(&entry);
        follower.front.apply(follower.index + 1, &entry, 1).unwrap_or_else(|why| {
            unreachable!("{}", why.0);
        });
        follower.index += 1;
    }
    let answers = replies(&follower.written()[&client.conn]);
    assert_eq!(outline(&answers), [(1, OK)]);
    assert_eq!(leader.front.machine().last_zxid(), zxid + 1);
    assert_eq!(follower.front.statistics.groups_skipped, 2);
    assert_eq!(follower.actions(), []);
}

/// When a group is lost, everybody who waits for a write is cut off, also for what is only gathered;
/// who waits for nothing goes on in a new run.
#[test]
fn lost_group_cuts_off_who_waits() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let clients: Vec<Client> = (0..4).map(|_| client_of(&mut follower, &mut leader)).collect();
    follower.feed(clients[0].conn, &create(1, "/lost", b""));
    let _lost = group_of(&mut follower);
    follower.feed(clients[0].conn, &create(2, "/behind", b""));
    follower.feed(clients[1].conn, &create(1, "/other", b""));
    let behind = group_of(&mut follower);
    follower.feed(clients[2].conn, &create(1, "/gathered", b""));
    let settled = follower.front.groups_settled();
    let entry = entry_of(&mut leader, &[&behind]);
    leader.apply(&entry);
    assert_eq!(follower.apply(&entry), BTreeMap::new());
    let cut = [0, 1, 2].map(|at| (clients[at].conn, Action::Abort));
    assert_eq!(follower.actions(), cut);
    assert!(!follower.front.wants_batch() && follower.front.outstanding == 0);
    assert_eq!(follower.front.groups_settled(), settled + 2, "there is no use in sending them");
    follower.feed(clients[3].conn, &create(1, "/later", b""));
    let later = group_of(&mut follower);
    let entry = entry_of(&mut leader, &[&later]);
    leader.apply(&entry);
    assert_eq!(outline(&replies(&follower.apply(&entry)[&clients[3].conn])), [(1, OK)]);
    assert_eq!(follower.front.groups_settled(), settled + 3);
    for path in ["/lost", "/behind", "/other", "/gathered"] {
        assert_eq!(leader.front.machine().stamps(path), None, "{path}");
    }
    assert_eq!(leader.front.machine().digest(), follower.front.machine().digest());
}

/// A process that comes after another one of the same member begins a later run; the former one
/// notices, and cuts off who waits.
#[test]
fn later_process_of_a_member_supersedes_the_former() {
    let mut leader = Node::member(1);
    let mut old = Node::member(2);
    let client = client_of(&mut old, &mut leader);
    let mut new = Node::with(Config { member: 2, origin: 77, ..config() });
    old.feed(client.conn, &create(1, "/old", b""));
    let late = group_of(&mut old);
    copy_state(&mut leader, &mut new);
    let conn = new.front.connect("::1", 1);
    new.feed_raw(conn, &connect_request(0, [0; 16], 5000));
    let first = group_of(&mut new);
    let entry = entry_of(&mut leader, &[&first, &late]);
    assert_eq!(leader.apply(&entry), BTreeMap::new());
    assert_eq!(new.apply(&entry).len(), 1);
    assert_eq!(old.apply(&entry), BTreeMap::new());
    assert_eq!(old.actions(), [(client.conn, Action::Abort)]);
    assert_eq!(leader.front.machine().stamps("/old"), None);
    assert_eq!(new.front.groups_settled(), 1);
}

fn copy_state(from: &mut Node, to: &mut Node) {
    from.front.snapshot_begin();
    to.front.restore_begin();
    loop {
        let mut piece = Vec::new();
        from.front.snapshot_next(1000, &mut piece);
        if piece.is_empty() {
            break;
        }
        assert_eq!(to.front.restore_piece(&piece), Ok(()));
    }
    assert_eq!(to.front.restore_end(), Ok(()));
    to.index = from.index;
}

/// A snapshot tells a node which of its groups were applied while it was away.
#[test]
fn installed_snapshot_settles_groups() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let client = client_of(&mut follower, &mut leader);
    for xid in 1..=3 {
        follower.feed(client.conn, &create(xid, &format!("/{xid}"), b""));
    }
    let first = group_of(&mut follower);
    follower.feed(client.conn, &create(4, "/4", b""));
    let second = group_of(&mut follower);
    let entry = entry_of(&mut leader, &[&first]);
    leader.apply(&entry);
    let settled = follower.front.groups_settled();
    copy_state(&mut leader, &mut follower);
    assert_eq!(follower.front.groups_settled(), settled + 1);
    assert_eq!(follower.actions(), [(client.conn, Action::Abort)]);
    let entry = entry_of(&mut leader, &[&first, &second]);
    assert_eq!((leader.apply(&entry), follower.apply(&entry)), (BTreeMap::new(), BTreeMap::new()));
    assert_eq!(follower.front.groups_settled(), settled + 2);
    assert!(leader.front.machine().stamps("/4").is_some());
    assert_eq!(leader.front.machine().digest(), follower.front.machine().digest());
}

/// What a leader decides goes into its entries and into no group, so that nobody sends it again; when
/// it ceases to lead, it is forgotten.
#[test]
fn decisions_are_in_no_group() {
    let mut leader = Node::member(1);
    leader.tick(1);
    let client = leader.client();
    leader.front.disconnect(client.conn);
    leader.tick(102);
    assert!(leader.front.wants_batch());
    assert_eq!(leader.front.take_group(), None);
    leader.front.lead(false, leader.now_us);
    assert!(!leader.front.wants_batch());
    leader.tick(300);
    assert!(!leader.front.wants_batch(), "a follower decides nothing");
    leader.front.lead(true, leader.now_us);
    leader.tick(99);
    assert!(!leader.front.wants_batch(), "the session has its full time");
    leader.tick(5);
    let entry = entry_of(&mut leader, &[]);
    leader.apply(&entry);
    assert_eq!(leader.front.sessions(), []);
    assert_eq!(leader.front.seal_entry(1, &[]), Ok(None));
}

/// Decisions go along with groups while there is room, and else alone.
#[test]
fn decisions_do_not_make_an_entry_too_long() {
    let mut leader = Node::with(Config { batch_bytes_max: 2000, ..config() });
    leader.tick(1);
    let clients: Vec<Client> = (0..30).map(|_| leader.client()).collect();
    for client in &clients[1..] {
        leader.front.disconnect(client.conn);
    }
    for _ in 0..103 {
        leader.tick(1);
        leader.feed(clients[0].conn, &ping());
    }
    leader.feed(clients[0].conn, &create(1, "/a", &[7; 1500]));
    let group = group_of(&mut leader);
    let entry = entry_of(&mut leader, &[&group]);
    assert!(entry.len() < 2000 && leader.front.wants_batch());
    leader.apply(&entry);
    assert_eq!(leader.front.sessions().len(), 30);
    leader.feed(clients[0].conn, &create(2, "/b", b""));
    let group = group_of(&mut leader);
    let entry = entry_of(&mut leader, &[&group]);
    leader.apply(&entry);
    assert_eq!(leader.front.sessions().len(), 1);
    assert!(leader.front.machine().stamps("/b").is_some());
}

/// While nothing is sealed, decisions do not pile up; what was put off is decided afterwards.
#[test]
fn decisions_are_bounded_until_they_are_sealed() {
    let mut leader = Node::with(Config { outstanding_max: 100_000, ..config() });
    leader.tick(1);
    let count = 4 * EXPIRIES_PER_TICK_MAX;
    for _ in 0..count {
        let conn = leader.front.connect("::1", 1);
        leader.feed_raw(conn, &connect_request(0, [0; 16], 2000));
        leader.front.disconnect(conn);
    }
    leader.commit_raw();
    leader.tick(200);
    let first = entry_of(&mut leader, &[]);
    assert!(first.len() < DECISIONS_BYTES_MAX + 2 * 24 * count / 4, "{}", first.len());
    leader.apply(&first);
    let left = leader.front.sessions().len();
    assert!(left > 0 && left < count, "{left}");
    for _ in 0..40 {
        leader.tick(1);
        leader.commit_raw();
    }
    assert_eq!(leader.front.sessions(), []);
}

/// What another node should not send is refused before anything is sealed.
#[test]
fn malformed_group_is_refused() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let client = client_of(&mut follower, &mut leader);
    follower.feed(client.conn, &create(1, "/a", b""));
    let group = group_of(&mut follower);
    for length in 0..group.len() {
        assert!(leader.front.seal_entry(1, &[&group, &group[..length]]).is_err());
    }
    let mut uncounted = group.clone();
    uncounted[16..24].fill(0);
    assert!(leader.front.seal_entry(1, &[&uncounted]).is_err(), "that is for leaders only");
    let entry = entry_of(&mut leader, &[&group]);
    assert_eq!(follower.apply(&entry).len(), 1);
}

/// An entry of another version stops the node, and says what to do.
#[test]
fn entry_of_another_format_says_so() {
    let mut node = Node::new();
    let mut entry = node.front.bootstrap_entry(&[1; 16], &[2; 32], 100, 1);
    entry[0] = FORMAT_ENFORCING + 1;
    let refusal = node.front.apply(2, &entry, 1);
    let text = refusal.err().map(|refusal| refusal.0.into_owned()).unwrap_or_default();
    assert!(text.contains("format 4") && text.contains("start the version"), "{text}");
}

/// The id of a member may come late, but not after the first group.
#[test]
fn member_is_told_before_the_first_group() {
    let mut node = Node::new();
    node.front.set_member(9);
    node.client();
    node.front.set_member(4);
    assert_eq!(node.front.machine().progress(9).sequence, 1);
    node.client();
    assert_eq!(node.front.machine().progress(9).sequence, 2);
}
