//! The replicated state machine: the tree, its ACLs, the sessions. Entries in, effects out.
//!
//! It is deterministic: the same entries give the same state, zxids and answers on every node. Time
//! comes with the entry, and nothing here asks a clock, a file or a random number. What differs from
//! node to node (watches, connections, configuration) is not in here; the one exception is the content
//! of /zookeeper/config, which is served from what this node was told.
//!
//! | file | what it is |
//! |---|---|
//! | `tree` | the store and all that must change with it; undo |
//! | `create` `delete` `set` `multi` | the writes, each with its order of checks |
//! | `sessions` `ttl` | what ends by itself |
//! | `members` | which groups of each node were applied |
//! | `digest` | one number for all of it |
//! | `reads` `lists` | the reads, and the cache for listings |
//! | `acl` `acl_list` `acl_index` `ip` `path` `stat` `quota` | the rules for each |
//! | `snapshot` | all of it as bytes, and back |
//! | `successor` | all of it as the beginning of another cluster |
//! | `work` | how much was worked, for what bounds a turn |

mod acl;
mod acl_index;
mod acl_list;
mod context;
mod create;
mod delete;
mod describe;
mod digest;
mod effects;
mod ip;
mod lists;
mod members;
mod multi;
mod path;
mod quota;
mod reads;
mod sessions;
mod set;
mod snapshot;
mod stat;
mod successor;
#[cfg(test)]
mod tests;
mod tree;
mod ttl;
mod work;

use core::fmt;

use crate::auth::AuthId;
use crate::entry::{GroupId, Request};
use crate::error::ErrorCode;
use crate::jute::Reader;
use crate::ops;

use context::Context;
use tree::Tree;

pub use describe::describe;
pub use effects::{Attached, Effects, Event, EventKind, SessionOpened};
pub use members::{Progress, Verdict};
pub use path::CONFIG as CONFIG_PATH;
pub use reads::Stamps;
pub use sessions::{CLUSTER_ID_BYTES, SECRET_BYTES, SessionView};
pub use snapshot::Damaged;
pub use successor::NoSuccessor;
pub use ttl::asks_for_ttl;
pub use work::PATH as STEPS_PER_PATH;

/// How far an entry's clock may be behind the one before for time to stand still meanwhile, an hour.
/// Clocks that are kept differ by less; beyond it one of the two is wrong, and to wait for the later one
/// would stop time for all if that is it: TTL znodes would stay for as long as some leader was ahead once.
const BEHIND_MS_MAX: i64 = 60 * 60 * 1000;

/// The machine cannot apply an entry: the node must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotApply {
    /// Entries come one by one, none missing and none twice.
    NotNext { expected: u64, got: u64 },
    /// A failed multi could not be taken back for want of room.
    Stuck,
    /// A restore began and did not end well.
    Restoring,
}

impl fmt::Display for CannotApply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNext { expected, got } => {
                write!(formatter, "entry {got} came where entry {expected} is next")
            }
            Self::Stuck => formatter.write_str("a failed multi could not be taken back: no room"),
            Self::Restoring => formatter.write_str("the state is not restored"),
        }
    }
}

pub struct Machine {
    /// Keys the index of the tree, on this node alone.
    seed: u64,
    tree: Tree,
    sessions: sessions::Sessions,
    members: members::Members,
    index: u64,
    zxid: i64,
    time_ms: i64,
    /// Whether the entry under way says so.
    enforces_quotas: bool,
    is_stuck: bool,
    /// What this node serves as the data of /zookeeper/config; empty for what is in the tree.
    config: Vec<u8>,
    search: ttl::Search,
    work: work::Work,
    writing: Option<snapshot::Writing>,
    reading: Option<snapshot::Reading>,
}

