//! Writes on their way to the leader: sealed into numbered groups, and given up when they are lost.
//!
//! The driver keeps a group until it is settled and sends it again to every new leader; the state
//! machine applies it once. So a group is lost only if its bytes are, or if another process took this
//! member's place. Then no client may be left waiting, and no later write of a client may be carried
//! out without the earlier one: every connection that waits for a write is cut off.

use super::connections::Waiting;
use super::{Action, Front};
use crate::entry::{Group, GroupId, begin_entry};
use crate::jute::Malformed;
use crate::machine::Verdict;

/// How far this process has numbered its groups.
#[derive(Debug, Default)]
pub struct Numbering {
    /// 0 until the first group of a run is sealed.
    run: u32,
    /// Groups sealed in this run.
    sequence: u64,
    /// Groups sealed in earlier runs of this process: they are applied or given up.
    before: u64,
}

impl Front {
    /// A node that learns only later which member it is. Without effect once a group is sealed.
    pub const fn set_member(&mut self, member: u32) {
        if self.numbering.run == 0 {
            self.config.member = member;
        }
    }

    /// Whether entries are sealed as such for which hard limits of quotas hold: in a format that every
    /// member must be able to read.
    pub const fn enforce_quotas(&mut self, enforces: bool) {
        self.enforces_quotas = enforces;
    }

    /// The oldest gathered writes of this node's clients as a group, and its number: 1, 2, 3 …, never
    /// the same twice.
    pub fn take_group(&mut self) -> Option<(u64, Vec<u8>)> {
        if self.batches.is_empty() {
            return None;
        }
        let mut group = Vec::with_capacity(self.batches.next_bytes());
        self.seal_own(&mut group);
        Some((self.numbering.before + self.numbering.sequence, group))
    }

    /// Groups up to this number are applied or given up: there is no use in sending them again.
    pub fn groups_settled(&self) -> u64 {
        let known = self.machine.progress(self.config.member);
        let is_own = (known.run, known.origin) == (self.numbering.run, self.config.origin);
        self.numbering.before + if is_own { known.sequence } else { 0 }
    }

    /// One entry of these groups and of what this node decided as the leader. `Malformed` is a group
    /// that another node should not have sent; nothing is sealed then.
    pub fn seal_entry(
        &mut self,
        now_ms: i64,
        groups: &[&[u8]],
    ) -> Result<Option<Vec<u8>>, Malformed> {
        for group in groups {
            if Group::check(group)?.sequence == 0 {
                return Err(Malformed);
            }
        }
        let bytes: usize = groups.iter().map(|group| group.len()).sum();
        // Decisions that do not fit are in no hurry; an entry has a longest size.
        let fits = groups.is_empty()
            || bytes + self.decisions.sealed_bytes() <= self.config.batch_bytes_max;
        let decides = fits && !self.decisions.is_empty();
        if groups.is_empty() && !decides {
            return Ok(None);
        }
        let bytes = bytes + self.decisions.sealed_bytes();
        let mut entry = begin_entry(now_ms, self.enforces_quotas, bytes);
        if decides {
            self.decisions.seal(GroupId::of_leader(self.config.origin), &mut entry);
        }
        for group in groups {
            entry.extend_from_slice(group);
        }
        Ok(Some(entry))
    }

    /// The same for a node that is alone: what it decided, else its oldest gathered writes.
    pub fn take_batch(&mut self, now_ms: i64) -> Option<Vec<u8>> {
        if !self.decisions.is_empty() {
            return self.seal_entry(now_ms, &[]).ok().flatten();
        }
        if self.batches.is_empty() {
            return None;
        }
        let bytes = self.batches.next_bytes();
        let mut entry = begin_entry(now_ms, self.enforces_quotas, bytes);
        self.seal_own(&mut entry);
        Some(entry)
    }

    fn seal_own(&mut self, out: &mut Vec<u8>) {
        let numbering = &mut self.numbering;
        if numbering.run == 0 {
            // Later than every run of this member that this node knows of. Should it have missed one,
            // its groups are superseded, and it begins another.
            let known = self.machine.progress(self.config.member);
            numbering.run = known.run.saturating_add(1);
        }
        numbering.sequence += 1;
        let (member, origin) = (self.config.member, self.config.origin);
        let id = GroupId { member, run: numbering.run, origin, sequence: numbering.sequence };
        self.batches.seal(id, out);
        self.read_stopped_again();
    }

    /// A group that is not applied. One that was applied before was answered then.
    pub(super) fn skip(&mut self, id: GroupId, verdict: Verdict) {
        self.statistics.groups_skipped += 1;
        let is_current = (id.member, id.run, id.origin)
            == (self.config.member, self.numbering.run, self.config.origin);
        if !is_current {
            return;
        }
        match verdict {
            Verdict::Apply | Verdict::Repeated => {}
            Verdict::Gap => self.give_up_groups("a group of writes before its own was lost"),
            Verdict::Superseded => {
                self.give_up_groups("another process writes as the same member of the ensemble");
            }
        }
    }

    /// Begins a new run. What was sealed before will not be applied, or nobody will hear of it.
    fn give_up_groups(&mut self, reason: &'static str) {
        let Self { numbering, connections, batches, .. } = self;
        numbering.before += numbering.sequence;
        (numbering.run, numbering.sequence) = (0, 0);
        // What is gathered comes from the same connections, and must not go ahead of what is lost.
        batches.forget(|_| {});
        let waits = connections.iter().filter(|connection| {
            connection.queue.iter().any(|pending| matches!(pending.what, Waiting::Write))
        });
        let lost: Vec<u64> = waits.map(|connection| connection.id).collect();
        self.statistics.groups_given_up += 1;
        for id in lost {
            self.end(id, Action::Abort, reason);
        }
    }
}
