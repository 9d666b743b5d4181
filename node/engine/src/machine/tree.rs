//! The tree with everything that must change together with it: ACL uses, the znodes of each session,
//! containers, TTL znodes, quotas, cached lists; and the way back when a multi fails.
//!
//! The operations above decide; here nothing is refused but for want of room.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::ErrorCode;
use crate::store::{Meta, NodeId, ROOT, Store};

use super::acl::{self, AclTable};
use super::digest;
use super::lists::ListCache;
use super::path;
use super::quota::{self, Quotas};
use super::stat::Kind;

/// How to take back one change. Ids are those at the time of the change.
#[derive(Debug)]
enum Undo {
    Create {
        id: NodeId,
        parent: NodeId,
        parent_meta: Meta,
    },
    Delete {
        id: NodeId,
        parent: NodeId,
        parent_meta: Meta,
        name: Box<str>,
        data: Option<Box<[u8]>>,
        meta: Meta,
    },
    Data {
        id: NodeId,
        data: Option<Box<[u8]>>,
        meta: Meta,
    },
}

/// A znode of a snapshot has an ACL that did not come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAcl;

pub struct Tree {
    pub store: Store,
    pub acls: AclTable,
    pub lists: ListCache,
    /// The ephemeral znodes of each session that has any.
    pub ephemerals: BTreeMap<i64, BTreeSet<NodeId>>,
    pub containers: BTreeSet<NodeId>,
    pub ttls: BTreeSet<NodeId>,
    pub(super) quotas: Quotas,
    /// Of every znode; see `digest`.
    pub(super) digest: u64,
    undo: Vec<Undo>,
    /// The digest when recording began.
    digest_before: u64,
    recording: bool,
}

impl Tree {
    /// No znode but the root, for a restore.
    pub fn bare(seed: u64) -> Self {
        Self {
            store: Store::new(seed),
            acls: AclTable::new(),
            lists: ListCache::default(),
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            ttls: BTreeSet::new(),
            quotas: Quotas::default(),
            digest: 0,
            undo: Vec::new(),
            digest_before: 0,
            recording: false,
        }
    }

    /// The tree a ZooKeeper starts with. Its znodes were created by no request: all stamps are zero.
    pub fn fresh(seed: u64) -> Self {
        let mut tree = Self::bare(seed);
        let readable = tree.acls.intern(acl::READ_ONLY_BYTES).unwrap_or(acl::OPEN);
        // ZooKeeper sets this list with "version −1", which is what its clients then see.
        let config = Meta { aversion: -1, acl: readable, ..Meta::default() };
        if let Ok(proc) = tree.link(ROOT, &path::PROC[1..], Some(&[]), &Meta::default()) {
            let _ = tree.link(proc, "quota", Some(&[]), &Meta::default());
            let _ = tree.link(proc, "config", Some(&[]), &config);
        }
        tree.digest = tree.count_digest();
        tree
    }

    /// The znode of a path as a client sent it: "" is the root too, as in ZooKeeper.
    pub fn find(&self, path: &str) -> Result<NodeId, ErrorCode> {
        if path.is_empty() || path == "/" {
            return Ok(ROOT);
        }
        if !path::can_exist(path) {
            return Err(ErrorCode::NO_NODE);
        }
        self.store.lookup(path).ok_or(ErrorCode::NO_NODE)
    }

