//! Requests that must see everything written before they came: sync, and reads if so configured.
//!
//! Each joins the barrier that is being gathered. The driver takes it as one token, asks the Raft core
//! what was committed, and passes it with an index; once that is applied here, its requests run, each
//! in the turn of its connection. A write of the same connection that is applied earlier lets them go
//! ahead: it was proposed after they came, so what is applied before it is all that they must see.

use std::collections::VecDeque;

use super::Front;
use super::connections::{Asked, Pending, Waiting};

/// Tokens and who waits for them. As many at most as there are outstanding requests.
#[derive(Debug, Default)]
pub struct Barriers {
    /// Tokens taken so far; what is gathered now gets the next one.
    taken: u64,
    has_gathered: bool,
    /// Requests of this token and of those before may run.
    passed: u64,
    /// (token, index) that wait for the index to be applied.
    granted: VecDeque<(u64, u64)>,
    /// (token, connection) to look at when the token is passed.
    waiting: VecDeque<(u64, u64)>,
}

impl Barriers {
    /// A connection has a request that waits for what is being gathered; answers the token.
    fn join(&mut self, conn: u64) -> u64 {
        self.has_gathered = true;
        let token = self.taken + 1;
        if self.waiting.back() != Some(&(token, conn)) {
            self.waiting.push_back((token, conn));
        }
        token
    }

    pub const fn is_gathering(&self) -> bool {
        self.has_gathered
    }

    pub const fn take(&mut self) -> Option<u64> {
        if !self.has_gathered {
            return None;
        }
        self.has_gathered = false;
        self.taken += 1;
        Some(self.taken)
    }

    /// What was committed when a later token was asked for is enough for the earlier ones too.
    fn grant(&mut self, token: u64, index: u64) {
        let newest = self.granted.back().map_or(self.passed, |(token, _)| *token);
        if token > newest && token <= self.taken {
            self.granted.push_back((token, index));
        }
    }

    fn settle(&mut self, applied: u64) {
        while let Some((token, _)) = self.granted.iter().rfind(|(_, index)| *index <= applied) {
            self.passed = *token;
            while self.granted.front().is_some_and(|(token, _)| *token <= self.passed) {
                self.granted.pop_front();
            }
        }
    }

    pub const fn has_passed(&self, token: u64) -> bool {
        token <= self.passed
    }

    fn next_passed(&mut self) -> Option<u64> {
        let (token, conn) = *self.waiting.front()?;
        if token > self.passed {
            return None;
        }
        self.waiting.pop_front();
        Some(conn)
    }

    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Front {
    /// One token for everything that was gathered since the last one.
    pub const fn take_barrier(&mut self) -> Option<u64> {
        self.barriers.take()
    }

    /// All that was committed when `token` was asked for is applied once `index` is.
    pub fn pass_barrier(&mut self, token: u64, index: u64) {
        self.begin_turn();
        self.barriers.grant(token, index);
        self.run_passed(self.seen_us);
        self.read_stopped_again();
    }

    /// Runs what waits for barriers that are passed by now.
    pub(super) fn run_passed(&mut self, now_us: i64) {
        if self.barriers.has_waiting() {
            self.barriers.settle(self.machine.applied_index());
            while let Some(id) = self.barriers.next_passed() {
                self.answer_waiting(id, now_us);
            }
        }
    }

    /// Puts a request into its connection's queue until the barrier is passed.
    pub(super) fn wait_for_barrier(
        &mut self,
        id: u64,
        (xid, op): (i32, i32),
        body: &[u8],
        now_us: i64,
    ) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let weight = self.machine.weight(op, body.len(), connection.session);
        let asked = Asked { body: body.into(), weight };
        let what = Waiting::Barrier(self.barriers.join(id), asked);
        connection.push(Pending { xid, op, start_us: now_us, what });
        self.outstanding += 1;
    }

    /// Answers what a connection asked before the write that is about to be applied.
    pub(super) fn answer_ahead(&mut self, id: u64, now_us: i64) {
        while let Some(connection) = self.connections.get_mut(id) {
            if connection
                .queue
                .front()
                .is_none_or(|first| matches!(first.what, Waiting::Write | Waiting::Reconfig))
            {
                return;
            }
            if let Some(pending) = connection.pop() {
                self.outstanding -= 1;
                self.run(id, &pending, now_us);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(barriers: &mut Barriers, applied: u64) -> Vec<u64> {
        barriers.settle(applied);
        core::iter::from_fn(|| barriers.next_passed()).collect()
    }

    /// One token stands for all that came since the last, and a connection is woken once for it.
    #[test]
    fn one_token_for_what_was_gathered() {
        let mut barriers = Barriers::default();
        assert_eq!(barriers.take(), None);
        assert_eq!([7, 7, 8].map(|conn| barriers.join(conn)), [1, 1, 1]);
        assert_eq!((barriers.take(), barriers.take()), (Some(1), None));
        assert_eq!(barriers.join(7), 2);
        barriers.grant(1, 5);
        assert_eq!(passed(&mut barriers, 4), []);
        assert_eq!(passed(&mut barriers, 5), [7, 8]);
        assert!(barriers.has_passed(1) && !barriers.has_passed(2) && barriers.has_waiting());
    }

    /// A later grant answers for an earlier token that was lost; nothing passes twice or unasked.
    #[test]
    fn later_grant_answers_for_earlier_tokens() {
        let mut barriers = Barriers::default();
        for conn in 1..=3 {
            barriers.join(conn);
            barriers.take();
        }
        barriers.grant(2, 9);
        barriers.grant(1, 4);
        assert_eq!(passed(&mut barriers, 8), [], "the later one, asked first, decides");
        barriers.grant(3, 8);
        assert_eq!(passed(&mut barriers, 8), [1, 2, 3]);
        barriers.grant(3, 1);
        barriers.grant(4, 1);
        assert!(barriers.granted.is_empty(), "neither what has passed nor what nobody asked for");
    }
}
