//! Draining a node: its clients go elsewhere, a few at a time, and take their sessions with them.

use super::connections::State;
use super::{Action, Front};

impl Front {
    /// Takes no new clients from now on, and asks up to `count` more to go: what they asked is still
    /// answered. Answers how many are left.
    pub fn drain(&mut self, count: usize) -> usize {
        self.draining = true;
        let (mut idle, mut more, mut left) = (Vec::new(), count, 0);
        for connection in self.connections.iter_mut() {
            left += usize::from(connection.state != State::Closed);
            // Half a handshake is let finish: its session would be lost on the way.
            let may_go = matches!(connection.state, State::Handshake | State::Open);
            if more == 0 || !may_go {
                continue;
            }
            more -= 1;
            if connection.queue.is_empty() {
                idle.push(connection.id);
            } else {
                connection.state = State::Leaving;
            }
        }
        left -= idle.len();
        for id in idle {
            self.end(id, Action::Close, "the node is being drained");
        }
        left
    }

    /// Takes clients again.
    pub const fn undrain(&mut self) {
        self.draining = false;
    }

    /// A connection has got every answer: one that was asked to go goes.
    pub(super) fn leave_when_answered(&mut self, id: u64) {
        if self.connections.get(id).is_some_and(|c| c.state == State::Leaving) {
            self.end(id, Action::Close, "the node is being drained");
        }
    }
}
