//! A node that knows no leader: whom it still serves, and when it sends its clients away.
//!
//! Nobody hears then that its sessions are alive, so they may end elsewhere. A client must lose its
//! connection before that, or it would believe in locks that others hold already: each connection
//! ends after a part of its session's time. Clients that said they are content with reading may be
//! served from what is there, without a session that anybody else knows.

use super::connections::{Connection, State};
use super::handshake::{ConnectRequest, ConnectResponse};
use super::limits::LEADERLESS_PARTS;
use super::{Action, Front};

/// What the front remembers of it.
#[derive(Debug, Default)]
pub struct Leaderless {
    since_us: Option<i64>,
    /// Sessions that only this node knows have negative ids, which no other session has.
    local_sessions: i64,
}

impl Front {
    /// Nothing was heard of a leader for an election timeout; or there is one again.
    pub fn no_leader(&mut self, lost: bool, now_us: i64) {
        self.seen_us = now_us;
        if lost {
            self.leaderless.since_us.get_or_insert(now_us);
        } else if self.leaderless.since_us.take().is_some() {
            let read_only = self.connections.iter().filter(|connection| connection.read_only);
            let ids: Vec<u64> = read_only.map(|connection| connection.id).collect();
            for id in ids {
                self.end(id, Action::Close, "there is a leader again: it may write elsewhere");
            }
        }
    }

    /// Without a leader for so long that no session can be opened here: others may serve better.
    pub fn read_only(&self) -> bool {
        let patience_us = patience_us(self.config.min_session_timeout_ms);
        self.leaderless.since_us.is_some_and(|since_us| self.seen_us - since_us >= patience_us)
    }

    /// Ends the connections whose patience is over. By each tick.
    pub(super) fn end_leaderless(&mut self) {
        let Some(since_us) = self.leaderless.since_us else { return };
        let (lost_us, session_us) = (self.seen_us - since_us, self.clock.now_us());
        let shortest_ms = self.config.min_session_timeout_ms;
        let is_over = |connection: &&Connection| {
            if connection.read_only {
                // It has no place among the deadlines of sessions.
                let deadline_us = connection.touched_us + i64::from(connection.timeout_ms) * 1000;
                return deadline_us <= session_us;
            }
            let timeout_ms = connection.timeout_ms.max(shortest_ms);
            connection.state != State::Handshake && lost_us >= patience_us(timeout_ms)
        };
        let over: Vec<u64> = self.connections.iter().filter(is_over).map(|c| c.id).collect();
        for id in over {
            self.end(id, Action::Close, "no leader keeps its session alive");
        }
    }

    /// Serves a client that is content with reading. Answers false for any other.
    pub(super) fn serve_read_only(&mut self, id: u64, request: &ConnectRequest<'_>) -> bool {
        if !(self.config.read_only_mode && request.read_only && self.read_only()) {
            return false;
        }
        if request.session != 0 && !self.is_owner(request) {
            self.refuse_session(id, "wrong password");
            return true;
        }
        let session = if request.session == 0 {
            self.leaderless.local_sessions -= 1;
            self.leaderless.local_sessions
        } else {
            request.session
        };
        let password = self.machine.password(session);
        let timeout_ms = self.granted_timeout_ms(request);
        let Some(connection) = self.connections.get_mut(id) else { return true };
        connection.state = State::Open;
        connection.read_only = true;
        (connection.session, connection.timeout_ms) = (session, timeout_ms);
        Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
        let response = ConnectResponse { timeout_ms, session, password, read_only: true };
        response.encode(connection.has_read_only, &mut connection.out);
        true
    }
}

/// A session is local if no other node knows it.
pub(super) const fn is_local(session: i64) -> bool {
    session < 0
}

const fn patience_us(timeout_ms: i32) -> i64 {
    timeout_ms as i64 * 1000 / LEADERLESS_PARTS
}
