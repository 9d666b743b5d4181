//! create, create2, createContainer and createTTL.
//!
//! The order of the checks is ZooKeeper's, since it decides which error a client sees. Only the slash
//! and NUL of a path are looked at before the parent; the rest of the path after it.

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader, Writer};
use crate::ops;
use crate::store::Meta;

use super::acl;
use super::acl_list::RawAcl;
use super::context::Context;
use super::effects::{Effects, EventKind};
use super::path;
use super::quota;
use super::stat::{self, Kind, TTL_MS_MAX};
use super::tree::Tree;

/// Create modes, as `flags` of the request.
const EPHEMERAL: i32 = 1;
const SEQUENTIAL: i32 = 2;
const EPHEMERAL_SEQUENTIAL: i32 = 3;
const CONTAINER: i32 = 4;
const TTL: i32 = 5;
const TTL_SEQUENTIAL: i32 = 6;

#[derive(Clone, Copy, Debug)]
pub struct Create<'a> {
    /// Which of the four it is. It decides about container and TTL, whatever the flags say.
    pub op: i32,
    /// `None` for null, which fails like an unreadable request, but only after the mode.
    pub path: Option<&'a str>,
    pub data: Option<&'a [u8]>,
    pub acl: RawAcl<'a>,
    pub flags: i32,
    /// −1 where the request has no such field.
    pub ttl_ms: i64,
}

impl<'a> Create<'a> {
    pub fn read(op: i32, body: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            op,
            path: read_path(body)?,
            data: body.buf()?,
            acl: RawAcl::read(body)?,
            flags: body.i32()?,
            ttl_ms: if op == ops::CREATE_TTL { body.i64()? } else { -1 },
        })
    }

    /// The request as a multi understands it: there the flags choose the operation.
    pub fn in_multi(mut self) -> Result<Self, Malformed> {
        match (self.op, self.flags) {
            (ops::CREATE_TTL, TTL | TTL_SEQUENTIAL) => {}
            (ops::CREATE_TTL, flags) => {
                self.op = if flags == CONTAINER { ops::CREATE_CONTAINER } else { ops::CREATE };
                self.ttl_ms = -1;
            }
            (_, CONTAINER) => self.op = ops::CREATE_CONTAINER,
            (_, 0..=EPHEMERAL_SEQUENTIAL) => {}
            _ => return Err(Malformed),
        }
        Ok(self)
    }

    fn kind(&self, session: i64) -> Kind {
        match self.op {
            ops::CREATE_CONTAINER => Kind::Container,
            ops::CREATE_TTL => Kind::Ttl(self.ttl_ms),
            _ if matches!(self.flags, EPHEMERAL | EPHEMERAL_SEQUENTIAL) => Kind::Ephemeral(session),
            // Container flags with a plain create make a persistent znode, as in ZooKeeper.
            _ => Kind::Persistent,
        }
    }

    const fn is_sequential(&self) -> bool {
        matches!(self.flags, SEQUENTIAL | EPHEMERAL_SEQUENTIAL | TTL_SEQUENTIAL)
    }

    fn check_mode(&self) -> Result<(), ErrorCode> {
        let is_valid = match self.flags {
            TTL | TTL_SEQUENTIAL => (1..=TTL_MS_MAX).contains(&self.ttl_ms),
            0..=CONTAINER => self.op != ops::CREATE_TTL,
            _ => false,
        };
        if is_valid { Ok(()) } else { Err(ErrorCode::BAD_ARGUMENTS) }
    }

    /// By the mode, and not by which of the four it is, as in ZooKeeper.
    pub const fn asks_for_ttl(&self) -> bool {
        matches!(self.flags, TTL | TTL_SEQUENTIAL)
    }

    /// Whether the answer has a Stat after the path.
    pub const fn answers_stat(&self) -> bool {
        self.op != ops::CREATE
    }

    pub fn run(
        &self,
        tree: &mut Tree,
        context: &Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        if context.refuses_ttl && self.asks_for_ttl() {
            return Err(ErrorCode::UNIMPLEMENTED);
        }
        self.check_mode()?;
        let session = context.session?;
        let asked = self.path.ok_or(ErrorCode::MARSHALLING_ERROR)?;
        let (parent_path, _) = path::split(asked)?;
        let acl = tree.acls.fix_up(self.acl, context.auth)?;
        let parent = tree.find(parent_path)?;
        let parent_meta = tree.store.meta(parent);
        if !tree.acls.allows(parent_meta.acl, acl::CREATE, context.auth) {
            return Err(ErrorCode::NO_AUTH);
        }
        let at = if self.is_sequential() {
            effects.add_numbered_path(asked, parent_meta.creates)
        } else {
            effects.add_path(asked)
        };
        let path = effects.paths.get(at.0 as usize..).unwrap_or_default();
        path::validate(path)?;
        let (_, name) = path::split(path)?;
        // The root has no name, and is there.
        if name.is_empty() || tree.child(parent, name).is_some() {
            return Err(ErrorCode::NODE_EXISTS);
        }
        if matches!(Kind::of(parent_meta.owner), Kind::Ephemeral(_)) {
            return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
        }
        quota::check_count(tree, path, name)?;
        if context.enforces_quotas {
            let bytes = self.data.map_or(0, <[u8]>::len) as i64;
            if let Err(error) = quota::check(tree, path, 1, bytes) {
                effects.over_quota = true;
                return Err(error);
            }
        }
        let meta = Meta {
            czxid: context.zxid,
            mzxid: context.zxid,
            pzxid: context.zxid,
            ctime: context.time_ms,
            mtime: context.time_ms,
            owner: self.kind(session).owner(),
            acl,
            ..Meta::default()
        };
        tree.create(parent, path, self.data, &meta)?;
        effects.body.put_string(path);
        if self.answers_stat() {
            // As it was created, even if it is a znode of quota statistics and has changed already.
            stat::put(&meta, self.data.map_or(0, <[u8]>::len), 0, &mut effects.body);
        }
        effects.add_event(EventKind::Created, at, acl);
        effects.add_parent_event(at, parent_meta.acl);
        Ok(())
    }
}

fn read_path<'a>(body: &mut Reader<'a>) -> Result<Option<&'a str>, Malformed> {
    body.buf()?.map(|bytes| core::str::from_utf8(bytes).map_err(|_| Malformed)).transpose()
}
