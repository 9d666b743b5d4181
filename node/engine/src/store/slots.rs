//! The table of slots: one small fixed record for each znode, which ties it to its parent, its
//! siblings, its hash chain and its block. The number of a slot is the znode's `NodeId`.
//!
//! A free slot keeps the next free one in `next`. While a snapshot is restored, a slot whose
//! children came before it is *awaited*: `next` is its first child and `prev` counts them.

use super::chunked::Chunked;

/// No slot, and no block.
pub(super) const NIL: u32 = u32::MAX;
/// In place of a block: children of this slot are there, its own record is not.
pub(super) const AWAITED: u32 = u32::MAX - 1;
/// As many znodes as there may be: 40 GB of memory at the least, far beyond what one ensemble
/// keeps, and a bound on what a damaged slot number can make us allocate.
pub(super) const NODES_MAX: u32 = 1 << 28;

const CHUNK: usize = 1024;

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Handle of the znode's block, or `NIL` (free), or `AWAITED`.
    pub block: u32,
    pub parent: u32,
    /// The next sibling; `NIL` in the last one.
    pub next: u32,
    /// The sibling before; in the first one, the last one.
    pub prev: u32,
    /// The next slot in the same bucket of the index.
    pub chain: u32,
    /// The hash of (parent, name): spares most looks into blocks, and all of them in a split.
    pub tag: u32,
}

const FREE: Slot = Slot { block: NIL, parent: NIL, next: NIL, prev: NIL, chain: NIL, tag: 0 };

impl Slot {
    pub(super) const fn is_live(&self) -> bool {
        self.block < AWAITED
    }
}

pub(super) struct Slots {
    table: Chunked<Slot, CHUNK>,
    /// Slots from here on were never used.
    end: u32,
    free: u32,
    live: u32,
    /// Chunks below this one are there: none is ever given back.
    absent_from: u32,
}

impl Slots {
    pub(super) const fn new() -> Self {
        Self { table: Chunked::new(), end: 0, free: NIL, live: 0, absent_from: 0 }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Slot {
        self.table.get(slot).copied().unwrap_or(FREE)
    }

    #[inline]
    pub(super) fn edit(&mut self, slot: u32, change: impl FnOnce(&mut Slot)) {
        if let Some(found) = self.table.get_mut(slot) {
            change(found);
        }
    }

    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    pub(super) const fn end(&self) -> u32 {
        self.end
    }

    /// Puts a live slot where one is free, `None` when `NODES_MAX` are in use: that is so for all members at
    /// once, wherever their znodes are.
    pub(super) fn add(&mut self, slot: Slot) -> Option<u32> {
        if self.free == NIL && self.end >= NODES_MAX {
            self.open_absent_chunk();
        }
        let id = if self.free != NIL {
            let id = self.free;
            self.free = self.get(id).next;
            id
        } else if self.end < NODES_MAX {
            self.end
        } else {
            return None;
        };
        self.put(id, slot);
        Some(id)
    }

    /// Makes the free slots of the first chunk that a restore left out.
    fn open_absent_chunk(&mut self) {
        let chunks = self.end.div_ceil(CHUNK as u32);
        let is_absent = |chunk: &u32| self.table.get(chunk * CHUNK as u32).is_none();
        let Some(chunk) = (self.absent_from..chunks).find(is_absent) else {
            self.absent_from = chunks;
            return;
        };
        self.absent_from = chunk + 1;
        let first = chunk * CHUNK as u32;
        self.table.ensure(first, &FREE);
        for id in (first..first + CHUNK as u32).rev() {
            let next = self.free;
            self.edit(id, |slot| slot.next = next);
            self.free = id;
        }
    }

    /// Fills the slot `id` of a restore. Free slots are threaded by `thread_free` afterwards.
    pub(super) fn put(&mut self, id: u32, slot: Slot) {
        self.reach(id);
        self.live += 1;
        self.edit(id, |found| *found = slot);
    }

    /// Makes the slot `id` exist, free as it may be.
    pub(super) fn reach(&mut self, id: u32) {
        self.table.ensure(id, &FREE);
        self.end = self.end.max(id + 1);
    }

    pub(super) fn release(&mut self, id: u32) {
        let next = self.free;
        self.edit(id, |slot| *slot = Slot { next, ..FREE });
        self.free = id;
        self.live -= 1;
    }

    /// The first live slot at `from` or after it; chunks that are absent take no time.
    pub(super) fn next_live(&self, from: u32) -> Option<u32> {
        let mut at = from;
        while at < self.end {
            match self.table.get(at) {
                Some(slot) if slot.is_live() => return Some(at),
                Some(_) => at += 1,
                None => at = (at / CHUNK as u32 + 1) * CHUNK as u32,
            }
        }
        None
    }

    /// Finds the free slots that a restore left between the live ones. Those of absent chunks wait until
    /// there are no others: they cost nothing.
    pub(super) fn thread_free(&mut self) {
        let (end, mut free) = (self.end, NIL);
        for (id, slot) in self.table.iter_mut_backwards() {
            if id < end && slot.block == NIL {
                slot.next = free;
                free = id;
            }
        }
        self.free = free;
    }

    pub(super) const fn bytes(&self) -> usize {
        self.table.bytes()
    }
}
