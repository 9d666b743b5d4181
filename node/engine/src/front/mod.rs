//! What is local to a node: connections, order within a session, watches, replies.
//!
//! ```text
//! bytes ─ feed ─► splitter ─► handshake | requests ─┬─ reads, watches ───────► replies
//!                                                   ├─ sync ─► barrier ──────► replies
//!                                                   └─ writes ─► batch ─► group ─► the leader's log
//! the log ─ apply ─► machine ─► outcomes: events, replies, then the reads that waited
//! ```
//!
//! A connection's requests are answered strictly in order. Reads that wait for nothing are answered
//! in `feed`; a read behind a write of its own connection waits, and is answered inside `apply`,
//! after that write and before the next. Events are written before a reply that shows what they
//! tell. Nothing here may change the replicated state except by what it puts into a batch.

mod auth_sets;
mod barriers;
mod batch;
mod certificates;
mod connections;
mod feed;
mod flow;
mod groups;
mod handshake;
mod housekeeping;
mod keyed_hash;
mod leaderless;
mod leaving;
pub mod limits;
mod local;
mod outcomes;
mod reconfig;
mod replies;
mod requests;
mod session_clock;
mod splitter;
mod statistics;
mod touches;
mod views;
mod watches;

use std::borrow::Cow;
use std::collections::VecDeque;

use auth_sets::AuthSets;
use barriers::Barriers;
use batch::Batches;
use connections::Connections;
use groups::Numbering;
use keyed_hash::KeyedState;
use leaderless::Leaderless;
use session_clock::SessionClock;
use statistics::Statistics;
use touches::Touches;
use watches::Watches;

use crate::entry::GroupBuilder;
use crate::machine::{Effects, Machine};

pub use statistics::LATENCY_BOUNDS_US;
pub use views::{ConnectionView, Value};

/// What the node was configured with.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    /// Names this process of this node. It also keys the hashes, so it must be random and no client
    /// may know it.
    pub origin: u64,
    /// Which member of the ensemble it is.
    pub member: u32,
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub frame_bytes_max: usize,
    pub batch_bytes_max: usize,
    /// Requests of one connection that may wait for an answer before it is not read any more.
    pub connection_outstanding_max: usize,
    /// The same for all connections together.
    pub outstanding_max: usize,
    /// Bytes of answers that may be made for one connection at once; with more, it is cut off.
    pub unsent_bytes_max: usize,
    pub super_digest: String,
    pub skip_acl: bool,
    pub reconfig_enabled: bool,
    pub ttl_enabled: bool,
    /// Every read waits until this node knows what all others wrote before.
    pub linearizable_reads: bool,
    /// Without a leader, clients that said so are served for reading.
    pub read_only_mode: bool,
}

/// What the driver is to do with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Close it after everything was written.
    Close = 1,
    /// Close it at once.
    Abort = 2,
    StopReading = 3,
    ReadAgain = 4,
}

/// The log and the state do not fit: the node must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

/// The node's side of all client connections, and the replicated state behind it.
pub struct Front {
    config: Config,
    machine: Machine,
    connections: Connections,
    auth_sets: AuthSets,
    batches: Batches,
    numbering: Numbering,
    barriers: Barriers,
    /// What this node decided as the leader, for its next entry.
    decisions: GroupBuilder,
    leading: bool,
    /// Hard limits of quotas hold for the entries that it seals.
    enforces_quotas: bool,
    leaderless: Leaderless,
    draining: bool,
    touches: Touches,
    watches: Watches,
    clock: SessionClock,
    statistics: Statistics,
    actions: Vec<(u64, Action, Cow<'static, str>)>,
    /// Changes of the membership that clients ask for.
    reconfigs: Vec<(u64, Box<[u8]>)>,
    /// Connections that have something to be written, each once.
    dirty: Vec<u64>,
    /// Connections that are not read; looked at when something was answered.
    stopped: Vec<u64>,
    /// Reply buffers for reuse.
    buffers: Vec<Vec<u8>>,
    /// The machine's count of work when this turn began.
    steps_before: u64,
    /// The monotonic clock when it was last told.
    seen_us: i64,
    /// Requests in the queues of all connections.
    outstanding: usize,
    /// Why writes are refused, if they are.
    refusing: Option<Box<str>>,
    /// When connections that have not asked for a session are given up, in order.
    handshakes: VecDeque<(i64, u64)>,
    /// COLLECT requests on their way through the log: while there are any, none is added.
    collecting: usize,
    effects: Effects,
    reached: Vec<u64>,
}

impl Front {
    pub fn new(mut config: Config) -> Self {
        // The length of an answer has 31 bits.
        config.unsent_bytes_max = config.unsent_bytes_max.min(i32::MAX as usize);
        let hash = KeyedState::new(config.origin);
        Self {
            machine: Machine::new(config.origin),
            connections: Connections::default(),
            auth_sets: AuthSets::new(hash),
            batches: Batches::new(config.batch_bytes_max),
            numbering: Numbering::default(),
            barriers: Barriers::default(),
            decisions: GroupBuilder::default(),
            leading: true,
            enforces_quotas: false,
            leaderless: Leaderless::default(),
            draining: false,
            touches: Touches::default(),
            watches: Watches::new(hash),
            clock: SessionClock::new(hash),
            statistics: Statistics::default(),
            actions: Vec::new(),
            reconfigs: Vec::new(),
            dirty: Vec::new(),
            stopped: Vec::new(),
            buffers: Vec::new(),
            steps_before: 0,
            seen_us: 0,
            outstanding: 0,
            refusing: None,
            handshakes: VecDeque::new(),
            collecting: 0,
            effects: Effects::default(),
            reached: Vec::new(),
            config,
        }
    }

    /// The replicated state, to be read.
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Something can be sealed.
    pub fn wants_batch(&self) -> bool {
        !self.batches.is_empty() || !self.decisions.is_empty()
    }

    /// `take_barrier` has something.
    pub const fn wants_barrier(&self) -> bool {
        self.barriers.is_gathering()
    }

    /// `take_actions` has something.
    pub fn wants_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// `take_replies` has something.
    pub fn wants_replies(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// What became due, in order. Replies are to be written first.
    pub fn take_actions(&mut self) -> Vec<(u64, Action, Cow<'static, str>)> {
        core::mem::take(&mut self.actions)
    }
}

#[cfg(test)]
mod tests;
