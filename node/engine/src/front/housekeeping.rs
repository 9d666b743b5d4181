//! What is not caused by a client: the session clock, collection, refusal of writes, snapshots.

use std::collections::BTreeMap;

use super::auth_sets::NOBODY;
use super::batch::WriteHeader;
use super::connections::{Answer, State, Waiting};
use super::limits::COLLECT_MAX;
use super::{Action, Front, Refusal};
use crate::entry::{Entry, GroupBuilder};
use crate::error::ErrorCode;
use crate::jute::{Malformed, Writer};
use crate::machine::Damaged;
use crate::ops;

impl Front {
    /// The first entry of a new cluster.
    pub fn bootstrap_entry(
        &self,
        cluster_id: &[u8],
        secret: &[u8],
        first_session: i64,
        now_ms: i64,
    ) -> Vec<u8> {
        let mut body = Vec::with_capacity(64);
        body.put_buf(Some(cluster_id));
        body.put_buf(Some(secret));
        body.put_i64(first_session);
        let mut group = GroupBuilder::default();
        let auth = group.add_auth(&[]).unwrap_or_default();
        group.push(0, 0, 0, ops::BOOTSTRAP, auth, &body);
        group.seal(self.config.origin, now_ms)
    }

    /// Moves the session clock. Sessions past their deadline go into the next batch, as one
    /// request.
    pub fn tick(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.clock.advance(now_us);
        self.watches.sweep();
        self.end_late_handshakes();
        // While writes are refused no session may end: its client could not have kept it alive
        // through another node either, and the expiry could not be written.
        if self.refusing.is_some() || !self.machine.bootstrapped() {
            return;
        }
        let mut expired = Vec::new();
        let connections = &self.connections;
        self.clock.expired(|conn| connections.get(conn).map(|c| c.touched_us), &mut expired);
        if expired.is_empty() {
            return;
        }
        let mut body = Vec::with_capacity(4 + 8 * expired.len());
        body.put_i32(expired.len() as i32);
        for session in expired {
            body.put_i64(session);
        }
        self.push_own(ops::EXPIRE_SESSIONS, &body);
    }

    fn end_late_handshakes(&mut self) {
        let now_us = self.clock.now_us();
        while let Some(&(_, id)) = self.handshakes.front().filter(|(due_us, _)| *due_us <= now_us) {
            self.handshakes.pop_front();
            if self.connections.get(id).is_some_and(|c| c.state == State::Handshake) {
                self.end(id, Action::Close, "it never asked for a session");
            }
        }
    }

    /// Puts removable containers and outlived TTL nodes into the next batch; answers how many.
    pub fn collect(&mut self, now_ms: i64) -> usize {
        if self.collecting > 0 || self.refusing.is_some() {
            return 0;
        }
        let mut found = Vec::new();
        self.machine.collectable(now_ms, COLLECT_MAX, &mut found);
        for (path, czxid) in &found {
            let mut body = Vec::with_capacity(path.len() + 12);
            body.put_string(path);
            body.put_i64(*czxid);
            self.push_own(ops::COLLECT, &body);
        }
        self.collecting = found.len();
        found.len()
    }

    fn push_own(&mut self, op: i32, body: &[u8]) {
        let header = WriteHeader { conn: 0, session: 0, xid: 0, op, auth: NOBODY };
        self.batches.push(&mut self.auth_sets, header, body);
    }

    /// From now on writes are answered with SYSTEMERROR, gathered ones too; '' allows them again.
    pub fn refuse_writes(&mut self, reason: &str) -> Result<(), Refusal> {
        self.refusing = (!reason.is_empty()).then(|| reason.into());
        if self.refusing.is_some() {
            self.refuse_gathered()?;
            self.read_stopped_again();
        }
        Ok(())
    }

    /// What was gathered and not taken will not reach the log. Its connections are told, each in
    /// its turn: behind writes that were taken, and before requests that waited for the refused
    /// ones.
    fn refuse_gathered(&mut self) -> Result<(), Refusal> {
        let mut refused: BTreeMap<u64, usize> = BTreeMap::new();
        while let Some(payload) = self.batches.seal(self.config.origin, 0) {
            for mut group in Entry::decode(&payload)?.groups {
                while let Some(request) = group.next_request()? {
                    *refused.entry(request.conn).or_default() += 1;
                }
            }
        }
        self.collecting = 0;
        for (id, count) in refused {
            self.refuse_last_writes(id, count);
            self.answer_waiting(id, self.seen_us);
        }
        Ok(())
    }

    fn refuse_last_writes(&mut self, id: u64, count: usize) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.state == State::Opening {
            return self.end(id, Action::Close, "no sessions while writes are refused");
        }
        let writes = connection.queue.iter_mut().rev();
        for pending in writes.filter(|p| matches!(p.what, Waiting::Write)).take(count) {
            let mut answer = Answer::error(ErrorCode::SYSTEM_ERROR);
            if pending.op == ops::CLOSE_SESSION {
                // Nothing is taken from this connection any more, so it must not stay.
                answer.then_close = Some("its session could not be closed");
            }
            pending.what = Waiting::Answer(answer);
        }
    }

    /// Freezes the state; answers its index and zxid.
    pub fn snapshot_begin(&mut self) -> (u64, i64) {
        self.machine.snapshot_begin()
    }

    /// Appends the next piece; nothing at the end.
    pub fn snapshot_next(&mut self, bytes_max: usize, out: &mut Vec<u8>) {
        self.machine.snapshot_next(bytes_max, out);
    }

    pub fn snapshot_abandon(&mut self) {
        self.machine.snapshot_abandon();
    }

    /// Forgets all state. Connections cannot survive that: their watches would miss what changed.
    pub fn restore_begin(&mut self) {
        let ids: Vec<u64> = self.connections.iter().map(|connection| connection.id).collect();
        for id in ids {
            self.end(id, Action::Abort, "the node's state is being replaced");
        }
        self.clock.clear();
        self.machine.restore_begin();
    }

    pub fn restore_piece(&mut self, data: &[u8]) -> Result<(), Refusal> {
        self.machine.restore_piece(data).map_err(Refusal::from)
    }

    /// Checks that all is there, and gives every session its full time.
    pub fn restore_end(&mut self) -> Result<(), Refusal> {
        self.machine.restore_end()?;
        for (session, view) in self.machine.sessions() {
            self.clock.open(session, view.timeout_ms);
        }
        Ok(())
    }

    /// The data of /zookeeper/config as this node serves it.
    pub fn set_config(&mut self, data: &[u8]) {
        self.machine.set_config(data);
    }
}

impl From<Damaged> for Refusal {
    fn from(damaged: Damaged) -> Self {
        let Damaged { offset, what } = damaged;
        Self(format!("the snapshot is damaged at byte {offset}: {what}").into())
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self("the payload of the log entry is malformed".into())
    }
}
