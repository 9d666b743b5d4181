//! What becomes of a frame: a session is asked for, a write is gathered, the rest is answered in
//! turn.

use super::auth_sets::authenticate;
use super::batch::WriteHeader;
use super::connections::{Answer, Asked, Pending, State, Waiting};
use super::handshake::{ConnectRequest, ConnectResponse, passwords_agree};
use super::leaderless::is_local;
use super::limits::ARRIVING_MAX;
use super::{Action, Config, Front};
use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader};
use crate::machine::{STEPS_PER_PATH, asks_for_ttl};
use crate::ops;

/// Bytes that are hashed, and copied a few times, in a step of work.
const HASHED_PER_STEP: usize = 8;

/// Who answers an operation that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// The log.
    Write,
    /// This node, from its state.
    Local,
    /// This node, once it knows what all others wrote.
    Sync,
    Auth,
    Unknown,
}

const fn class_of(op: i32) -> Class {
    match op {
        ops::CREATE
        | ops::DELETE
        | ops::SET_DATA
        | ops::SET_ACL
        | ops::MULTI
        | ops::CREATE2
        | ops::RECONFIG
        | ops::CREATE_CONTAINER
        | ops::CREATE_TTL
        | ops::CLOSE_SESSION => Class::Write,
        ops::EXISTS
        | ops::GET_DATA
        | ops::GET_ACL
        | ops::GET_CHILDREN
        | ops::GET_CHILDREN2
        | ops::PING
        | ops::CHECK_WATCHES
        | ops::REMOVE_WATCHES
        | ops::MULTI_READ
        | ops::SET_WATCHES
        | ops::SET_WATCHES2
        | ops::GET_EPHEMERALS
        | ops::GET_ALL_CHILDREN_NUMBER
        | ops::ADD_WATCH
        | ops::WHO_AM_I => Class::Local,
        ops::SYNC => Class::Sync,
        ops::AUTH => Class::Auth,
        _ => Class::Unknown,
    }
}

/// What `linearizable_reads` is about: answers that tell what is in the tree.
const fn shows_state(op: i32) -> bool {
    matches!(
        op,
        ops::EXISTS
            | ops::GET_DATA
            | ops::GET_ACL
            | ops::GET_CHILDREN
            | ops::GET_CHILDREN2
            | ops::MULTI_READ
            | ops::GET_EPHEMERALS
            | ops::GET_ALL_CHILDREN_NUMBER
    )
}

impl Front {
    /// The first frame: a session is created or attached through the log, or the client is refused.
    pub(super) fn on_connect_request(&mut self, id: u64, frame: &[u8], now_us: i64) {
        let Ok(request) = ConnectRequest::decode(frame) else {
            self.statistics.handshakes_refused += 1;
            return self.end(id, Action::Close, "the first frame is no ConnectRequest");
        };
        if let Some(reason) = self.why_not_serve(&request) {
            self.statistics.handshakes_refused += 1;
            return self.end(id, Action::Close, reason);
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.has_read_only = request.has_read_only;
        }
        if self.read_only() {
            if !self.serve_read_only(id, &request) {
                self.statistics.handshakes_refused += 1;
                self.end(id, Action::Close, "no leader is known here");
            }
            return;
        }
        let body = self.granted_timeout_ms(&request).to_be_bytes();
        if request.session == 0 {
            return self.ask_for_session(id, 0, ops::CREATE_SESSION, &body, now_us);
        }
        if self.is_owner(&request) {
            self.statistics.sessions_revalidated += 1;
            return self.ask_for_session(id, request.session, ops::ATTACH_SESSION, &body, now_us);
        }
        self.refuse_session(id, "wrong password");
    }

    /// Whether it is a session's own client that asks. This node may not have heard of the session yet:
    /// the log knows whether it lives.
    pub(super) fn is_owner(&self, request: &ConnectRequest<'_>) -> bool {
        passwords_agree(self.machine.password(request.session), request.password)
    }

