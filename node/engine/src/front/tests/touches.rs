//! Sessions over several nodes: kept alive from afar, moved, expired by the leader alone.

use super::*;

/// Two nodes at the same entries; the first one leads.
struct Pair([Node; 2]);

impl Pair {
    fn new() -> Self {
        let mut pair = Self([1, 2].map(Node::member));
        pair.0[1].front.lead(false, 0);
        pair.tick(1, true);
        pair
    }

    /// Time goes by on both; the follower's touches arrive if the network lets them.
    fn tick(&mut self, count: usize, connected: bool) {
        for _ in 0..count {
            self.0.iter_mut().for_each(|node| node.tick(1));
            let leader = usize::from(!self.0[0].front.leading);
            let touches = self.0[1 - leader].front.take_touches();
            if connected {
                let now_us = self.0[leader].now_us;
                assert_eq!(self.0[leader].front.merge_touches(&touches, now_us), Ok(()));
            }
        }
    }

    /// Commits everything by the leader's entry; the bytes of each node's connections.
    fn commit(&mut self) -> [BTreeMap<u64, Vec<u8>>; 2] {
        let groups: Vec<Vec<u8>> =
            self.0.iter_mut().filter_map(|node| Some(node.front.take_group()?.1)).collect();
        let groups: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
        let leader = usize::from(!self.0[0].front.leading);
        match self.0[leader].front.seal_entry(1, &groups) {
            Ok(Some(entry)) => self.0.each_mut().map(|node| node.apply(&entry)),
            _ => Default::default(),
        }
    }

    fn client(&mut self, at: usize, session: i64, password: [u8; 16]) -> Client {
        let conn = self.0[at].front.connect("::1", 1);
        self.0[at].feed_raw(conn, &connect_request(session, password, 10_000));
        let granted = self.commit()[at].remove(&conn).unwrap_or_default();
        let (_, session, password) = connect_response(&granted);
        Client { conn, session, password }
    }

    fn sessions(&self) -> Vec<i64> {
        self.0[0].front.machine().sessions().map(|(session, _)| session).collect()
    }
}

/// Pings to a follower keep a session alive as long as the leader hears of them.
#[test]
fn session_at_a_follower_lives_by_its_touches() {
    let mut pair = Pair::new();
    let client = pair.client(1, 0, [0; 16]);
    for _ in 0..8 {
        pair.tick(50, true);
        pair.0[1].feed(client.conn, &ping());
    }
    assert_eq!(pair.commit(), [BTreeMap::new(), BTreeMap::new()]);
    pair.tick(1, true);
    for _ in 0..5 {
        pair.tick(25, false);
        pair.0[1].feed(client.conn, &ping());
    }
    pair.commit();
    assert_eq!(pair.sessions(), []);
    assert_eq!(pair.0[1].actions(), [(client.conn, Action::Close)]);
}

/// The age counts: what was heard of long ago expires long before what was heard of just now.
#[test]
fn touches_carry_their_age() {
    let mut pair = Pair::new();
    let client = pair.client(1, 0, [0; 16]);
    let [_, follower] = &mut pair.0;
    follower.feed(client.conn, &ping());
    follower.tick(40);
    follower.front.lead(false, 0);
    let touches = follower.front.take_touches();
    assert_eq!(touches.len(), 12);
    assert_eq!(touches[8..], 4000_u32.to_be_bytes());
    assert_eq!(follower.front.take_touches(), [], "nothing was heard since");
    let [leader, _] = &mut pair.0;
    leader.tick(60);
    assert_eq!(leader.front.merge_touches(&touches, leader.now_us), Ok(()));
    let left_ms = leader.front.sessions()[0].2;
    assert_eq!(left_ms, 6000);
    assert!(leader.front.merge_touches(&touches[1..], 1).is_err());
}

