//! How replies and events are written into the buffers of their connections, and handed out.

use super::Front;
use super::connections::{Answer, Connection, Pending, State};
use super::limits::{BUFFER_KEPT_BYTES_MAX, BUFFERS_KEPT_MAX};
use super::{Action, Cow};
use crate::error::ErrorCode;
use crate::jute::{Writer, patch_i32};

/// Bytes of a reply in front of its body: length, xid, zxid, err.
pub const REPLY_HEADER_BYTES: usize = 4 + 4 + 8 + 4;
const ERROR_AT: usize = 4 + 4 + 8;
const EVENT_XID: i32 = -1;
/// The one state that a server tells: connected.
const SYNC_CONNECTED: i32 = 3;

/// Why a connection is cut off that asks for more than it may have unsent.
pub const UNSENT_TOO_MUCH: &str = "asks for more at once than client.unsent_bytes_max";

/// Writes a header with room for its length; answers where it began.
pub fn begin_reply(out: &mut Vec<u8>, xid: i32, zxid: i64) -> usize {
    let at = out.len();
    let mut header = [0; REPLY_HEADER_BYTES];
    header[4..8].copy_from_slice(&xid.to_be_bytes());
    header[8..16].copy_from_slice(&zxid.to_be_bytes());
    out.extend_from_slice(&header);
    at
}

/// Fills in the length; an error takes back whatever body was written.
pub fn end_reply(out: &mut Vec<u8>, at: usize, error: ErrorCode) {
    if error != ErrorCode::OK {
        out.truncate(at + REPLY_HEADER_BYTES);
        patch_i32(out, at + ERROR_AT, error.0);
    }
    let length = (out.len() - at - 4) as i32;
    patch_i32(out, at, length);
}

/// Writes one watch event.
pub fn put_event(out: &mut Vec<u8>, kind: i32, zxid: i64, path: &str) {
    let at = begin_reply(out, EVENT_XID, zxid);
    out.put_i32(kind);
    out.put_i32(SYNC_CONNECTED);
    out.put_string(path);
    end_reply(out, at, ErrorCode::OK);
}

impl Front {
    /// Everything to be written to one connection; give the buffer back with `recycle`.
    pub fn take_output(&mut self, id: u64) -> Vec<u8> {
        let Some(connection) = self.connections.get_mut(id) else { return Vec::new() };
        let out = core::mem::take(&mut connection.out);
        if out.len() > self.config.unsent_bytes_max {
            self.end(id, Action::Abort, UNSENT_TOO_MUCH);
            return Vec::new();
        }
        if !out.is_empty() {
            self.statistics.bytes_sent += out.len() as u64;
            self.statistics.written_bytes.add(out.len() as i64);
        }
        out
    }

    /// A reply buffer whose bytes were passed on.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if capacity > 0
            && capacity <= BUFFER_KEPT_BYTES_MAX
            && self.buffers.len() < BUFFERS_KEPT_MAX
        {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// The next connection that has something to be written, and what.
    pub fn take_reply(&mut self) -> Option<(u64, Vec<u8>)> {
        while let Some(id) = self.dirty.pop() {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.dirty = false;
                // What was dirty may have been fetched by a `feed` in between.
                let out = self.take_output(id);
                if !out.is_empty() {
                    return Some((id, out));
                }
            }
        }
        None
    }

    /// The buffer of a connection becomes a real one, and it is noted for `take_reply`.
    pub(super) fn mark_dirty(
        buffers: &mut Vec<Vec<u8>>,
        dirty: &mut Vec<u64>,
        connection: &mut Connection,
    ) {
        if connection.out.capacity() == 0 {
            connection.out = buffers.pop().unwrap_or_default();
        }
        if !connection.dirty {
            connection.dirty = true;
            dirty.push(connection.id);
        }
    }

    /// Answers now, if nothing is pending before it; else in its turn.
    pub(super) fn answer_in_turn(&mut self, id: u64, pending: Pending) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.queue.is_empty() {
            self.run(id, &pending, pending.start_us);
        } else {
            connection.push(pending);
            self.outstanding += 1;
        }
    }

    /// Writes a reply that is a header only.
    pub(super) fn write_answer(&mut self, id: u64, xid: i32, answer: Answer) {
        let zxid = if answer.without_zxid { 0 } else { self.machine.last_zxid() };
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.state != State::Closed {
            Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
            let at = begin_reply(&mut connection.out, xid, zxid);
            end_reply(&mut connection.out, at, answer.error);
        }
        if let Some(reason) = answer.then_close {
            self.end(id, Action::Close, reason);
        }
    }

    /// Orders the end of a connection. Nothing is written to it after this.
    pub(super) fn end(&mut self, id: u64, action: Action, reason: impl Into<Cow<'static, str>>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.state == State::Closed {
            return;
        }
        connection.state = State::Closed;
        connection.held = Vec::new();
        self.outstanding -= connection.outstanding();
        connection.queue.clear();
        if action == Action::Abort {
            connection.out = Vec::new();
        }
        self.statistics.connections_dropped += u64::from(action == Action::Abort);
        self.actions.push((id, action, reason.into()));
    }
}
