//! What is not caused by a client: the session clock, collection, refusal of writes, snapshots.

use std::collections::BTreeMap;

use super::connections::{Answer, State, Waiting};
use super::limits::{COLLECT_MAX, DECISIONS_BYTES_MAX};
use super::{Action, Front, Refusal};
use crate::entry::{FORMAT, FORMAT_ENFORCING, GroupBuilder, GroupId, NoEntry, begin_entry};
use crate::error::ErrorCode;
use crate::jute::{Malformed, Writer, patch_i32};
use crate::machine::{CLUSTER_ID_BYTES, Damaged, NoSuccessor};
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
        let mut entry = begin_entry(now_ms, false, group.sealed_bytes());
        group.seal(GroupId::of_leader(self.config.origin), &mut entry);
        entry
    }

    /// Moves the session clock. On a leader, sessions past their deadline go into its next entry, as
    /// one request.
    pub fn tick(&mut self, now_us: i64) {
        self.seen_us = now_us;
        self.clock.advance(now_us);
        self.touch_waiting();
        self.watches.sweep();
        self.end_late_handshakes();
        self.end_leaderless();
        // While writes are refused no session may end: its client could not have kept it alive
        // through another node either, and the expiry could not be written.
        if self.refusing.is_some() || !self.machine.bootstrapped() {
            return;
        }
        // An entry has a longest size: those that are due now are found again by a later tick.
        if self.decisions.bytes() >= DECISIONS_BYTES_MAX {
            return;
        }
        // On the others too, or their deadlines would pile up.
        let mut expired = Vec::new();
        let connections = &self.connections;
        self.clock.expired(|conn| connections.get(conn).map(|c| c.touched_us), &mut expired);
        if expired.is_empty() || !self.leading {
            return;
        }
        let (mut body, mut count) = (Vec::with_capacity(4 + 24 * expired.len()), 0);
        body.put_i32(count);
        for session in expired {
            let Some(view) = self.machine.session(session) else { continue };
            body.put_i64(session);
            body.put_u64(view.owner.0);
            body.put_u64(view.owner.1);
            count += 1;
        }
        patch_i32(&mut body, 0, count);
        self.decide(ops::EXPIRE_SESSIONS, &body);
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

    /// Puts removable containers and outlived TTL nodes into the leader's next entry; answers how many.
    pub fn collect(&mut self, now_ms: i64) -> usize {
        if self.collecting > 0 || self.refusing.is_some() || !self.leading {
            return 0;
        }
        let mut found = Vec::new();
        self.machine.collectable(now_ms, COLLECT_MAX, &mut found);
        for (path, czxid) in &found {
            if self.decisions.bytes() >= DECISIONS_BYTES_MAX {
                break;
            }
            let mut body = Vec::with_capacity(path.len() + 12);
            body.put_string(path);
            body.put_i64(*czxid);
            self.decide(ops::COLLECT, &body);
            self.collecting += 1;
        }
        self.collecting
    }

    /// What no client asked for is in no group: it is not to be sent again by a leader of the past.
    fn decide(&mut self, op: i32, body: &[u8]) {
        // The one list of ids is empty: nobody.
        if self.decisions.is_empty() {
            self.decisions.add_auth(&[]);
        }
        self.decisions.push(0, 0, 0, op, 0, body);
    }

    /// From now on writes are answered with SYSTEMERROR, gathered ones too; '' allows them again.
    pub fn refuse_writes(&mut self, reason: &str) {
        self.begin_turn();
        self.refusing = (!reason.is_empty()).then(|| reason.into());
        if self.refusing.is_some() {
            self.refuse_gathered();
            self.read_stopped_again();
        }
    }

    /// What was gathered and not taken will not reach the log. Its connections are told, each in
    /// its turn: behind writes that were taken, and before requests that waited for the refused
    /// ones.
    fn refuse_gathered(&mut self) {
        let mut refused: BTreeMap<u64, usize> = BTreeMap::new();
        self.batches.forget(|conn| *refused.entry(conn).or_default() += 1);
        self.decisions = GroupBuilder::default();
        self.collecting = 0;
        for (id, count) in refused {
            self.refuse_last_writes(id, count);
            self.answer_waiting(id, self.seen_us);
        }
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

    /// Makes the state the beginning of another cluster. Before any client.
    pub fn succeed(&mut self, cluster_id: &[u8]) -> Result<(), Refusal> {
        let cluster_id: [u8; CLUSTER_ID_BYTES] = cluster_id
            .try_into()
            .map_err(|_| Refusal("the id of a cluster has 16 bytes".into()))?;
        Ok(self.machine.succeed(cluster_id)?)
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

    /// After the last piece: goes on by about so many znodes with what `restore_end` would do at
    /// once; whether something is left.
    pub fn restore_more(&mut self, znodes: u32) -> Result<bool, Refusal> {
        self.machine.restore_more(znodes).map_err(Refusal::from)
    }

    /// Checks that all is there, and gives every session its full time.
    pub fn restore_end(&mut self) -> Result<(), Refusal> {
        self.machine.restore_end()?;
        for (session, view) in self.machine.sessions() {
            self.clock.open(session, view.timeout_ms);
        }
        Ok(())
    }
}

impl From<Damaged> for Refusal {
    fn from(damaged: Damaged) -> Self {
        let Damaged { offset, what } = damaged;
        Self(format!("the snapshot is damaged at byte {offset}: {what}").into())
    }
}

impl From<NoSuccessor> for Refusal {
    fn from(why: NoSuccessor) -> Self {
        match why {
            NoSuccessor::NotBegun => Self("there is no cluster in this state".into()),
            NoSuccessor::LastEpoch => Self("the highest epoch of zxids is in use".into()),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self("the payload of the log entry is malformed".into())
    }
}

impl From<NoEntry> for Refusal {
    fn from(why: NoEntry) -> Self {
        match why {
            NoEntry::Malformed => Malformed.into(),
            NoEntry::Format(format) => Self(
                format!(
                    "the log entry has format {format}, and this program reads formats {FORMAT} \
                     and {FORMAT_ENFORCING}: start the version of RaftKeeper that wrote it"
                )
                .into(),
            ),
        }
    }
}
