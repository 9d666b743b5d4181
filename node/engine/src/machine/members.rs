//! Which groups of each member were applied: one that comes twice is applied once.
//!
//! A node numbers the groups that it seals, and sends those it has not seen applied again to every
//! new leader; so a group may be in the log twice, or after its node has begun anew. The table is part
//! of the state, so every node judges a group alike, and a snapshot goes on where the log was.
//!
//! A run is one numbering of one process. A member's later run ends its earlier ones. Two processes
//! of a member that took the same number for their runs are told apart by their origins.

use std::collections::BTreeMap;

use crate::entry::GroupId;
use crate::fold::fold;
use crate::jute::{Malformed, Reader, Writer};

/// How far the groups of one member have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    pub run: u32,
    pub origin: u64,
    /// The last group that was applied.
    pub sequence: u64,
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Apply,
    /// It was applied before.
    Repeated,
    /// Its run is over: a later one of the same member has begun.
    Superseded,
    /// A group before it is missing: it must not overtake that.
    Gap,
}

/// Bytes of one member as `put` writes it.
pub const MEMBER_BYTES: usize = 4 + 4 + 8 + 8;
/// Digits of the square root of 7.
const MIX: u64 = 0xA54F_F53A_5F1D_36F1;

#[derive(Debug, Default)]
pub struct Members {
    known: BTreeMap<u32, Progress>,
}

impl Members {
    pub fn get(&self, member: u32) -> Progress {
        self.known.get(&member).copied().unwrap_or_default()
    }

    /// Judges a group, and counts it if it is to be applied.
    pub fn admit(&mut self, id: GroupId) -> Verdict {
        if id.sequence == 0 {
            return Verdict::Apply;
        }
        let known = self.get(id.member);
        let before = match (id.run, id.origin).cmp(&(known.run, known.origin)) {
            core::cmp::Ordering::Less => return Verdict::Superseded,
            core::cmp::Ordering::Equal => known.sequence,
            core::cmp::Ordering::Greater => 0,
        };
        if id.sequence <= before {
            return Verdict::Repeated;
        }
        if id.sequence - before > 1 {
            return Verdict::Gap;
        }
        let progress = Progress { run: id.run, origin: id.origin, sequence: id.sequence };
        self.known.insert(id.member, progress);
        Verdict::Apply
    }

    /// Of all of them; there are few.
    pub fn digest(&self) -> u64 {
        self.known.iter().fold(MIX, |digest, (member, progress)| {
            let words =
                [u64::from(*member), u64::from(progress.run), progress.origin, progress.sequence];
            words.iter().fold(digest, |digest, word| fold(digest ^ word, MIX))
        })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        for (member, progress) in &self.known {
            out.put_u32(*member);
            out.put_u32(progress.run);
            out.put_u64(progress.origin);
            out.put_u64(progress.sequence);
        }
    }

    pub(super) fn restore(&mut self, record: &mut Reader<'_>) -> Result<(), Malformed> {
        let member = record.u32()?;
        let progress =
            Progress { run: record.u32()?, origin: record.u64()?, sequence: record.u64()? };
        match self.known.insert(member, progress) {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(run: u32, origin: u64, sequence: u64) -> GroupId {
        GroupId { member: 3, run, origin, sequence }
    }

    #[test]
    fn each_group_of_a_run_is_applied_once_and_in_order() {
        let mut members = Members::default();
        assert_eq!(members.admit(id(1, 9, 2)), Verdict::Gap);
        assert_eq!(members.admit(id(1, 9, 1)), Verdict::Apply);
        assert_eq!(members.admit(id(1, 9, 1)), Verdict::Repeated);
        assert_eq!(members.admit(id(1, 9, 3)), Verdict::Gap);
        assert_eq!(members.admit(id(1, 9, 2)), Verdict::Apply);
        assert_eq!(members.admit(id(1, 9, 3)), Verdict::Apply, "the gap was counted as nothing");
        assert_eq!(members.admit(id(1, 9, 2)), Verdict::Repeated);
        assert_eq!(members.get(3), Progress { run: 1, origin: 9, sequence: 3 });
        assert_eq!(members.get(4), Progress::default());
    }

    #[test]
    fn a_later_run_ends_the_earlier_ones() {
        let mut members = Members::default();
        assert_eq!(members.admit(id(1, 9, 1)), Verdict::Apply);
        assert_eq!(members.admit(id(2, 4, 2)), Verdict::Gap, "a run begins with its first group");
        assert_eq!(members.admit(id(1, 9, 2)), Verdict::Apply, "and has not begun before that");
        assert_eq!(members.admit(id(2, 4, 1)), Verdict::Apply);
        assert_eq!(members.admit(id(1, 9, 3)), Verdict::Superseded);
        assert_eq!(members.admit(id(2, 3, 1)), Verdict::Superseded, "the other process came late");
        assert_eq!(members.admit(id(2, 5, 1)), Verdict::Apply);
        assert_eq!(members.admit(id(2, 4, 2)), Verdict::Superseded);
    }

    #[test]
    fn what_a_leader_decides_is_not_counted() {
        let mut members = Members::default();
        for _ in 0..2 {
            assert_eq!(members.admit(GroupId::of_leader(5)), Verdict::Apply);
        }
        assert_eq!(members.get(0), Progress::default());
    }

    #[test]
    fn members_come_back_from_their_bytes() {
        let mut members = Members::default();
        for member in [3, 1, 8] {
            assert_eq!(members.admit(GroupId { member, ..id(1, 9, 1) }), Verdict::Apply);
        }
        let mut out = Vec::new();
        members.put(&mut out);
        assert_eq!(out.len(), 3 * MEMBER_BYTES);
        let (mut again, mut reader) = (Members::default(), Reader::new(&out));
        while !reader.is_empty() {
            assert_eq!(again.restore(&mut reader), Ok(()));
        }
        assert_eq!(again.digest(), members.digest());
        assert_eq!(again.restore(&mut Reader::new(&out)), Err(Malformed), "twice");
        assert_eq!(again.admit(GroupId { member: 1, ..id(1, 9, 2) }), Verdict::Apply);
        assert_ne!(again.digest(), members.digest());
    }
}
