//! reconfig, another door to a change of the membership, which this node's driver carries out.
//!
//! It is no write of the state machine: the membership has entries of its own in the log. The request
//! is handed out, and its connection takes nothing more until the driver says how it ended; then it is
//! answered in its turn, as a read of /zookeeper/config would be. A connection has one at a time.

use super::Front;
use super::connections::{Answer, Asked, Pending, State, Waiting};
use super::replies::put_event;
use crate::error::ErrorCode;
use crate::jute::Writer;
use crate::machine::{CONFIG_PATH, EventKind};
use crate::ops;

impl Front {
    /// Hands the request out, if its sender may write /zookeeper/config.
    pub(super) fn on_reconfig(&mut self, id: u64, xid: i32, body: &[u8], now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mut what = Waiting::Reconfig;
        if self.machine.may_reconfigure(self.auth_sets.ids(connection.auth)) {
            connection.state = State::Reconfiguring;
            self.reconfigs.push((id, body.into()));
        } else {
            what = Waiting::Answer(Answer::error(ErrorCode::NO_AUTH));
        }
        let pending = Pending { xid, op: ops::RECONFIG, start_us: now_us, what };
        if matches!(pending.what, Waiting::Answer(_)) {
            return self.answer_in_turn(id, pending);
        }
        connection.push(pending);
        self.outstanding += 1;
    }

    /// `take_reconfigs` has something.
    pub const fn wants_reconfigs(&self) -> bool {
        !self.reconfigs.is_empty()
    }

    /// (connection, body of the request) of those that came since the last call.
    pub fn take_reconfigs(&mut self) -> Vec<(u64, Box<[u8]>)> {
        core::mem::take(&mut self.reconfigs)
    }

    /// How it ended. The answer of a success is /zookeeper/config as this node serves it by now.
    pub fn answer_reconfig(&mut self, id: u64, error: i32, now_us: i64) {
        self.seen_us = now_us;
        self.begin_turn();
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.state != State::Reconfiguring {
            return;
        }
        connection.state = State::Open;
        if let Some(last) = connection.queue.back_mut() {
            last.what = if error == ErrorCode::OK.0 {
                last.op = ops::GET_DATA;
                let mut body = Vec::new();
                body.put_string(CONFIG_PATH);
                body.put_bool(false);
                Waiting::Local(Asked { body: body.into(), weight: 0 })
            } else {
                Waiting::Answer(Answer::error(ErrorCode(error)))
            };
        }
        self.answer_waiting(id, now_us);
        self.consume_held(id, now_us);
        self.stop_when_full(id);
        self.read_stopped_again();
    }

    /// The data of /zookeeper/config as this node serves it. Whoever watches it, and may read it, hears of
    /// a change.
    pub fn set_config(&mut self, data: &[u8]) {
        if !self.machine.set_config(data) {
            return;
        }
        let Self { machine, connections, watches, auth_sets, statistics, .. } = self;
        let Some(acl) = machine.stamps(CONFIG_PATH).map(|stamps| stamps.acl) else { return };
        watches.fire(EventKind::DataChanged, CONFIG_PATH, &mut self.reached);
        for &id in &self.reached {
            let Some(connection) = connections.get_mut(id) else { continue };
            if connection.state == State::Closed
                || !machine.can_read(acl, auth_sets.ids(connection.auth))
            {
                continue;
            }
            Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
            let (kind, zxid) = (EventKind::DataChanged as i32, machine.last_zxid());
            put_event(&mut connection.out, kind, zxid, CONFIG_PATH);
            connection.statistics.sent += 1;
            statistics.sent += 1;
            statistics.events[EventKind::DataChanged as usize - 1] += 1;
        }
    }
}