impl Machine {
    /// The state before the first entry. The seed is nothing that a client knows; see `Store::new`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            tree: Tree::fresh(seed),
            sessions: sessions::Sessions::default(),
            members: members::Members::default(),
            index: 0,
            zxid: 0,
            time_ms: 0,
            enforces_quotas: false,
            is_stuck: false,
            config: Vec::new(),
            search: ttl::Search::default(),
            work: work::Work::default(),
            writing: None,
            reading: None,
        }
    }

    /// The length of the longest chain of the index.
    #[cfg(test)]
    pub(crate) fn longest_chain(&self) -> usize {
        self.tree.store.longest_chain()
    }

    /// Starts the entry `index`, whose requests follow; one without requests has no time. Time does not
    /// go back by less than an hour, whatever a leader says.
    pub fn begin(&mut self, index: u64, time_ms: Option<i64>) -> Result<(), CannotApply> {
        let expected = self.index.saturating_add(1);
        if self.is_stuck {
            return Err(CannotApply::Stuck);
        }
        if self.reading.is_some() {
            return Err(CannotApply::Restoring);
        }
        if index != expected {
            return Err(CannotApply::NotNext { expected, got: index });
        }
        self.index = index;
        if let Some(time_ms) = time_ms
            && !(0..=BEHIND_MS_MAX).contains(&self.time_ms.saturating_sub(time_ms))
        {
            self.time_ms = time_ms;
        }
        self.enforces_quotas = false;
        self.tree.quotas.begin_entry();
        Ok(())
    }

    /// What exceeds the hard limit of a quota is refused in the rest of this entry.
    pub const fn enforce_quotas(&mut self) {
        self.enforces_quotas = true;
    }

    /// Whether a group of this entry is to be applied: asked once for each, in order.
    pub fn admit(&mut self, id: GroupId) -> Verdict {
        self.members.admit(id)
    }

    /// How far the groups of a member were applied.
    pub fn progress(&self, member: u32) -> Progress {
        self.members.get(member)
    }

    /// One number for all of the state: nodes at the same index have the same.
    pub fn digest(&self) -> u64 {
        digest::of_words(&[
            self.tree.digest,
            self.sessions.digest,
            self.sessions.next_id as u64,
            self.members.digest(),
            self.zxid as u64,
            self.time_ms as u64,
        ])
    }

    /// Carries out one request. Every request has an outcome; a client's write takes one zxid, also
    /// when it fails.
    pub fn apply(&mut self, request: &Request<'_>, auth: &[AuthId], effects: &mut Effects) {
        effects.clear();
        self.tree.acls.sweep();
        if takes_zxid(request.op) {
            self.zxid = self.zxid.saturating_add(1);
        }
        effects.zxid = self.zxid;
        if let Err(error) = self.dispatch(request, auth, effects) {
            effects.fail(error);
        }
    }

    fn dispatch(
        &mut self,
        request: &Request<'_>,
        auth: &[AuthId],
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        let owner = (request.origin, request.conn);
        let context = Context {
            zxid: self.zxid,
            time_ms: self.time_ms,
            session: self.sessions.check(request.session, owner),
            auth,
            enforces_quotas: self.enforces_quotas,
            refuses_ttl: request.op == ops::MULTI_WITHOUT_TTL,
        };
        let (tree, body) = (&mut self.tree, &mut Reader::new(request.body));
        match request.op {
            ops::CREATE | ops::CREATE2 | ops::CREATE_CONTAINER | ops::CREATE_TTL => {
                create::Create::read(request.op, body)?.run(tree, &context, effects)
            }
            ops::DELETE => delete::Delete::read(body)?.run(tree, &context, effects),
            ops::SET_DATA => set::SetData::read(body)?.run(tree, &context, effects),
            ops::SET_ACL => set::SetAcl::read(body)?.run(tree, &context, effects),
            ops::MULTI | ops::MULTI_WITHOUT_TTL => {
                match multi::run(tree, request.body, &context, effects) {
                    Ok(()) => Ok(()),
                    Err(multi::Failure::Refused(error)) => Err(error),
                    Err(multi::Failure::Stuck) => {
                        self.is_stuck = true;
                        Err(ErrorCode::SYSTEM_ERROR)
                    }
                }
            }
            // The front puts this in the place of a request that its configuration refuses.
            ops::ERROR => Err(ErrorCode(body.i32()?)),
            ops::CREATE_SESSION => self.sessions.create(request.body, owner, effects),
            ops::ATTACH_SESSION => {
                self.sessions.attach(request.session, request.body, owner, effects)
            }
            ops::CLOSE_SESSION => self.sessions.close(request.session, tree, self.zxid, effects),
            ops::EXPIRE_SESSIONS => self.sessions.expire(request.body, tree, self.zxid, effects),
            ops::COLLECT => ttl::collect(tree, request.body, self.zxid, self.time_ms, effects),
            ops::BOOTSTRAP => self.sessions.bootstrap(request.body),
            _ => Err(ErrorCode::UNIMPLEMENTED),
        }
    }

    pub const fn last_zxid(&self) -> i64 {
        self.zxid
    }

    pub const fn applied_index(&self) -> u64 {
        self.index
    }

    pub const fn bootstrapped(&self) -> bool {
        self.sessions.facts.is_some()
    }

    pub fn cluster_id(&self) -> Option<[u8; CLUSTER_ID_BYTES]> {
        self.sessions.facts.as_ref().map(|facts| facts.cluster_id)
    }

    pub fn session(&self, session: i64) -> Option<SessionView> {
        self.sessions.get(session)
    }

    /// Every session by its id, in order.
    pub fn sessions(&self) -> impl Iterator<Item = (i64, SessionView)> + '_ {
        self.sessions.live.iter().map(|(session, view)| (*session, *view))
    }

    pub fn password(&self, session: i64) -> [u8; 16] {
        self.sessions.password(session)
    }

    /// Appends (path, czxid) of containers and TTL znodes that may be deleted at `now_ms`. A call
    /// looks at a bounded number of them, and the next call goes on where it stopped.
    pub fn collectable(&mut self, now_ms: i64, limit: usize, out: &mut Vec<(String, i64)>) {
        ttl::search(&self.tree, &mut self.search, now_ms, limit, out);
    }

    /// The data of /zookeeper/config as this node serves it; whether it was another before.
    pub fn set_config(&mut self, data: &[u8]) -> bool {
        let differs = self.config != data;
        self.config = data.to_vec();
        differs
    }

    /// Znodes, the root counted.
    pub fn node_count(&self) -> u64 {
        self.tree.store.node_count()
    }

    pub fn data_bytes(&self) -> u64 {
        self.tree.store.data_bytes()
    }

    pub fn memory_bytes(&self) -> u64 {
        self.tree.store.memory_bytes() + self.tree.acls.memory_bytes() as u64
    }

    /// Ephemeral znodes of all sessions.
    pub fn ephemerals_count(&self) -> usize {
        self.tree.ephemerals.values().map(std::collections::BTreeSet::len).sum()
    }

    /// Sessions that have ephemeral znodes, in order.
    pub fn sessions_with_ephemerals(&self) -> impl Iterator<Item = i64> + '_ {
        self.tree.ephemerals.keys().copied()
    }

    /// Different ACLs in use.
    pub fn acl_count(&self) -> usize {
        self.tree.acls.count()
    }
}

/// What only moves a session or begins the cluster changes no znode.
const fn takes_zxid(op: i32) -> bool {
    !matches!(op, ops::ATTACH_SESSION | ops::BOOTSTRAP)
}
