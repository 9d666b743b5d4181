//! Containers and TTL znodes: finding those that may go, and deleting one that still may.

use core::ops::Bound;
use std::collections::BTreeSet;

use crate::error::ErrorCode;
use crate::jute::Reader;
use crate::ops;
use crate::store::{Meta, NodeId};

use super::create::Create;
use super::delete;
use super::effects::Effects;
use super::multi;
use super::stat::Kind;
use super::tree::Tree;

/// Znodes looked at in one search: about a millisecond or two of work. The next search goes on there.
const SEARCH_MAX: usize = 10_000;

/// Where the next search begins: in the containers, then in the TTL znodes. Local to this node.
#[derive(Debug, Default)]
pub struct Search {
    container: Option<NodeId>,
    ttl: Option<NodeId>,
}

/// Whether a client's request is for a TTL znode, or a multi that would make one.
pub fn asks_for_ttl(op: i32, body: &[u8]) -> bool {
    match op {
        ops::CREATE | ops::CREATE2 | ops::CREATE_CONTAINER | ops::CREATE_TTL => {
            Create::read(op, &mut Reader::new(body)).is_ok_and(|create| create.asks_for_ttl())
        }
        ops::MULTI => multi::asks_for_ttl(body),
        _ => false,
    }
}

/// Appends (path, czxid) of at most `limit` znodes that may be deleted at `now_ms`.
pub fn search(
    tree: &Tree,
    search: &mut Search,
    now_ms: i64,
    limit: usize,
    out: &mut Vec<(String, i64)>,
) {
    let end = out.len().saturating_add(limit);
    search.container = walk(tree, &tree.containers, search.container, now_ms, end, out);
    search.ttl = walk(tree, &tree.ttls, search.ttl, now_ms, end, out);
}

fn walk(
    tree: &Tree,
    ids: &BTreeSet<NodeId>,
    after: Option<NodeId>,
    now_ms: i64,
    end: usize,
    out: &mut Vec<(String, i64)>,
) -> Option<NodeId> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut last = None;
    for (count, &id) in ids.range((from, Bound::Unbounded)).enumerate() {
        if count == SEARCH_MAX || out.len() >= end {
            return last.or(after);
        }
        last = Some(id);
        let meta = tree.store.meta(id);
        if may_go(tree, id, &meta, now_ms) {
            let mut path = Vec::new();
            tree.store.push_path(id, &mut path);
            if let Ok(path) = String::from_utf8(path) {
                out.push((path, meta.czxid));
            }
        }
    }
    None
}

/// A container that had a child once and has none now; a TTL znode without children that nobody
/// wrote to for longer than its time.
fn may_go(tree: &Tree, id: NodeId, meta: &Meta, now_ms: i64) -> bool {
    if tree.store.num_children(id) > 0 {
        return false;
    }
    match Kind::of(meta.owner) {
        Kind::Container => meta.creates != 0,
        Kind::Ttl(ttl_ms) => ttl_ms != 0 && now_ms.saturating_sub(meta.mtime) > ttl_ms,
        Kind::Persistent | Kind::Ephemeral(_) => false,
    }
}

/// Carries out COLLECT: a znode found earlier is deleted if it is the same one and may still go.
pub fn collect(
    tree: &mut Tree,
    body: &[u8],
    zxid: i64,
    time_ms: i64,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let mut reader = Reader::new(body);
    let (path, czxid) = (reader.string()?, reader.i64()?);
    let id = tree.find(path)?;
    let meta = tree.store.meta(id);
    if meta.czxid != czxid || !may_go(tree, id, &meta, time_ms) {
        return Err(ErrorCode::BAD_VERSION);
    }
    delete::remove(tree, id, path, zxid, effects)
}
