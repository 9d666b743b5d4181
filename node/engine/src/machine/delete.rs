//! delete.

use crate::error::ErrorCode;
use crate::jute::{Malformed, Reader};
use crate::store::NodeId;

use super::acl;
use super::context::{Context, next_version};
use super::effects::{Effects, EventKind};
use super::path;
use super::tree::Tree;

#[derive(Clone, Copy, Debug)]
pub struct Delete<'a> {
    pub path: &'a str,
    pub version: i32,
}

impl<'a> Delete<'a> {
    pub fn read(body: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { path: body.path()?, version: body.i32()? })
    }

    pub fn run(
        &self,
        tree: &mut Tree,
        context: &Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), ErrorCode> {
        context.session?;
        let (parent_path, name) = path::split(self.path)?;
        if path::is_special(self.path) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let parent = tree.find(parent_path)?;
        if !tree.acls.allows(tree.store.meta(parent).acl, acl::DELETE, context.auth) {
            return Err(ErrorCode::NO_AUTH);
        }
        // "//a" splits into "/" and "a": the root is its parent, and still it names nothing.
        let id = tree.child(parent, name).filter(|_| parent_path != "/");
        let id = id.ok_or(ErrorCode::NO_NODE)?;
        next_version(tree.store.meta(id).version, self.version)?;
        if tree.store.num_children(id) > 0 {
            return Err(ErrorCode::NOT_EMPTY);
        }
        remove(tree, id, self.path, context.zxid, effects)
    }
}

/// Deletes a leaf for whatever reason, and tells it.
pub fn remove(
    tree: &mut Tree,
    id: NodeId,
    path: &str,
    zxid: i64,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let acl = tree.store.meta(id).acl;
    let parent_acl = tree.store.parent(id).map_or(acl::OPEN, |parent| tree.store.meta(parent).acl);
    tree.delete(id, path, zxid)?;
    let at = effects.add_path(path);
    effects.add_event(EventKind::Deleted, at, acl);
    effects.add_parent_event(at, parent_acl);
    Ok(())
}
