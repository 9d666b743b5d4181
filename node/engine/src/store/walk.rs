//! The walk of a snapshot: every znode as it was when the walk began, while changes go on.
//!
//! The walk goes through the slots in order. Before a znode that it has not come to is changed or
//! removed, its record is put aside (copy on write), and its slot is marked as done. What is
//! inserted during the walk is marked as done as well, for it was not there. Only a znode's own
//! fields are in its record; links to children are found again at the restore.
//!
//! Memory: one bit for a slot, and the records put aside, which are handed out first.

use std::collections::VecDeque;

use super::Store;
use super::block;

/// Records put aside are gathered in pieces of about this size, so that none is moved to grow.
pub(super) const ASIDE_BYTES: usize = 64 * 1024;
/// Slots looked at in one step though nothing comes of it: free ones, and those done already.
const SLOTS_PER_STEP_MAX: u32 = 64 * 1024;

pub(super) struct Walk {
    /// The next slot to look at.
    at: u32,
    /// Slots from here on were not in use when the walk began.
    end: u32,
    /// One bit for each slot: its znode of then is put aside, or it had none.
    done: Vec<u64>,
    aside: VecDeque<Vec<u8>>,
    aside_bytes: usize,
}

impl Walk {
    const fn is_ahead(&self, slot: u32) -> bool {
        slot >= self.at && slot < self.end
    }

    fn is_done(&self, slot: u32) -> bool {
        self.done.get(slot as usize / 64).is_some_and(|bits| bits & (1 << (slot % 64)) != 0)
    }

    pub(super) fn set_done(&mut self, slot: u32) {
        if let Some(bits) = self.done.get_mut(slot as usize / 64) {
            *bits |= 1 << (slot % 64);
        }
    }

    /// Bytes of memory held.
    pub(super) fn bytes(&self) -> usize {
        self.done.len() * size_of::<u64>() + self.aside_bytes
    }

    /// A piece with room for one more record.
    fn aside(&mut self) -> &mut Vec<u8> {
        if self.aside.back().is_none_or(|piece| piece.len() >= ASIDE_BYTES) {
            self.aside.push_back(Vec::new());
        }
        let last = self.aside.len() - 1;
        &mut self.aside[last]
    }
}

impl Store {
    /// Starts a walk over the state of this moment; changes made later do not show in it. A walk
    /// that was under way is abandoned.
    pub fn walk_begin(&mut self) {
        let end = self.slots.end();
        let done = vec![0; end.div_ceil(64) as usize];
        self.walk = Some(Walk { at: 0, end, done, aside: VecDeque::new(), aside_bytes: 0 });
    }

    /// Appends whole records (`length u32`, then as many bytes) until `bytes_max` is reached, by a
    /// record or a piece of 64 KiB too much; answers whether there are more. It may append nothing
    /// and still answer true: a step is bounded in time as well.
    pub fn walk_next(&mut self, out: &mut Vec<u8>, bytes_max: usize) -> bool {
        let Some(walk) = &mut self.walk else { return false };
        let start = out.len();
        while out.len() - start < bytes_max {
            let Some(piece) = walk.aside.pop_front() else { break };
            walk.aside_bytes -= piece.len();
            out.extend_from_slice(&piece);
        }
        let stop = walk.at.saturating_add(SLOTS_PER_STEP_MAX).min(walk.end);
        while walk.at < stop && out.len() - start < bytes_max {
            let id = walk.at;
            let slot = self.slots.get(id);
            if slot.is_live() && !walk.is_done(id) {
                block::put_record(out, id, slot.parent, self.arena.get(slot.block));
            }
            walk.at += 1;
        }
        let more = walk.at < walk.end || !walk.aside.is_empty();
        if !more {
            self.walk = None;
        }
        more
    }

    /// Forgets the walk and what was put aside for it.
    pub fn walk_abandon(&mut self) {
        self.walk = None;
    }

    /// Puts aside the record of a live znode that is about to change, if the walk still needs it.
    pub(super) fn save_for_walk(&mut self, id: u32) {
        let Some(walk) = &mut self.walk else { return };
        if !walk.is_ahead(id) || walk.is_done(id) {
            return;
        }
        walk.set_done(id);
        let slot = self.slots.get(id);
        let piece = walk.aside();
        let before = piece.len();
        block::put_record(piece, id, slot.parent, self.arena.get(slot.block));
        let added = piece.len() - before;
        walk.aside_bytes += added;
    }
}
