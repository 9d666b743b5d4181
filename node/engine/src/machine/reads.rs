//! The reads. Each appends the body of its reply, or answers why not and appends nothing.

use std::collections::BTreeSet;

use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::{Reader, Writer};
use crate::ops;
use crate::store::{NodeId, ROOT, Store};

use super::acl;
use super::multi;
use super::sessions::ephemeral_paths;
use super::stat;
use super::{Machine, path, work};

/// Bytes of results after which a multiRead asks for no more: an answer is made at once and in one piece,
/// and a request of 16 bytes may ask for a megabyte. Java's clients take 1 MiB of an answer unless they
/// are told otherwise.
pub(super) const MULTI_READ_BYTES_MAX: usize = 16 << 20;

/// What setWatches compares with the zxid that a client saw last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    pub czxid: i64,
    pub mzxid: i64,
    pub pzxid: i64,
    pub acl: u32,
}

impl Machine {
    pub fn exists(&self, path: &str, auth: &[AuthId], out: &mut Vec<u8>) -> Result<(), ErrorCode> {
        if path.as_bytes().contains(&0) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let id = self.readable(path, acl::READ, auth)?;
        self.put_stat(id, path, out);
        Ok(())
    }

    pub fn get_data(
        &self,
        path: &str,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        let id = self.readable(path, acl::READ, auth)?;
        if let Some(znode) = self.tree.store.read(id) {
            let data = self.own_config(path).or(znode.data);
            out.put_buf(data);
            stat::put(&znode.meta, data.map_or(0, <[u8]>::len), znode.num_children, out);
        }
        Ok(())
    }

    pub fn get_acl(&self, path: &str, auth: &[AuthId], out: &mut Vec<u8>) -> Result<(), ErrorCode> {
        let id = self.readable(path, acl::READ | acl::ADMIN, auth)?;
        let list = self.tree.store.meta(id).acl;
        let is_admin = self.tree.acls.allows(list, acl::ADMIN, auth);
        self.tree.acls.put(list, is_admin, out);
        self.put_stat(id, path, out);
        Ok(())
    }

    pub fn get_children(
        &mut self,
        path: &str,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        let id = self.readable(path, acl::READ, auth)?;
        if let Some(list) = self.tree.lists.get(id) {
            out.extend_from_slice(list);
            return Ok(());
        }
        let start = out.len();
        put_children(&self.tree.store, id, out);
        self.tree.lists.insert(id, out.get(start..).unwrap_or_default());
        Ok(())
    }

    pub fn get_children2(
        &mut self,
        path: &str,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        self.get_children(path, auth, out)?;
        let id = self.tree.find(path)?;
        self.put_stat(id, path, out);
        Ok(())
    }

    pub fn all_children_number(
        &self,
        path: &str,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        let id = self.readable(path, acl::READ, auth)?;
        let store = &self.tree.store;
        // Of the root the answer is known; any other subtree is walked.
        let count = if id == ROOT {
            store.node_count().saturating_sub(1)
        } else {
            let count = store.descendants_count(id);
            self.add_steps(work::ZNODE.saturating_mul(count as usize));
            count
        };
        out.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
        Ok(())
    }

    /// The ephemeral znodes of a session whose path begins with `prefix`; a blank one, or "/", takes all.
    pub fn get_ephemerals(&self, session: i64, prefix: &str, out: &mut Vec<u8>) {
        let prefix = if matches!(prefix.trim(), "" | "/") { "" } else { prefix };
        let paths = ephemeral_paths(&self.tree, session, prefix);
        out.put_i32(paths.len() as i32);
        for path in &paths {
            out.put_string(path);
        }
        let looked_at = self.tree.ephemerals.get(&session).map_or(0, BTreeSet::len);
        self.add_steps(work::ZNODE * looked_at + work::PATH * paths.len());
    }

    /// multiRead: results and errors side by side. Only a request that is not one fails as a whole, or
    /// one that asks for too much.
    pub fn multi_read(
        &mut self,
        body: Reader<'_>,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        let start = out.len();
        let result = self.multi_read_all(body, auth, out);
        self.add_steps((out.len() - start) / work::BYTES);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn multi_read_all(
        &mut self,
        mut body: Reader<'_>,
        auth: &[AuthId],
        out: &mut Vec<u8>,
    ) -> Result<(), ErrorCode> {
        let start = out.len();
        while let Some(op) = multi::read_header(&mut body)? {
            let (path, _watch) = (body.path()?, body.bool()?);
            let mark = out.len();
            if mark - start > MULTI_READ_BYTES_MAX {
                return Err(ErrorCode::BAD_ARGUMENTS);
            }
            self.add_steps(work::PATH);
            multi::put_header(op, false, 0, out);
            let outcome = match op {
                ops::GET_DATA => self.get_data(path, auth, out),
                ops::GET_CHILDREN => self.get_children(path, auth, out),
                _ => return Err(ErrorCode::MARSHALLING_ERROR),
            };
            if let Err(error) = outcome {
                out.truncate(mark);
                multi::put_error(error, out);
            }
        }
        multi::put_end(out);
        Ok(())
    }

    /// Whether somebody with these ids may read a znode with this ACL.
    pub fn can_read(&self, acl: u32, auth: &[AuthId]) -> bool {
        self.tree.acls.allows(acl, acl::READ, auth)
    }

    /// The zxids of a znode; `None` if there is no such znode.
    pub fn stamps(&self, path: &str) -> Option<Stamps> {
        let meta = self.tree.store.meta(self.tree.find(path).ok()?);
        // A change of the membership has no zxid, and other members may know of it sooner or later: it may
        // have been since any zxid.
        let mzxid = if self.own_config(path).is_some() { i64::MAX } else { meta.mzxid };
        Some(Stamps { czxid: meta.czxid, mzxid, pzxid: meta.pzxid, acl: meta.acl })
    }

    /// The paths of a session's ephemeral znodes, sorted.
    pub fn ephemeral_paths(&self, session: i64) -> Vec<String> {
        ephemeral_paths(&self.tree, session, "")
    }

    /// Whether the membership may be changed by the request of these ids: as in ZooKeeper, who may
    /// write /zookeeper/config.
    pub fn may_reconfigure(&self, auth: &[AuthId]) -> bool {
        self.readable(path::CONFIG, acl::WRITE, auth).is_ok()
    }

    fn readable(&self, path: &str, perms: i32, auth: &[AuthId]) -> Result<NodeId, ErrorCode> {
        let id = self.tree.find(path)?;
        let acl = self.tree.store.meta(id).acl;
        if acl != acl::OPEN {
            self.add_steps(self.tree.acls.steps(acl, auth));
        }
        if self.tree.acls.allows(acl, perms, auth) { Ok(id) } else { Err(ErrorCode::NO_AUTH) }
    }

    /// The configuration this node serves as the data of /zookeeper/config, if it was told one.
    fn own_config(&self, path: &str) -> Option<&[u8]> {
        (path == path::CONFIG && !self.config.is_empty()).then_some(&*self.config)
    }

    fn put_stat(&self, id: NodeId, path: &str, out: &mut Vec<u8>) {
        match (self.own_config(path), self.tree.store.read(id)) {
            (Some(data), Some(znode)) => {
                stat::put(&znode.meta, data.len(), znode.num_children, out);
            }
            _ => stat::put_stat(&self.tree.store, id, out),
        }
    }
}

fn put_children(store: &Store, id: NodeId, out: &mut Vec<u8>) {
    out.put_i32(store.num_children(id) as i32);
    for child in store.children(id) {
        out.put_buf(Some(store.name_bytes(child)));
    }
}
