//! Which sessions are alive, from the node that hears of them to the leader that decides.
//!
//! `touches = (session i64, age u32 in ms)*`. Ages are relative, so nobody's clock has to agree with
//! anybody's; the way there is added to the life of the session, never taken from it.

use super::Front;
use super::connections::State;
use crate::jute::{Malformed, Reader, Writer};

/// Sessions on their way to this node since the last report.
#[derive(Debug)]
pub struct Touches {
    /// The session clock when the last report was made.
    reported_us: i64,
    /// Sessions that a client here is taking up again: its connection does not have them yet.
    pub(super) arriving: Vec<i64>,
}

impl Default for Touches {
    fn default() -> Self {
        Self { reported_us: i64::MIN, arriving: Vec::new() }
    }
}

impl Front {
    /// This node decides what a leader decides, or stops to. A new leader knows nothing of what the
    /// others heard, so every session gets its full time.
    pub fn lead(&mut self, leading: bool, now_us: i64) {
        self.seen_us = now_us;
        if leading && !self.leading {
            self.clock.grant_all();
        }
        if !leading {
            // The next leader decides by what it knows.
            self.decisions = crate::entry::GroupBuilder::default();
            self.collecting = 0;
        }
        self.leading = leading;
        self.touches = Touches::default();
    }

    /// Some of what was written to a connection has left.
    pub fn touch(&mut self, id: u64) {
        let now_us = self.clock.now_us();
        if let Some(connection) = self.connections.get_mut(id) {
            connection.touched_us = now_us;
        }
    }

    /// The clients of connections that are not read because the log is slow may well be there: what
    /// they say lies in their sockets. By each tick.
    pub(super) fn touch_waiting(&mut self) {
        let now_us = self.clock.now_us();
        let Self { stopped, connections, .. } = self;
        for &id in &*stopped {
            if let Some(connection) = connections.get_mut(id)
                && connection.outstanding() > 0
            {
                connection.touched_us = now_us;
            }
        }
    }

    /// What was heard of since the last call, for the leader.
    pub fn take_touches(&mut self) -> Vec<u8> {
        let now_us = self.clock.now_us();
        let since_us = core::mem::replace(&mut self.touches.reported_us, now_us);
        let mut out = Vec::new();
        for session in self.touches.arriving.drain(..) {
            out.put_i64(session);
            out.put_u32(0);
        }
        for connection in self.connections.iter() {
            let has_session =
                !matches!(connection.state, State::Handshake | State::Opening | State::Closed);
            if has_session && !connection.read_only && connection.touched_us >= since_us {
                let age_ms = (now_us - connection.touched_us) / 1000;
                out.put_i64(connection.session);
                out.put_u32(u32::try_from(age_ms).unwrap_or(u32::MAX));
            }
        }
        out
    }

    /// What another node heard. All of it is read before any of it counts.
    pub fn merge_touches(&mut self, touches: &[u8], now_us: i64) -> Result<(), Malformed> {
        self.seen_us = now_us;
        let (records, rest) = touches.as_chunks::<TOUCH_BYTES>();
        if !rest.is_empty() {
            return Err(Malformed);
        }
        for record in records {
            let mut reader = Reader::new(record);
            let (session, age_ms) = (reader.i64()?, reader.u32()?);
            self.clock.heard(session, i64::from(age_ms) * 1000);
        }
        Ok(())
    }
}

const TOUCH_BYTES: usize = 8 + 4;
