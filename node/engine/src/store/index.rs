//! Finds a child by (parent, name): linear hashing over the slots' own chains.
//!
//! The table grows by one bucket for one inserted znode and so never rehashes as a whole. It keeps
//! one u32 for a bucket, and about one znode in each; it does not shrink.

use super::chunked::Chunked;
use super::sip_hash::SipHash;
use super::slots::{NIL, Slots};

const CHUNK: usize = 4096;
/// The buckets of an empty store: one chunk.
const BUCKETS_MIN: u32 = CHUNK as u32;

pub(super) struct Index {
    heads: Chunked<u32, CHUNK>,
    /// The largest power of two ≤ `buckets`.
    base: u32,
    buckets: u32,
    hash: SipHash,
}

impl Index {
    pub(super) fn new(seed: u64) -> Self {
        let mut heads = Chunked::new();
        heads.ensure(0, &NIL);
        Self { heads, base: BUCKETS_MIN, buckets: BUCKETS_MIN, hash: SipHash::new(seed) }
    }

    /// The hash of a znode's place. It decides how soon a znode is found, and nothing that anybody
    /// sees: members have different seeds.
    #[inline]
    pub(super) fn tag(&self, parent: u32, name: &[u8]) -> u32 {
        self.hash.hash(u64::from(parent), name) as u32
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

    #[cfg(test)]
    pub(super) fn chain_of(&self, parent: u32, name: &[u8]) -> u32 {
        self.bucket(self.tag(parent, name))
    }

    /// How many znodes are looked at for the last one of the longest chain.
    #[cfg(test)]
    pub(super) fn longest_chain(&self, slots: &Slots) -> usize {
        let length = |bucket| {
            let first = self.heads.get(bucket).copied().filter(|&slot| slot != NIL);
            let next = |&slot: &u32| Some(slots.get(slot).chain).filter(|&next| next != NIL);
            std::iter::successors(first, next).count()
        };
        (0..self.buckets).map(length).max().unwrap_or(0)
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
