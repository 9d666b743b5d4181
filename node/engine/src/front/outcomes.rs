//! What the log brings back: events go out, then the reply, then the reads that waited behind it.

use super::connections::{Connection, Pause, Pending, State, Waiting};
use super::flow::has_enough;
use super::handshake::ConnectResponse;
use super::replies::{begin_reply, end_reply, put_event};
use super::{Action, Front, Refusal};
use crate::auth::AuthId;
use crate::entry::{Entry, Request};
use crate::jute::Malformed;
use crate::machine::{Effects, Verdict};
use crate::ops;

impl Front {
    /// Applies one committed entry. An empty payload is an entry without requests.
    ///
    /// After an error the state must not be used any more: part of the entry may be applied.
    pub fn apply(&mut self, index: u64, payload: &[u8], now_us: i64) -> Result<(), Refusal> {
        self.seen_us = now_us;
        self.begin_turn();
        if payload.is_empty() {
            self.begin(index, None)?;
            self.run_passed(now_us);
            self.read_stopped_again();
            return Ok(());
        }
        let entry = Entry::decode(payload)?;
        self.begin(index, Some(entry.time_ms))?;
        if entry.enforces_quotas {
            self.machine.enforce_quotas();
        }
        for mut group in entry.groups {
            let verdict = self.machine.admit(group.id);
            if verdict != Verdict::Apply {
                self.skip(group.id, verdict);
                continue;
            }
            while let Some(request) = group.next_request()? {
                let auth = group.auth_lists.get(request.auth as usize).ok_or(Malformed)?;
                self.apply_request(&request, auth, now_us)?;
            }
        }
        self.statistics.commits += 1;
        self.run_passed(now_us);
        self.read_stopped_again();
        Ok(())
    }

    fn begin(&mut self, index: u64, time_ms: Option<i64>) -> Result<(), Refusal> {
        self.machine.begin(index, time_ms).map_err(|why| Refusal(why.to_string().into()))
    }

    fn apply_request(
        &mut self,
        request: &Request<'_>,
        auth: &[AuthId],
        now_us: i64,
    ) -> Result<(), Refusal> {
        let ours = request.origin == self.config.origin;
        if ours && request.conn != 0 && self.barriers.has_waiting() {
            self.answer_ahead(request.conn, now_us);
        }
        let mut effects = core::mem::take(&mut self.effects);
        self.machine.apply(request, auth, &mut effects);
        self.deliver_events(&effects);
        self.follow_sessions(&effects);
        let mut outcome = Ok(());
        if ours && request.conn != 0 {
            outcome = self.answer_write(request, &effects, now_us);
        } else if ours && request.op == ops::COLLECT {
            self.collecting = self.collecting.saturating_sub(1);
        }
        self.end_sessions(request, &effects);
        self.effects = effects;
        outcome
    }

    /// Tells every connection that watches, and may read, what changed.
    fn deliver_events(&mut self, effects: &Effects) {
        let Self { machine, connections, watches, auth_sets, buffers, dirty, .. } = self;
        for event in &effects.events {
            let path = effects.path(event);
            watches.fire(event.kind, path, &mut self.reached);
            for &id in &self.reached {
                let Some(connection) = connections.get_mut(id) else { continue };
                if connection.state == State::Closed
                    || !machine.can_read(event.acl, auth_sets.ids(connection.auth))
                {
                    continue;
                }
                Self::mark_dirty(buffers, dirty, connection);
                put_event(&mut connection.out, event.kind as i32, effects.zxid, path);
                connection.statistics.sent += 1;
                self.statistics.sent += 1;
                self.statistics.events[event.kind as usize - 1] += 1;
            }
        }
    }

    /// Starts the clocks of sessions that were opened or attached, wherever that was.
    fn follow_sessions(&mut self, effects: &Effects) {
        if let Some(opened) = &effects.session_opened {
            self.clock.open(opened.session, opened.timeout_ms);
        }
        if let Some(attached) = &effects.attached {
            self.clock.open(attached.session, attached.timeout_ms);
            if let Some((origin, conn)) = attached.previous_owner
                && origin == self.config.origin
            {
                self.end(conn, Action::Abort, "its session moved to another connection");
            }
        }
    }

