//! A connection's beginning, its bytes, its end; and when it is read and when not.

use super::connections::{Connection, State};
use super::limits::{HANDSHAKE_US_MAX, HELD_BYTES_MAX, OUTPUT_BYTES_MAX};
use super::splitter::{BadLength, Cut};
use super::{Action, Config, Front};
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
    /// Input that is kept back because its answers are many goes on with the next call, which may
    /// bring no bytes; the driver is told to stop reading, once for every call that keeps some
    /// back. What is kept back because too much is outstanding goes on when the log has answered.
    pub fn feed(&mut self, id: u64, data: &[u8], now_us: i64) {
        let touched_us = self.clock.now_us();
        self.seen_us = now_us;
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !data.is_empty() {
            connection.touched_us = touched_us;
            self.statistics.bytes_received += data.len() as u64;
        }
        match connection.state {
            State::Handshake | State::Open => {
                // What is written now is fetched with this call: it need not be listed as dirty.
                let was_dirty = core::mem::replace(&mut connection.dirty, true);
                if connection.held.is_empty() && !keeps_back(connection, &self.config) {
                    self.consume(id, data, now_us);
                } else {
                    connection.held.extend_from_slice(data);
                    self.consume_held(id, now_us);
                }
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.dirty = was_dirty;
                }
            }
            State::Opening | State::Reconfiguring => connection.held.extend_from_slice(data),
            State::Draining | State::Leaving | State::Closed => return,
        }
        if self.connections.get(id).is_some_and(|connection| connection.stopped) {
            self.read_stopped_again();
        } else {
            self.stop_when_full(id);
        }
    }

    /// Goes on with what was kept back.
    pub(super) fn consume_held(&mut self, id: u64, now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.held.is_empty() && !keeps_back(connection, &self.config) {
            let held = core::mem::take(&mut connection.held);
            self.consume(id, &held, now_us);
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
            match self.connections.get_mut(id) {
                Some(connection) if keeps_back(connection, &self.config) => {
                    connection.held.extend_from_slice(rest);
                    break;
                }
                Some(connection) if connection.state == State::Open => {}
                _ => break,
            }
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
        self.outstanding -= connection.queue.len();
        self.read_stopped_again();
    }

    /// Tells the driver to stop reading a connection that reached a bound.
    pub(super) fn stop_when_full(&mut self, id: u64) {
        let full = self.outstanding >= self.config.outstanding_max || self.batches.is_full();
        let Some(connection) = self.connections.get_mut(id) else { return };
        let busy = connection.queue.len() >= self.config.connection_outstanding_max;
        // The driver is asked to come back for these, each time; for the others the log comes back.
        let for_driver = connection.state == State::Open && !busy && !connection.held.is_empty();
        if connection.state == State::Closed || (connection.stopped && !for_driver) {
            return;
        }
        if busy || full || for_driver || connection.held.len() > HELD_BYTES_MAX {
            self.actions.push((id, Action::StopReading, "".into()));
            if !connection.stopped {
                connection.stopped = true;
                self.stopped.push(id);
            }
        }
    }

    /// Goes on with the input of connections that had too much outstanding and have room now.
    fn take_up_kept_back(&mut self) {
        for at in 0..self.stopped.len() {
            let id = self.stopped[at];
            let Some(connection) = self.connections.get(id) else { continue };
            let room = connection.queue.len() <= self.config.connection_outstanding_max / 2;
            if connection.state == State::Open && room && !connection.held.is_empty() {
                self.consume_held(id, self.seen_us);
                self.stop_when_full(id);
            }
        }
    }

    /// Lets connections be read again that were stopped and have room now.
    pub(super) fn read_stopped_again(&mut self) {
        if self.stopped.is_empty()
            || self.outstanding >= self.config.outstanding_max
            || self.batches.is_full()
        {
            return;
        }
        self.take_up_kept_back();
        let Self { stopped, connections, actions, config, .. } = self;
        stopped.retain(|&id| {
            let Some(connection) = connections.get_mut(id) else { return false };
            if connection.state != State::Closed && !has_room(connection, config) {
                return true;
            }
            connection.stopped = false;
            if connection.state != State::Closed {
                actions.push((id, Action::ReadAgain, "".into()));
            }
            false
        });
    }
}

/// Half of the bound must be free again, lest it be stopped and read in turns.
fn has_room(connection: &Connection, config: &Config) -> bool {
    let waits = matches!(connection.state, State::Opening | State::Reconfiguring);
    let held_max = if waits { HELD_BYTES_MAX } else { 0 };
    connection.queue.len() <= config.connection_outstanding_max / 2
        && connection.held.len() <= held_max
}

/// Its session is not there yet, or it waits for a change, or has many answers to take or to get first.
fn keeps_back(connection: &Connection, config: &Config) -> bool {
    match connection.state {
        State::Opening | State::Reconfiguring => true,
        State::Open => {
            connection.out.len() >= OUTPUT_BYTES_MAX
                || connection.queue.len() >= config.connection_outstanding_max
        }
        State::Handshake | State::Draining | State::Leaving | State::Closed => false,
    }
}
