//! How much was worked, where neither the request nor its answer shows it.
//!
//! A step is about ten nanoseconds. Only what may be much is counted, so most requests count nothing. The
//! count decides how much this node does in one turn, never what a request comes to.

use core::cell::Cell;
use std::collections::BTreeSet;

use super::Machine;
use super::reads::MULTI_READ_BYTES_MAX;
use crate::ops;

/// Looking at a znode of a subtree, or of a session.
pub(super) const ZNODE: usize = 1;
/// Making, comparing and writing one more path, and setting a watch.
pub const PATH: usize = 20;
/// Bytes that are copied in a step.
pub(super) const BYTES: usize = 64;

/// Of a multiRead: header, length of the path, the shortest path, watch.
const SUB_REQUEST_BYTES_MIN: usize = 9 + 4 + 1 + 1;

/// Steps so far; wraps.
#[derive(Debug, Default)]
pub(super) struct Work(Cell<u64>);

impl Machine {
    /// Steps so far, of reads and of what others have added; to be compared with earlier ones.
    pub const fn steps(&self) -> u64 {
        self.work.0.get()
    }

    /// What a request weighs that has to wait until it is answered: its bytes, and the steps that this
    /// may take, where they depend on the tree and not on what it says. As far as can be told by now.
    pub fn weight(&self, op: i32, body_bytes: usize, session: i64) -> usize {
        let store = &self.tree.store;
        let steps = match op {
            ops::GET_ALL_CHILDREN_NUMBER => ZNODE * store.node_count() as usize,
            ops::GET_EPHEMERALS => {
                self.tree.ephemerals.get(&session).map_or(0, BTreeSet::len) * PATH
            }
            ops::MULTI_READ => {
                let results = body_bytes / SUB_REQUEST_BYTES_MIN;
                let bytes = results.saturating_mul(store.data_bytes() as usize);
                results * PATH + bytes.min(MULTI_READ_BYTES_MAX) / BYTES
            }
            _ => 0,
        };
        body_bytes + steps
    }

    /// Counts work; also that of the front, so that there is one count.
    pub fn add_steps(&self, steps: usize) {
        self.work.0.set(self.work.0.get().wrapping_add(steps as u64));
    }
}
