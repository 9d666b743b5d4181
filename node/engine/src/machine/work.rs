//! How much was worked, where neither the request nor its answer shows it.
//!
//! A step is about ten nanoseconds. Only what may be much is counted, so most requests count nothing. The
//! count decides how much this node does in one turn, never what a request comes to.

use core::cell::Cell;

use super::Machine;

/// Looking at a znode of a subtree, or of a session.
pub(super) const ZNODE: usize = 1;
/// Making, comparing and writing one more path, and setting a watch.
pub const PATH: usize = 20;
/// Bytes that are copied in a step.
pub(super) const BYTES: usize = 64;

/// Steps so far; wraps.
#[derive(Debug, Default)]
pub(super) struct Work(Cell<u64>);

impl Machine {
    /// Steps so far, of reads and of what others have added; to be compared with earlier ones.
    pub const fn steps(&self) -> u64 {
        self.work.0.get()
    }

    /// Counts work; also that of the front, so that there is one count.
    pub fn add_steps(&self, steps: usize) {
        self.work.0.set(self.work.0.get().wrapping_add(steps as u64));
    }
}