    fn answer_write(
        &mut self,
        request: &Request<'_>,
        effects: &Effects,
        now_us: i64,
    ) -> Result<(), Refusal> {
        let id = request.conn;
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        if connection.state == State::Closed {
            return Ok(());
        }
        let pending = connection
            .pop()
            .filter(|pending| pending.xid == request.xid && matches!(pending.what, Waiting::Write));
        let Some(pending) = pending else {
            return Err(Refusal("a write came back that its connection does not wait for".into()));
        };
        self.outstanding -= 1;
        self.statistics.quota_exceeded += u64::from(effects.over_quota);
        match request.op {
            ops::CREATE_SESSION | ops::ATTACH_SESSION => self.open_session(id, effects, now_us),
            _ if effects.moved => {
                self.end(id, Action::Abort, "its session moved to another connection");
            }
            _ => {
                Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
                let at = begin_reply(&mut connection.out, request.xid, effects.zxid);
                connection.out.extend_from_slice(&effects.body);
                end_reply(&mut connection.out, at, effects.error);
            }
        }
        self.account(id, pending.xid, pending.op, now_us - pending.start_us, now_us);
        if pending.op == ops::CLOSE_SESSION {
            self.end(id, Action::Close, "");
        }
        self.answer_waiting(id, now_us);
        Ok(())
    }

    /// Answers what waited, up to the next write, a barrier that is not passed, or a change of the
    /// membership; or as much as may be at once, if no write waits behind it. What is before a write
    /// has to be answered before that is applied.
    pub(super) fn answer_waiting(&mut self, id: u64, now_us: i64) {
        let mut may_pause = None;
        loop {
            let worked = self.has_worked_enough();
            let Some(connection) = self.connections.get_mut(id) else { return };
            if connection.pause == Pause::Answers {
                return;
            }
            match connection.queue.front() {
                None => return self.leave_when_answered(id),
                Some(Pending { what: Waiting::Write | Waiting::Reconfig, .. }) => return,
                Some(Pending { what: Waiting::Barrier(token, _), .. })
                    if !self.barriers.has_passed(*token) =>
                {
                    return;
                }
                Some(_) => {}
            }
            if (worked || has_enough(connection))
                && *may_pause.get_or_insert_with(|| !has_writes(connection))
            {
                return self.pause(id, Pause::Answers);
            }
            if let Some(pending) = connection.pop() {
                self.outstanding -= 1;
                self.run(id, &pending, now_us);
            }
        }
    }

    /// The log granted a session, or not: the handshake ends.
    fn open_session(&mut self, id: u64, effects: &Effects, now_us: i64) {
        let opened = effects.session_opened.as_ref();
        let granted = opened
            .map(|o| (o.session, o.timeout_ms, o.password))
            .or_else(|| effects.attached.as_ref().map(|a| (a.session, a.timeout_ms, a.password)));
        let Some((session, timeout_ms, password)) = granted else {
            return self.refuse_session(id, "the session ended while it was being attached");
        };
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.state = State::Open;
        connection.session = session;
        connection.timeout_ms = timeout_ms;
        Self::mark_dirty(&mut self.buffers, &mut self.dirty, connection);
        let response = ConnectResponse { timeout_ms, session, password, read_only: false };
        response.encode(connection.has_read_only, &mut connection.out);
        self.clock.attach(session, id);
        self.consume_held(id, now_us);
        self.stop_when_full(id);
    }

    /// Sessions that are over take their connections with them.
    fn end_sessions(&mut self, request: &Request<'_>, effects: &Effects) {
        for &session in &effects.sessions_closed {
            if let Some(conn) = self.clock.conn(session) {
                self.end(conn, Action::Close, "its session expired");
            }
            self.clock.close(session);
        }
        if request.op == ops::EXPIRE_SESSIONS {
            self.statistics.sessions_expired += effects.sessions_closed.len() as u64;
        }
    }

    /// Counts one answer.
    pub(super) fn account(&mut self, id: u64, xid: i32, op: i32, latency_us: i64, now_us: i64) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Connection { statistics: own, .. } = connection;
        own.sent += 1;
        own.last_op = op;
        own.last_response_us = now_us;
        own.last_zxid = self.machine.last_zxid();
        own.latency.add(latency_us);
        if xid >= 0 {
            own.last_cxid = xid;
        }
        let all = &mut self.statistics;
        all.sent += 1;
        all.all.add(latency_us);
        if super::requests::is_write(op) {
            all.writes.add(latency_us);
        } else {
            all.reads.add(latency_us);
        }
    }
}

fn has_writes(connection: &Connection) -> bool {
    connection.queue.iter().any(|pending| matches!(pending.what, Waiting::Write))
}