    /// The timeout is negotiated at every connect, for a session taken up again too.
    pub(super) fn granted_timeout_ms(&self, request: &ConnectRequest<'_>) -> i32 {
        let Config { min_session_timeout_ms, max_session_timeout_ms, .. } = self.config;
        request.timeout_ms.clamp(min_session_timeout_ms, max_session_timeout_ms)
    }

    fn why_not_serve(&self, request: &ConnectRequest<'_>) -> Option<String> {
        if !self.machine.bootstrapped() {
            return Some("the cluster is not bootstrapped".into());
        }
        if self.draining {
            return Some("the node is being drained".into());
        }
        if let Some(reason) = &self.refusing {
            return Some(format!("no sessions while writes are refused: {reason}"));
        }
        let (seen, here) = (request.last_zxid_seen, self.machine.last_zxid());
        (seen > here).then(|| format!("the client has seen zxid {seen:#x}, this node {here:#x}"))
    }

    fn ask_for_session(&mut self, id: u64, session: i64, op: i32, body: &[u8], now_us: i64) {
        // Lest its expiry gets into the log behind the request that takes it up again.
        self.clock.touch(session);
        if !self.leading && session != 0 && self.touches.arriving.len() < ARRIVING_MAX {
            self.touches.arriving.push(session);
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.state = State::Opening;
        connection.push(Pending { xid: 0, op, start_us: now_us, what: Waiting::Write });
        self.outstanding += 1;
        let header = WriteHeader { conn: id, session, xid: 0, op, auth: connection.auth };
        self.batches.push(&mut self.auth_sets, header, body);
    }

    /// Tells the client that its session is gone, which makes it ask for a new one.
    pub(super) fn refuse_session(&mut self, id: u64, reason: &'static str) {
        if let Some(connection) = self.connections.get_mut(id) {
            Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
            ConnectResponse::REFUSED.encode(connection.has_read_only, &mut connection.out);
        }
        self.statistics.handshakes_refused += 1;
        self.end(id, Action::Close, reason);
    }

    pub(super) fn on_request(&mut self, id: u64, frame: &[u8], now_us: i64) {
        let Ok((xid, op, body)) = split_header(frame) else {
            return self.end(id, Action::Close, "a frame without a request header");
        };
        match class_of(op) {
            Class::Local => self.on_local(id, xid, op, body, now_us),
            Class::Write => self.on_write(id, xid, op, body, now_us),
            Class::Sync => self.on_sync(id, xid, body, now_us),
            Class::Auth => self.on_auth(id, xid, body, now_us),
            Class::Unknown => {
                let answer = Answer::error(ErrorCode::UNIMPLEMENTED);
                self.answer_later(id, xid, op, answer, now_us);
            }
        }
    }

    fn on_local(&mut self, id: u64, xid: i32, op: i32, body: &[u8], now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if self.config.linearizable_reads && shows_state(op) && !connection.read_only {
            return self.wait_for_barrier(id, (xid, op), body, now_us);
        }
        if connection.queue.is_empty() {
            self.run_local(id, xid, op, body);
            self.account(id, xid, op, 0, now_us);
        } else {
            let weight = self.machine.weight(op, body.len(), connection.session);
            let what = Waiting::Local(Asked { body: body.into(), weight });
            connection.push(Pending { xid, op, start_us: now_us, what });
            self.outstanding += 1;
            self.statistics.reads_behind_writes += 1;
        }
    }

    fn on_sync(&mut self, id: u64, xid: i32, body: &[u8], now_us: i64) {
        if self.connections.get(id).is_some_and(|connection| connection.read_only) {
            return self.on_read_only_write(id, xid, ops::SYNC, now_us);
        }
        self.wait_for_barrier(id, (xid, ops::SYNC), body, now_us);
    }

    /// Only a session that nobody else knows can end here.
    fn on_read_only_write(&mut self, id: u64, xid: i32, op: i32, now_us: i64) {
        let mut answer = Answer::error(ErrorCode::NOT_READ_ONLY);
        if let Some(connection) = self.connections.get_mut(id)
            && op == ops::CLOSE_SESSION
            && is_local(connection.session)
        {
            connection.state = State::Draining;
            answer = Answer { then_close: Some(""), ..Answer::error(ErrorCode::OK) };
        }
        self.answer_later(id, xid, op, answer, now_us);
    }

    fn on_write(&mut self, id: u64, xid: i32, op: i32, body: &[u8], now_us: i64) {
        if self.connections.get(id).is_some_and(|connection| connection.read_only) {
            return self.on_read_only_write(id, xid, op, now_us);
        }
        if self.refusing.is_some() {
            let answer = Answer::error(ErrorCode::SYSTEM_ERROR);
            return self.answer_later(id, xid, op, answer, now_us);
        }
        if op == ops::RECONFIG && self.config.reconfig_enabled {
            return self.on_reconfig(id, xid, body, now_us);
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        if op == ops::CLOSE_SESSION {
            connection.state = State::Draining;
        }
        connection.push(Pending { xid, op, start_us: now_us, what: Waiting::Write });
        self.outstanding += 1;
        let (session, auth) = (connection.session, connection.auth);
        let header = WriteHeader { conn: id, session, xid, op, auth };
        let mut push = |op, body| {
            self.batches.push(&mut self.auth_sets, WriteHeader { op, ..header }, body);
        };
        match disabled(&self.config, op, body) {
            None => push(op, body),
            Some(_) if op == ops::MULTI => push(ops::MULTI_WITHOUT_TTL, body),
            Some(code) => push(ops::ERROR, &code.0.to_be_bytes()),
        }
    }

    /// An auth packet holds for every request after it; its answer waits for its turn.
    fn on_auth(&mut self, id: u64, xid: i32, body: &[u8], now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let own = own_ids(self.auth_sets.ids(connection.auth), self.config.skip_acl);
        let bytes: usize = own.iter().map(|who| who.id.len()).sum();
        self.machine.add_steps(own.len() * STEPS_PER_PATH + (bytes + body.len()) / HASHED_PER_STEP);
        let mut answer = Answer::error(ErrorCode::OK);
        answer.without_zxid = true;
        if let Some(mut ids) = authenticate(own, body, &self.config.super_digest) {
            if self.config.skip_acl {
                ids.push(super::auth_sets::super_id());
            }
            let before = core::mem::replace(&mut connection.auth, self.auth_sets.acquire(ids));
            self.auth_sets.release(before);
        } else {
            connection.state = State::Draining;
            answer.error = ErrorCode::AUTH_FAILED;
            answer.then_close = Some("authentication failed");
            self.statistics.auth_failed += 1;
        }
        self.answer_later(id, xid, ops::AUTH, answer, now_us);
    }

    fn answer_later(&mut self, id: u64, xid: i32, op: i32, answer: Answer, now_us: i64) {
        let what = Waiting::Answer(answer);
        self.answer_in_turn(id, Pending { xid, op, start_us: now_us, what });
    }
}

/// The ids a connection has for itself: without the one that `skip_acl` puts at the end.
pub(super) fn own_ids(ids: &[AuthId], skip_acl: bool) -> &[AuthId] {
    if skip_acl { &ids[..ids.len().saturating_sub(1)] } else { ids }
}

/// What counts as a write in the statistics.
pub(super) fn is_write(op: i32) -> bool {
    class_of(op) == Class::Write || matches!(op, ops::CREATE_SESSION | ops::ATTACH_SESSION)
}

/// The code that a request, or something in a multi, is to end with because of this node's configuration.
/// The other nodes may be configured otherwise, so the log gets the outcome instead of the request.
fn disabled(config: &Config, op: i32, body: &[u8]) -> Option<ErrorCode> {
    if op == ops::RECONFIG && !config.reconfig_enabled {
        return Some(ErrorCode::RECONFIG_DISABLED);
    }
    (!config.ttl_enabled && asks_for_ttl(op, body)).then_some(ErrorCode::UNIMPLEMENTED)
}

fn split_header(frame: &[u8]) -> Result<(i32, i32, &[u8]), Malformed> {
    let mut reader = Reader::new(frame);
    Ok((reader.i32()?, reader.i32()?, reader.rest()))
}
