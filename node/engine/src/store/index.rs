//! Finds a child by (parent, name): linear hashing over the slots' own chains.
//!
//! The table grows by one bucket for one inserted znode and so never rehashes as a whole. It keeps
//! one u32 for a bucket, and about one znode in each; it does not shrink.

use super::chunked::Chunked;
use super::slots::{NIL, Slots};
use crate::fold::fold;

const CHUNK: usize = 4096;
/// The buckets of an empty store: one chunk.
const BUCKETS_MIN: u32 = CHUNK as u32;

/// Odd, with no pattern in their bits (digits of the square roots of 2, 3 and 5).
const MIX: [u64; 3] = [0x6A09_E667_F3BC_C909, 0xBB67_AE85_84CA_A73B, 0x3C6E_F372_FE94_F82B];

pub(super) struct Index {
    heads: Chunked<u32, CHUNK>,
    /// The largest power of two ≤ `buckets`.
    base: u32,
    buckets: u32,
    seed: u64,
}

impl Index {
    pub(super) fn new(seed: u64) -> Self {
        let mut heads = Chunked::new();
        heads.ensure(0, &NIL);
        Self { heads, base: BUCKETS_MIN, buckets: BUCKETS_MIN, seed }
    }

    /// The hash of a znode's place; the same for the same seed on every machine and in every run.
    #[inline]
    pub(super) fn tag(&self, parent: u32, name: &[u8]) -> u32 {
        let place = (u64::from(parent) << 32) | (name.len() as u64 & 0xFFFF_FFFF);
        let mut hash = fold(self.seed ^ MIX[0] ^ place, MIX[1]);
        let (words, rest) = name.as_chunks::<8>();
        for word in words {
            hash = fold(hash ^ u64::from_le_bytes(*word), MIX[2]);
        }
        let tail = rest.iter().fold(0, |tail, &byte| (tail << 8) | u64::from(byte));
        hash = fold(hash ^ tail, MIX[1]);
        (hash ^ (hash >> 32)) as u32
    }

    #[inline]
    const fn bucket(&self, tag: u32) -> u32 {
        let wide = tag & (self.base * 2 - 1);
        if wide < self.buckets { wide } else { tag & (self.base - 1) }
    }

    /// The first slot of the chain that a znode of this tag is in.
    #[inline]
    pub(super) fn first(&self, tag: u32) -> u32 {
        self.heads.get(self.bucket(tag)).copied().unwrap_or(NIL)
    }

    /// Puts a slot, its tag set, into its chain, and grows by a bucket when there are fewer buckets
    /// than znodes.
    pub(super) fn insert(&mut self, slots: &mut Slots, slot: u32) {
        self.push(slots, self.bucket(slots.get(slot).tag), slot);
        if slots.live() > self.buckets {
            self.split(slots);
        }
    }

    /// Grows an empty index at once to what `count` znodes need.
    pub(super) fn reserve(&mut self, count: u32) {
        let buckets = count.max(BUCKETS_MIN);
        for chunk in (0..buckets).step_by(CHUNK) {
            self.heads.ensure(chunk, &NIL);
        }
        self.buckets = buckets;
        self.base = 1 << buckets.ilog2();
    }

    pub(super) fn remove(&mut self, slots: &mut Slots, slot: u32) {
        let found = slots.get(slot);
        let bucket = self.bucket(found.tag);
        let mut at = self.heads.get(bucket).copied().unwrap_or(NIL);
        if at == slot {
            self.set_head(bucket, found.chain);
            return;
        }
        while at != NIL {
            let chain = slots.get(at).chain;
            if chain == slot {
                slots.edit(at, |before| before.chain = found.chain);
                return;
            }
            at = chain;
        }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.heads.bytes()
    }

    fn set_head(&mut self, bucket: u32, slot: u32) {
        if let Some(head) = self.heads.get_mut(bucket) {
            *head = slot;
        }
    }

    fn push(&mut self, slots: &mut Slots, bucket: u32, slot: u32) {
        let head = self.heads.get(bucket).copied().unwrap_or(NIL);
        slots.edit(slot, |pushed| pushed.chain = head);
        self.set_head(bucket, slot);
    }

    /// Adds one bucket, and shares out the chain of the bucket that held its znodes so far.
    fn split(&mut self, slots: &mut Slots) {
        let added = self.buckets;
        let old = added - self.base;
        self.heads.ensure(added, &NIL);
        self.buckets += 1;
        let mut at = self.heads.get(old).copied().unwrap_or(NIL);
        self.set_head(old, NIL);
        while at != NIL {
            let slot = slots.get(at);
            self.push(slots, self.bucket(slot.tag), at);
            at = slot.chain;
        }
        if self.buckets == self.base * 2 {
            self.base *= 2;
        }
    }
}