/// A new leader knows nothing of what was heard, so everybody gets the full time; only it decides.
#[test]
fn new_leader_gives_everybody_the_full_time() {
    let mut pair = Pair::new();
    let clients = [pair.client(0, 0, [0; 16]), pair.client(1, 0, [0; 16])];
    pair.tick(90, false);
    pair.0[0].front.lead(false, pair.0[0].now_us);
    pair.0[1].front.lead(true, pair.0[1].now_us);
    pair.tick(99, false);
    assert_eq!(pair.commit(), [BTreeMap::new(), BTreeMap::new()]);
    assert_eq!(pair.sessions().len(), 2);
    pair.0[0].feed(clients[0].conn, &ping());
    pair.tick(5, true);
    pair.commit();
    assert_eq!(pair.sessions(), [clients[0].session], "the other one was silent");
    assert_eq!(pair.0[1].actions(), [(clients[1].conn, Action::Close)]);
    assert_eq!(pair.0[0].actions(), []);
}

/// A session moves with its password: the former node cuts its connection off, the new one serves.
#[test]
fn session_moves_between_nodes() {
    let mut pair = Pair::new();
    let before = pair.client(0, 0, [0; 16]);
    let ephemeral = create_with(1, "/e", b"", 1, (31, "world", "anyone"));
    pair.0[0].feed(before.conn, &ephemeral);
    pair.commit();
    let after = pair.client(1, before.session, before.password);
    assert_eq!((after.session, after.password), (before.session, before.password));
    assert_eq!(pair.0[0].actions(), [(before.conn, Action::Abort)]);
    for _ in 0..5 {
        pair.tick(50, true);
        pair.0[1].feed(after.conn, &ping());
    }
    pair.commit();
    assert_eq!(pair.sessions(), [before.session]);
    pair.0[1].feed(after.conn, &delete(2, "/e"));
    assert_eq!(outline(&replies(&pair.commit()[1][&after.conn])), [(2, OK)]);
}

/// A node that is behind does not send a session away that it has not heard of; one that has ended is
/// told so by the log, wherever it asks.
#[test]
fn session_is_taken_up_at_a_node_that_is_behind() {
    let [mut leader, mut follower] = [1, 2].map(Node::member);
    let first = leader.front.connect("::1", 1);
    leader.feed_raw(first, &connect_request(0, [0; 16], 10_000));
    let opening = leader.front.take_batch(1).unwrap_or_default();
    let (_, session, password) = connect_response(&leader.apply(&opening)[&first]);
    let client = Client { conn: follower.front.connect("::1", 1), session, password };
    let again = connect_request(session, password, 10_000);
    assert_eq!(follower.feed_raw(client.conn, &again), []);
    follower.apply(&opening);
    let granted = follower.commit_raw().remove(&client.conn).unwrap_or_default();
    assert_eq!(connect_response(&granted), (10_000, session, password));
    follower.ask(client, &request(1, ops::CLOSE_SESSION, &[]));
    let late = follower.front.connect("::1", 1);
    assert_eq!(follower.feed_raw(late, &again), []);
    let refused = follower.commit_raw().remove(&late).unwrap_or_default();
    assert_eq!(connect_response(&refused), (0, 0, [0; 16]));
    assert_eq!(follower.actions(), [(client.conn, Action::Close), (late, Action::Close)]);
}

/// A client that arrives at a follower at the last moment is reported before its session is there.
#[test]
fn arriving_session_is_reported() {
    let mut pair = Pair::new();
    let before = pair.client(0, 0, [0; 16]);
    pair.0[0].front.disconnect(before.conn);
    pair.tick(95, true);
    let conn = pair.0[1].front.connect("::1", 1);
    pair.0[1].feed_raw(conn, &connect_request(before.session, before.password, 10_000));
    pair.tick(50, true);
    let granted = pair.commit()[1].remove(&conn).unwrap_or_default();
    assert_eq!(connect_response(&granted).1, before.session);
}

/// A storm of sessions that end leaves those that are alive alone.
#[test]
fn storm_of_expiries_spares_the_living() {
    let mut pair = Pair::new();
    let conns: Vec<u64> = (0..300).map(|_| pair.0[1].front.connect("::1", 1)).collect();
    for conn in &conns {
        pair.0[1].feed_raw(*conn, &connect_request(0, [0; 16], 10_000));
    }
    pair.commit();
    let alive = pair.client(1, 0, [0; 16]);
    for _ in 0..103 {
        pair.tick(1, true);
        pair.0[1].feed(alive.conn, &ping());
    }
    pair.commit();
    assert_eq!(pair.sessions(), [alive.session]);
    assert_eq!(pair.0[1].actions().len(), 300);
}