    /// A child by the last part of a path, which may be empty: no znode but the root has such a name.
    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        if name.is_empty() { None } else { self.store.child(parent, name) }
    }

    /// Creates a znode. `meta.czxid` stamps the parent.
    pub fn create(
        &mut self,
        parent: NodeId,
        path: &str,
        data: Option<&[u8]>,
        meta: &Meta,
    ) -> Result<NodeId, ErrorCode> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let id = self.link(parent, name, data, meta)?;
        let parent_meta = self.store.meta(parent);
        if self.recording {
            self.undo.push(Undo::Create { id, parent, parent_meta });
        }
        let creates = parent_meta.creates.wrapping_add(1);
        let after = Meta { creates, pzxid: meta.czxid, ..parent_meta };
        self.store.set_meta(parent, &after);
        self.digest_gains(self.digest_of(digest::of_bytes(path.as_bytes()), data, meta));
        self.digest_stamps(path, &parent_meta, &after);
        if name == quota::STATS || !self.quotas.is_empty() {
            quota::on_create(self, path, name, data.map_or(0, <[u8]>::len) as i64);
        }
        Ok(id)
    }

    /// Deletes a leaf.
    pub fn delete(&mut self, id: NodeId, path: &str, zxid: i64) -> Result<(), ErrorCode> {
        let Some(parent) = self.store.parent(id) else { return Err(ErrorCode::BAD_ARGUMENTS) };
        let (meta, parent_meta) = (self.store.meta(id), self.store.meta(parent));
        let data = self.store.data(id);
        let bytes = data.map_or(0, <[u8]>::len) as i64;
        self.digest_loses(self.digest_of(digest::of_bytes(path.as_bytes()), data, &meta));
        if self.recording {
            let name = self.store.name(id).into();
            let data = self.store.data(id).map(Into::into);
            self.undo.push(Undo::Delete { id, parent, parent_meta, name, data, meta });
        }
        self.unlink(id, parent, &meta);
        let after = Meta { pzxid: zxid, ..parent_meta };
        self.store.set_meta(parent, &after);
        self.digest_stamps(path, &parent_meta, &after);
        if !self.quotas.is_empty() {
            quota::add(self, path, -1, -bytes);
        }
        Ok(())
    }

    /// Replaces data and meta (the ACL in it stays).
    pub fn set_data(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        meta: &Meta,
    ) -> Result<(), ErrorCode> {
        if self.quotas.is_empty() {
            return self.write(id, path, data, meta);
        }
        let bytes = |data: Option<&[u8]>| data.map_or(0, <[u8]>::len) as i64;
        let before = bytes(self.store.data(id));
        self.write(id, path, data, meta)?;
        quota::add(self, path, 0, bytes(data) - before);
        Ok(())
    }

    /// As `set_data`, but no quota hears of it: for the statistics of quotas themselves.
    pub(super) fn write(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        meta: &Meta,
    ) -> Result<(), ErrorCode> {
        let Some(before) = self.store.read(id) else { return Err(ErrorCode::SYSTEM_ERROR) };
        let hash = digest::of_bytes(path.as_bytes());
        let was = self.digest_of(hash, before.data, &before.meta);
        if self.recording {
            let (data, meta) = (before.data.map(Into::into), before.meta);
            self.undo.push(Undo::Data { id, data, meta });
        }
        self.store.set_data(id, data, meta).map_err(|_| ErrorCode::SYSTEM_ERROR)?;
        self.digest_loses(was);
        self.digest_gains(self.digest_of(hash, data, meta));
        Ok(())
    }

    /// Replaces the meta, of which the ACL changed. No multi does this, so there is no way back.
    pub fn set_acl(&mut self, id: NodeId, path: &str, meta: &Meta) {
        let before = self.store.meta(id);
        let hash = digest::of_bytes(path.as_bytes());
        let of_stat = |meta: &Meta| digest::of_stat(hash, meta, self.acls.digest(meta.acl));
        let (was, is) = (of_stat(&before), of_stat(meta));
        self.digest_loses(was);
        self.digest_gains(is);
        self.acls.add_use(meta.acl);
        self.store.set_meta(id, meta);
        self.acls.drop_use(before.acl);
    }

    /// All that one znode adds to the digest. `path` is the hash of its path.
    fn digest_of(&self, path: u64, data: Option<&[u8]>, meta: &Meta) -> u64 {
        digest::of_data(path, data)
            .wrapping_add(digest::of_stat(path, meta, self.acls.digest(meta.acl)))
            .wrapping_add(digest::of_stamps(path, meta))
    }

    const fn digest_gains(&mut self, part: u64) {
        self.digest = self.digest.wrapping_add(part);
    }

    const fn digest_loses(&mut self, part: u64) {
        self.digest = self.digest.wrapping_sub(part);
    }

    /// The parent of `path` got new stamps.
    fn digest_stamps(&mut self, path: &str, before: &Meta, after: &Meta) {
        let parent = path.rfind('/').and_then(|slash| path.get(..slash.max(1))).unwrap_or_default();
        let hash = digest::of_bytes(parent.as_bytes());
        self.digest_loses(digest::of_stamps(hash, before));
        self.digest_gains(digest::of_stamps(hash, after));
    }

    /// The digest, from every znode anew.
    pub fn count_digest(&self) -> u64 {
        let mut path = Vec::new();
        let parts = self.store.ids().map(|id| self.digest_at(id, &mut path));
        parts.fold(0, u64::wrapping_add)
    }

    /// What the znode of this id adds; `path` is room to work in.
    fn digest_at(&self, id: NodeId, path: &mut Vec<u8>) -> u64 {
        path.clear();
        self.store.push_path(id, path);
        let hash = digest::of_bytes(path);
        self.store.read(id).map_or(0, |znode| self.digest_of(hash, znode.data, &znode.meta))
    }

    fn link(
        &mut self,
        parent: NodeId,
        name: &str,
        data: Option<&[u8]>,
        meta: &Meta,
    ) -> Result<NodeId, ErrorCode> {
        let id =
            self.store.insert(parent, name, data, meta).map_err(|_| ErrorCode::SYSTEM_ERROR)?;
        self.lists.forget(parent);
        self.know(id, meta, name);
        Ok(id)
    }

    /// Enters a znode that is in the store into everything beside the store.
    fn know(&mut self, id: NodeId, meta: &Meta, name: &str) {
        self.acls.add_use(meta.acl);
        match Kind::of(meta.owner) {
            Kind::Persistent => {}
            Kind::Ephemeral(session) => {
                self.ephemerals.entry(session).or_default().insert(id);
            }
            Kind::Container => {
                self.containers.insert(id);
            }
            Kind::Ttl(_) => {
                self.ttls.insert(id);
            }
        }
        if name == quota::LIMITS {
            self.quotas.add(&self.store, id);
        }
    }

    fn unlink(&mut self, id: NodeId, parent: NodeId, meta: &Meta) {
        match Kind::of(meta.owner) {
            Kind::Persistent => {}
            Kind::Ephemeral(session) => {
                if let Some(owned) = self.ephemerals.get_mut(&session) {
                    owned.remove(&id);
                    if owned.is_empty() {
                        self.ephemerals.remove(&session);
                    }
                }
            }
            Kind::Container => {
                self.containers.remove(&id);
            }
            Kind::Ttl(_) => {
                self.ttls.remove(&id);
            }
        }
        if !self.quotas.is_empty() && self.store.name(id) == quota::LIMITS {
            self.quotas.remove(&self.store, id);
        }
        self.lists.forget(parent);
        self.lists.forget(id);
        self.store.remove(id);
        self.acls.drop_use(meta.acl);
    }

    /// After a restore of the store: enters so many of its znodes, from this id on, into everything
    /// beside it. Answers where to go on; nowhere when all are entered.
    pub fn know_some(&mut self, from: u32, znodes: u32) -> Result<Option<u32>, UnknownAcl> {
        let (mut next, mut path) = (from, Vec::new());
        for _ in 0..znodes {
            let Some(id) = self.store.next_id(next) else {
                self.acls.restore_end();
                return Ok(None);
            };
            next = id.0 + 1;
            let meta = self.store.meta(id);
            if !self.acls.contains(meta.acl) {
                return Err(UnknownAcl);
            }
            let is_limits = self.store.name_bytes(id) == quota::LIMITS.as_bytes();
            self.know(id, &meta, if is_limits { quota::LIMITS } else { "" });
            self.digest_gains(self.digest_at(id, &mut path));
        }
        Ok(Some(next))
    }

    /// From here on changes can be taken back, until `commit` or `roll_back`.
    pub fn begin(&mut self) {
        self.undo.clear();
        self.digest_before = self.digest;
        self.recording = true;
    }

    pub fn commit(&mut self) {
        self.recording = false;
        self.undo.clear();
    }

    /// Takes back every change since `begin`, the last one first.
    pub fn roll_back(&mut self) -> Result<(), ErrorCode> {
        self.recording = false;
        self.digest = self.digest_before;
        // A znode that is linked anew may get another id; the older changes still know the former.
        let mut moved: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        while let Some(undo) = self.undo.pop() {
            let now = |id: NodeId| moved.get(&id).copied().unwrap_or(id);
            match undo {
                Undo::Create { id, parent, parent_meta } => {
                    let (id, parent) = (now(id), now(parent));
                    let meta = self.store.meta(id);
                    self.unlink(id, parent, &meta);
                    self.store.set_meta(parent, &parent_meta);
                }
                Undo::Delete { id, parent, parent_meta, name, data, meta } => {
                    let parent = now(parent);
                    let again = self.link(parent, &name, data.as_deref(), &meta)?;
                    self.store.set_meta(parent, &parent_meta);
                    moved.insert(id, again);
                }
                Undo::Data { id, data, meta } => {
                    self.store
                        .set_data(now(id), data.as_deref(), &meta)
                        .map_err(|_| ErrorCode::SYSTEM_ERROR)?;
                }
            }
        }
        Ok(())
    }
}
