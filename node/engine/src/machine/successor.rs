//! The state as the beginning of another cluster, when most of the old one is lost for good.
//!
//! What the lost members acknowledged without this one is not known here. So everything that is counted
//! and handed out goes on far above it: no client sees a zxid go back, and none is given the session of
//! another.

use super::Machine;
use super::members::Members;
use super::sessions::CLUSTER_ID_BYTES;

/// Why there is no successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSuccessor {
    /// The state is that before the first entry.
    NotBegun,
    /// The highest epoch of zxids is in use.
    LastEpoch,
}

/// A zxid is an epoch and, in so many bits, a count, as in `ZooKeeper`.
const COUNT_BITS: u32 = 32;
/// More sessions than the lost members can have opened that this one has not heard of.
const SESSIONS_SKIPPED: i64 = 1 << 32;

impl Machine {
    /// Begins the next epoch of zxids, in the name of another cluster. Tree, sessions and passwords
    /// stay; of the groups of the old members none will come again.
    pub fn succeed(&mut self, cluster_id: [u8; CLUSTER_ID_BYTES]) -> Result<(), NoSuccessor> {
        let Some(facts) = &mut self.sessions.facts else { return Err(NoSuccessor::NotBegun) };
        let epoch = (self.zxid >> COUNT_BITS) + 1;
        if epoch > i64::from(i32::MAX) {
            return Err(NoSuccessor::LastEpoch);
        }
        facts.cluster_id = cluster_id;
        self.zxid = epoch << COUNT_BITS;
        self.sessions.next_id = self.sessions.next_id.wrapping_add(SESSIONS_SKIPPED);
        self.members = Members::default();
        Ok(())
    }
}
