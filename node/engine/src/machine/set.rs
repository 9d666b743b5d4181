//! setData, setACL, and the check of a multi.

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader};
use crate::store::Meta;

use super::acl;
use super::acl_list::RawAcl;
use super::context::{Context, next_version};
use super::effects::{Effects, EventKind};
use super::path;
use super::quota;
use super::stat::put_stat;
use super::tree::Tree;

#[derive(Clone, Copy, Debug)]
pub struct SetData<'a> {
    pub path: &'a str,
    pub data: Option<&'a [u8]>,
    pub version: i32,
}

impl<'a> SetData<'a> {
    pub fn read(body: &mut Reader<'a>) -> Result<Self, Malformed> {
        // Null is a bad path here, as in ZooKeeper; elsewhere it makes the request malformed.
        Ok(Self { path: body.string()?, data: body.buf()?, version: body.i32()? })
    }

    pub fn run(
        &self,
        tree: &mut Tree,
        context: &Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        context.session?;
        path::validate(self.path)?;
        let id = tree.find(self.path)?;
        let meta = tree.store.meta(id);
        if !tree.acls.allows(meta.acl, acl::WRITE, context.auth) {
            return Err(ErrorCode::NO_AUTH);
        }
        if context.enforces_quotas {
            let bytes = |data: Option<&[u8]>| data.map_or(0, <[u8]>::len) as i64;
            let more = bytes(self.data) - bytes(tree.store.data(id));
            if let Err(error) = quota::check(tree, self.path, 0, more) {
                effects.over_quota = true;
                return Err(error);
            }
        }
        let version = next_version(meta.version, self.version)?;
        let after = Meta { version, mzxid: context.zxid, mtime: context.time_ms, ..meta };
        tree.set_data(id, self.path, self.data, &after)?;
        put_stat(&tree.store, id, &mut effects.body);
        let at = effects.add_path(self.path);
        effects.add_event(EventKind::DataChanged, at, meta.acl);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub struct SetAcl<'a> {
    pub path: &'a str,
    pub acl: RawAcl<'a>,
    /// Of the ACL, not of the data.
    pub version: i32,
}

impl<'a> SetAcl<'a> {
    pub fn read(body: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { path: body.string()?, acl: RawAcl::read(body)?, version: body.i32()? })
    }

    pub fn run(
        &self,
        tree: &mut Tree,
        context: &Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        context.session?;
        path::validate(self.path)?;
        let acl = tree.acls.fix_up(self.acl, context.auth)?;
        let id = tree.find(self.path)?;
        let meta = tree.store.meta(id);
        if !tree.acls.allows(meta.acl, acl::ADMIN, context.auth) {
            return Err(ErrorCode::NO_AUTH);
        }
        let aversion = next_version(meta.aversion, self.version)?;
        tree.set_acl(id, self.path, &Meta { aversion, acl, ..meta });
        put_stat(&tree.store, id, &mut effects.body);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    pub path: &'a str,
    pub version: i32,
}

impl<'a> Check<'a> {
    pub fn read(body: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { path: body.path()?, version: body.i32()? })
    }

    pub fn run(&self, tree: &Tree, context: &Context<'_>) -> Result<(), ErrorCode> {
        context.session?;
        path::validate(self.path)?;
        let meta = tree.store.meta(tree.find(self.path)?);
        if !tree.acls.allows(meta.acl, acl::READ, context.auth) {
            return Err(ErrorCode::NO_AUTH);
        }
        next_version(meta.version, self.version).map(|_| ())
    }
}
