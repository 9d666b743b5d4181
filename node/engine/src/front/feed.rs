//! A connection's beginning, its bytes, its end.

use super::connections::{Pause, State};
use super::flow::{Obstacle, obstacle};
use super::limits::HANDSHAKE_US_MAX;
use super::splitter::{BadLength, Cut};
use super::{Action, Front};
use crate::auth::AuthId;

impl Front {
    /// A client connected; answers the connection's id.
    pub fn connect(&mut self, address: &str, now_us: i64) -> u64 {
        let mut ids = vec![AuthId { scheme: "ip".into(), id: address.into() }];
        if self.config.skip_acl {
            ids.push(super::auth_sets::super_id());
        }
        let auth = self.auth_sets.acquire(ids);
        let touched_us = self.clock.now_us();
        let connection = self.connections.insert(address, auth, touched_us);
        connection.statistics.established_us = now_us;
        let id = connection.id;
        self.handshakes.push_back((touched_us + HANDSHAKE_US_MAX, id));
        self.statistics.connections_accepted += 1;
        id
    }

    /// Takes one socket read. What can be answered is in `take_output` of this connection
    /// afterwards.
    ///
    /// Input that is kept back because its answers are many, or took long, goes on with the next call,
    /// which may bring no bytes; the driver is told to stop reading, once for every call that keeps
    /// some back. What is kept back because too much is outstanding goes on when the log has answered.
    pub fn feed(&mut self, id: u64, data: &[u8], now_us: i64) {
        self.seen_us = now_us;
        self.begin_turn();
        let touched_us = self.clock.now_us();
        let Some(mut connection) = self.connections.get_mut(id) else { return };
        // Without bytes too: then answers have left, so there is somebody who takes them.
        connection.touched_us = touched_us;
        self.statistics.bytes_received += data.len() as u64;
        if connection.state == State::Closed {
            return;
        }
        // What is written now is fetched with this call: it need not be listed as dirty.
        let was_dirty = core::mem::replace(&mut connection.dirty, true);
        if connection.pause != Pause::Not {
            self.go_on(id, now_us);
            let Some(again) = self.connections.get_mut(id) else { return };
            connection = again;
        }
        if takes_input(connection.state) {
            let is_free = obstacle(connection, &self.config, false) == Obstacle::Nothing;
            if is_free && connection.held.is_empty() {
                self.consume(id, data, now_us);
            } else {
                connection.held.extend_from_slice(data);
                self.consume_held(id, now_us);
            }
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.dirty = was_dirty;
        if connection.stopped {
            self.read_again(id);
        } else {
            self.stop_when_full(id);
        }
    }

    /// Goes on with what was kept back.
    pub(super) fn consume_held(&mut self, id: u64, now_us: i64) {
        let worked = self.has_worked_enough();
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.held.is_empty() || !takes_input(connection.state) {
            return;
        }
        match obstacle(connection, &self.config, worked) {
            Obstacle::Nothing => {
                let held = core::mem::take(&mut connection.held);
                self.consume(id, &held, now_us);
            }
            Obstacle::Feed if connection.pause == Pause::Not => self.pause(id, Pause::Input),
            Obstacle::Feed | Obstacle::Log => {}
        }
    }

    /// Cuts bytes into frames and handles each, until the connection takes no more.
    fn consume(&mut self, id: u64, data: &[u8], now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let mut splitter = core::mem::take(&mut connection.splitter);
        let mut rest = data;
        loop {
            match splitter.next(&mut rest, self.config.frame_bytes_max) {
                Ok(Cut::Whole(frame)) => self.on_frame(id, frame, now_us),
                Ok(Cut::Gathered) => self.on_frame(id, splitter.gathered(), now_us),
                Ok(Cut::Unfinished) => break,
                Err(BadLength(length)) => {
                    self.statistics.large_requests_refused += 1;
                    let max = self.config.frame_bytes_max;
                    let reason = format!("a frame of {length} bytes; 0 to {max} are allowed");
                    self.end(id, Action::Close, reason);
                    break;
                }
            }
            let worked = self.has_worked_enough();
            let Some(connection) = self.connections.get_mut(id) else { break };
            match obstacle(connection, &self.config, worked) {
                Obstacle::Nothing if connection.state == State::Open => continue,
                Obstacle::Nothing => {}
                Obstacle::Log => connection.held.extend_from_slice(rest),
                Obstacle::Feed if rest.is_empty() => {}
                Obstacle::Feed => {
                    connection.held.extend_from_slice(rest);
                    self.pause(id, Pause::Input);
                }
            }
            break;
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.splitter = splitter;
        }
    }

    fn on_frame(&mut self, id: u64, frame: &[u8], now_us: i64) {
        self.statistics.received += 1;
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.statistics.received += 1;
        if connection.state == State::Handshake {
            self.on_connect_request(id, frame, now_us);
        } else {
            self.on_request(id, frame, now_us);
        }
    }

    /// The socket is gone. Watches go with it; the session stays until its deadline.
    pub fn disconnect(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(id) else { return };
        self.watches.disconnect(id);
        self.clock.disconnect(connection.session, id);
        self.auth_sets.release(connection.auth);
        self.outstanding -= connection.outstanding();
        self.read_stopped_again();
    }
}

const fn takes_input(state: State) -> bool {
    !matches!(state, State::Draining | State::Leaving | State::Closed)
}
