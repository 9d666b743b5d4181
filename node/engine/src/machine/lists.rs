//! A cache of encoded children lists, so that listing a parent again is one copy.
//!
//! An entry is dropped as soon as the parent gains or loses a child. The cache answers exactly what
//! the store would; it is not state, and a restore starts without it.

use std::collections::{BTreeMap, VecDeque};

use crate::store::NodeId;

/// Parents in the cache: the lists that clients ask for again and again are few.
const ENTRIES_MAX: usize = 512;
/// Bytes of all lists in it: small beside the tree, and 2,000 lists of 100 short names.
const BYTES_MAX: usize = 4 << 20;
/// A longer list is encoded each time, rather than pushing out everything else.
const LIST_BYTES_MAX: usize = BYTES_MAX / 4;

#[derive(Debug, Default)]
pub struct ListCache {
    lists: BTreeMap<NodeId, Box<[u8]>>,
    /// Oldest first; may name parents whose list is gone again.
    order: VecDeque<NodeId>,
    bytes: usize,
}

impl ListCache {
    pub fn get(&self, parent: NodeId) -> Option<&[u8]> {
        self.lists.get(&parent).map(|list| &**list)
    }

    pub fn insert(&mut self, parent: NodeId, list: &[u8]) {
        if list.len() > LIST_BYTES_MAX {
            return;
        }
        self.forget(parent);
        self.bytes += list.len();
        self.lists.insert(parent, list.into());
        self.order.push_back(parent);
        while self.bytes > BYTES_MAX || self.order.len() > ENTRIES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.drop_list(oldest);
        }
    }

    /// The parent's children changed, or it is gone.
    pub fn forget(&mut self, parent: NodeId) {
        if !self.lists.is_empty() && self.drop_list(parent) {
            self.order.retain(|other| *other != parent);
        }
    }

    fn drop_list(&mut self, parent: NodeId) -> bool {
        let Some(list) = self.lists.remove(&parent) else { return false };
        self.bytes -= list.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_list_is_gone() {
        let mut cache = ListCache::default();
        cache.insert(NodeId(1), b"one");
        cache.insert(NodeId(2), b"two");
        cache.forget(NodeId(1));
        assert_eq!((cache.get(NodeId(1)), cache.get(NodeId(2))), (None, Some(&b"two"[..])));
        assert_eq!((cache.bytes, cache.order.len()), (3, 1));
    }

    #[test]
    fn the_cache_stays_within_its_bounds() {
        let mut cache = ListCache::default();
        for parent in 0..2 * ENTRIES_MAX as u32 {
            cache.insert(NodeId(parent), b"list");
        }
        assert_eq!(cache.lists.len(), ENTRIES_MAX);
        assert_eq!(cache.get(NodeId(0)), None, "the oldest went first");
        let large = vec![0; LIST_BYTES_MAX];
        for parent in 0..8 {
            cache.insert(NodeId(parent), &large);
        }
        assert!(cache.bytes <= BYTES_MAX && cache.lists.len() == 4);
        cache.insert(NodeId(9), &vec![0; LIST_BYTES_MAX + 1]);
        assert_eq!(cache.get(NodeId(9)), None);
    }
}
