//! The world of the random histories: three nodes, one log, and what happens between them.

use std::collections::{BTreeSet, VecDeque};

use super::super::*;
use super::clients::Link;
use super::content::snapshot;

pub const NODES: usize = 3;

/// A small generator of numbers, the same in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

pub struct World {
    pub nodes: [Node; NODES],
    pub answered: usize,
    pub cut_off: usize,
    pub moved: usize,
    pub given_up: u64,
    pub links: Vec<Link>,
    /// Committed entries; the first one is the nodes' own beginning.
    log: Vec<Vec<u8>>,
    /// Entries of the leader that may still get lost.
    proposed: VecDeque<Vec<u8>>,
    leader: usize,
    /// Groups of each node that are not settled, and how many of them the leader was sent.
    kept: [VecDeque<(u64, Vec<u8>)>; NODES],
    sent: [usize; NODES],
    inbox: VecDeque<Vec<u8>>,
    tokens: [VecDeque<(u64, u64)>; NODES],
    /// The latest zxid that any client was told of.
    pub told_zxid: i64,
    pub next_path: u64,
    next_origin: u64,
}

fn node(at: usize, origin: u64) -> Node {
    let linearizable_reads = at == 2;
    let member = at as u32 + 1;
    Node::with(Config { origin, member, linearizable_reads, ..config() })
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            nodes: core::array::from_fn(|at| node(at, seed * 100 + at as u64)),
            answered: 0,
            cut_off: 0,
            moved: 0,
            given_up: 0,
            links: Vec::new(),
            log: vec![Vec::new()],
            proposed: VecDeque::new(),
            leader: 0,
            kept: Default::default(),
            sent: [0; NODES],
            inbox: VecDeque::new(),
            tokens: Default::default(),
            told_zxid: 0,
            next_path: 0,
            next_origin: seed * 100 + 10,
        };
        (1..NODES).for_each(|at| world.nodes[at].front.lead(false, 0));
        world
    }

    // ---- the way to the log

    /// Seals what a node gathered, and sends the leader what it was not sent yet.
    pub fn forward(&mut self, at: usize) {
        self.kept[at].extend(self.nodes[at].front.take_group());
        for (_, group) in self.kept[at].iter().skip(self.sent[at]) {
            self.inbox.push_back(group.clone());
        }
        self.sent[at] = self.kept[at].len();
    }

    /// The connection to the leader was lost: what is not settled goes there again, from the first.
    pub fn send_again(&mut self, at: usize, numbers: &mut Numbers) {
        if numbers.below(2) == 0 {
            // What was under way is lost, for everybody: later ones must not arrive without it.
            self.inbox.clear();
            self.sent = [0; NODES];
        }
        self.sent[at] = 0;
        self.forward(at);
    }

    pub fn seal(&mut self, numbers: &mut Numbers) {
        let count = numbers.below(self.inbox.len() as u64 + 1) as usize;
        let groups: Vec<Vec<u8>> = self.inbox.drain(..count).collect();
        let groups: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
        let entry = self.nodes[self.leader].front.seal_entry(5000, &groups);
        self.proposed.extend(entry.ok().flatten());
    }

    pub fn commit_some(&mut self, numbers: &mut Numbers) {
        let count = numbers.below(self.proposed.len() as u64 + 1) as usize;
        self.log.extend(self.proposed.drain(..count));
    }

    /// The next leader has some of what was proposed, and nothing that was under way.
    pub fn change_leader(&mut self, numbers: &mut Numbers) {
        self.commit_some(numbers);
        self.proposed.clear();
        self.inbox.clear();
        self.sent = [0; NODES];
        self.nodes[self.leader].front.lead(false, 1);
        self.leader = (self.leader + 1) % NODES;
        self.nodes[self.leader].front.lead(true, 1);
        // The entry with which a leader begins.
        self.log.push(Vec::new());
    }

    pub fn apply_next(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let Some(entry) = self.log.get(node.index as usize) else { return };
        let written = node.apply(entry);
        self.deliver(at, written);
        self.forget_settled(at);
    }

    fn forget_settled(&mut self, at: usize) {
        let settled = self.nodes[at].front.groups_settled();
        while self.kept[at].front().is_some_and(|(number, _)| *number <= settled) {
            self.kept[at].pop_front();
            self.sent[at] = self.sent[at].saturating_sub(1);
        }
    }

    pub fn barrier(&mut self, at: usize) {
        if let Some(token) = self.nodes[at].front.take_barrier() {
            self.tokens[at].push_back((token, self.log.len() as u64));
        }
    }

    /// The oldest token is granted, or lost and answered by the next one.
    pub fn grant(&mut self, at: usize) {
        if self.tokens[at].len() > 2 {
            self.tokens[at].pop_front();
        }
        if let Some((token, index)) = self.tokens[at].pop_front() {
            self.nodes[at].front.pass_barrier(token, index);
            let written = self.nodes[at].written();
            self.deliver(at, written);
        }
    }

    pub fn tick(&mut self) {
        for at in 0..NODES {
            self.nodes[at].tick(1);
            let touches = self.nodes[at].front.take_touches();
            let leader = &mut self.nodes[self.leader];
            assert_eq!(leader.front.merge_touches(&touches, leader.now_us), Ok(()));
        }
    }

    // ---- what must not happen too often

    /// A node that is behind gets the state of one that is not.
    pub fn install_snapshot(&mut self, at: usize) {
        let from = (at + 1) % NODES;
        if self.nodes[from].index > self.nodes[at].index {
            self.copy_state(from, at);
            self.obey(at);
            self.forget_settled(at);
        }
    }

    fn copy_state(&mut self, from: usize, to: usize) {
        let bytes = snapshot(&mut self.nodes[from]);
        let front = &mut self.nodes[to].front;
        front.restore_begin();
        for piece in bytes.chunks(777) {
            assert_eq!(front.restore_piece(piece), Ok(()));
        }
        assert_eq!(front.restore_end(), Ok(()));
        self.nodes[to].index = self.nodes[from].index;
    }

    /// A process ends, and another one takes its place with what the log and a snapshot hold.
    pub fn begin_anew(&mut self, at: usize) {
        self.given_up += self.nodes[at].front.statistics.groups_given_up;
        for link in self.links.iter_mut().filter(|link| link.at == at) {
            link.closed = true;
        }
        self.nodes[at] = node(at, self.next_origin);
        self.next_origin += 1;
        self.nodes[at].front.lead(at == self.leader, 1);
        self.kept[at].clear();
        self.sent[at] = 0;
        self.tokens[at].clear();
        self.copy_state((at + 1) % NODES, at);
        self.obey(at);
        // Its own log may be ahead of the snapshot, or behind what the others know.
        self.apply_next(at);
    }

    /// Bytes that a node was to keep are gone.
    pub fn lose_groups(&mut self, at: usize, numbers: &mut Numbers) {
        self.forward(at);
        let lost = numbers.below(self.kept[at].len() as u64 + 1) as usize;
        self.kept[at].drain(..lost);
        self.sent[at] = 0;
        self.inbox.clear();
        self.sent = [0; NODES];
    }

    // ---- the end

    /// Nothing fails any more, and everything gets where it should.
    pub fn settle(&mut self) {
        // A group that is lost is noticed by the next one.
        (0..NODES).for_each(|at| self.open_link(at, 0, [0; 16]));
        for _ in 0..4 {
            for at in 0..NODES {
                self.sent[at] = 0;
                while self.nodes[at].front.wants_batch() && at != self.leader {
                    self.forward(at);
                }
                self.forward(at);
                self.barrier(at);
            }
            let groups: Vec<Vec<u8>> = self.inbox.drain(..).collect();
            let groups: Vec<&[u8]> = groups.iter().map(Vec::as_slice).collect();
            let entry = self.nodes[self.leader].front.seal_entry(5000, &groups);
            self.proposed.extend(entry.ok().flatten());
            self.log.extend(self.proposed.drain(..));
            for at in 0..NODES {
                while (self.nodes[at].index as usize) < self.log.len() {
                    self.apply_next(at);
                }
                while !self.tokens[at].is_empty() {
                    self.grant(at);
                }
            }
        }
        let given_up = self.nodes.iter().map(|node| node.front.statistics.groups_given_up);
        self.given_up += given_up.sum::<u64>();
    }

    pub fn check(&self, seed: u64) {
        for node in &self.nodes {
            let (machine, first) = (node.front.machine(), self.nodes[0].front.machine());
            assert_eq!(machine.digest(), first.digest(), "seed {seed}");
            assert_eq!(machine.last_zxid(), first.last_zxid(), "seed {seed}");
        }
        let machine = self.nodes[0].front.machine();
        for link in &self.links {
            if !link.closed {
                assert!(link.open && link.waiting.is_empty(), "seed {seed}: unanswered");
            }
            // What was applied of one connection is a beginning of what it asked for.
            let applied: Vec<bool> =
                link.writes.iter().map(|(path, _)| machine.stamps(path).is_some()).collect();
            assert!(applied.is_sorted_by(|a, b| a >= b), "seed {seed}: {applied:?}");
            for ((path, confirmed), applied) in link.writes.iter().zip(&applied) {
                assert!(*applied || !confirmed, "seed {seed}: {path} was confirmed and lost");
            }
            let zxids = link.writes.iter().filter_map(|(path, _)| machine.stamps(path));
            let zxids: Vec<i64> = zxids.map(|stamps| stamps.czxid).collect();
            assert!(zxids.is_sorted(), "seed {seed}");
        }
        let paths: BTreeSet<&String> =
            self.links.iter().flat_map(|link| &link.writes).map(|write| &write.0).collect();
        assert_eq!(paths.len() as u64, self.next_path);
    }
}
