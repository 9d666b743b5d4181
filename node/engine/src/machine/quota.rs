//! Quotas: the count and bytes of a subtree, kept in `/zookeeper/quota/<path>/zookeeper_stats`.
//!
//! A subtree has a quota while `/zookeeper/quota/<path>/zookeeper_limits` exists. Soft limits refuse
//! nothing; hard ones do in an entry whose leader enforces them. The statistics are data of a znode
//! whose version and times stay, as in ZooKeeper.

use std::collections::BTreeSet;

use crate::error::ErrorCode;
use crate::store::{NodeId, Store};

use super::path;
use super::tree::Tree;

pub const LIMITS: &str = "zookeeper_limits";
pub const STATS: &str = "zookeeper_stats";
const UNLIMITED: i64 = -1;
/// Longer limits or statistics are as good as unreadable: they are read with every write below them, and
/// those that can be read have less than a hundred bytes.
const DATA_BYTES_MAX: usize = 1024;
/// Znodes counted for new statistics in one entry, some milliseconds of it, from which on it takes no more:
/// a multi of a megabyte could ask for thousands of counts. One subtree is counted however large it is.
const COUNTED_MAX: u64 = 100_000;

/// The paths that have a quota.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    paths: BTreeSet<Box<str>>,
    /// Znodes counted for new statistics in the entry under way.
    counted: u64,
}

impl Quotas {
    /// Another entry.
    pub const fn begin_entry(&mut self) {
        self.counted = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// A znode named `zookeeper_limits` came to be.
    pub fn add(&mut self, store: &Store, limits: NodeId) {
        if let Some(path) = limited_path(store, limits) {
            self.paths.insert(path);
        }
    }

    /// It is about to go.
    pub fn remove(&mut self, store: &Store, limits: NodeId) {
        if let Some(path) = limited_path(store, limits) {
            self.paths.remove(&path);
        }
    }

    /// The nearest path with a quota, from `path` upwards.
    fn nearest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut at = path;
        while !at.is_empty() {
            if self.paths.contains(at) {
                return Some(at);
            }
            at = at.rsplit_once('/')?.0;
        }
        None
    }
}

/// `/a/b` for the znode `/zookeeper/quota/a/b/zookeeper_limits`.
fn limited_path(store: &Store, limits: NodeId) -> Option<Box<str>> {
    let mut bytes = Vec::new();
    store.push_path(limits, &mut bytes);
    let text = core::str::from_utf8(&bytes).ok()?;
    quoted_path(text.rsplit_once('/')?.0).map(Into::into)
}

/// The path that a znode under `/zookeeper/quota` stands for.
fn quoted_path(quota_path: &str) -> Option<&str> {
    quota_path.strip_prefix(path::QUOTA).filter(|rest| rest.starts_with('/'))
}

/// Refuses new statistics when this entry has counted enough. It is the same for all members, as the same
/// entries have counted the same.
pub(super) fn check_count(tree: &Tree, path: &str, name: &str) -> Result<(), ErrorCode> {
    if name == STATS && path.starts_with(path::QUOTA) && tree.quotas.counted >= COUNTED_MAX {
        return Err(ErrorCode::SYSTEM_ERROR);
    }
    Ok(())
}

/// A znode was created.
pub(super) fn on_create(tree: &mut Tree, path: &str, name: &str, bytes: i64) {
    if name == STATS
        && let Some((parent, _)) = path.rsplit_once('/')
        && let Some(subject) = quoted_path(parent)
    {
        let (count, bytes) = measure(&tree.store, subject);
        tree.quotas.counted = tree.quotas.counted.saturating_add(count as u64);
        if let Ok(stats) = tree.find(path) {
            rewrite(tree, stats, path, count, bytes);
        }
    }
    add(tree, path, 1, bytes);
}

/// Adds to the statistics of the quota that `path` falls under, if any.
pub(super) fn add(tree: &mut Tree, path: &str, count: i64, bytes: i64) {
    let Some(subject) = tree.quotas.nearest(path) else { return };
    let stats_path = [path::QUOTA, subject, "/", STATS].concat();
    let Ok(stats) = tree.find(&stats_path) else { return };
    let (old_count, old_bytes) = parse(tree.store.data(stats).unwrap_or_default());
    let (count, bytes) = (old_count.saturating_add(count), old_bytes.saturating_add(bytes));
    rewrite(tree, stats, &stats_path, count, bytes);
}

/// Refuses what would take the quota that `path` falls under beyond a hard limit. What does not change
/// a number is not measured against its limit, however far beyond that it is.
pub(super) fn check(tree: &Tree, path: &str, count: i64, bytes: i64) -> Result<(), ErrorCode> {
    let Some(subject) = tree.quotas.nearest(path) else { return Ok(()) };
    let read = |name: &str| {
        let id = tree.find(&[path::QUOTA, subject, "/", name].concat()).ok()?;
        Some(tree.store.data(id).unwrap_or_default())
    };
    let (Some(limits), Some(stats)) = (read(LIMITS), read(STATS)) else { return Ok(()) };
    let (count_max, bytes_max) = parse_hard(limits);
    let (count_now, bytes_now) = parse(stats);
    let exceeds = |more: i64, now: i64, max: i64| {
        more != 0 && max > UNLIMITED && now.saturating_add(more) > max
    };
    if exceeds(count, count_now, count_max) || exceeds(bytes, bytes_now, bytes_max) {
        return Err(ErrorCode::QUOTA_EXCEEDED);
    }
    Ok(())
}

/// A store without room for a few digits keeps the old statistics: a quota that is off by one is
/// better than a write that is refused for it.
fn rewrite(tree: &mut Tree, stats: NodeId, path: &str, count: i64, bytes: i64) {
    let meta = tree.store.meta(stats);
    let text = format!("count={count},bytes={bytes}");
    let _ = tree.write(stats, path, Some(text.as_bytes()), &meta);
}

/// Of `count=N,bytes=M`, statistics or soft limits.
fn parse(data: &[u8]) -> (i64, i64) {
    (parse_number(data, "count"), parse_number(data, "bytes"))
}

/// Of `…;byteHardLimit=M;countHardLimit=N`: count, bytes.
fn parse_hard(data: &[u8]) -> (i64, i64) {
    (parse_number(data, "countHardLimit"), parse_number(data, "byteHardLimit"))
}

/// What is missing, unreadable or too long counts as −1, which stands for unknown, or for no limit.
fn parse_number(data: &[u8], wanted: &str) -> i64 {
    if data.len() > DATA_BYTES_MAX {
        return UNLIMITED;
    }
    let text = core::str::from_utf8(data).unwrap_or_default();
    let mut number = UNLIMITED;
    for pair in text.split([',', ';']) {
        let mut parts = pair.split('=');
        if parts.next() == Some(wanted) {
            number = parts.next().and_then(|value| value.parse().ok()).unwrap_or(UNLIMITED);
        }
    }
    number
}

/// Znodes and bytes of a subtree, itself included.
fn measure(store: &Store, path: &str) -> (i64, i64) {
    let (mut count, mut bytes) = (0, 0);
    let mut open: Vec<NodeId> = store.lookup(path).into_iter().collect();
    while let Some(id) = open.pop() {
        count += 1;
        bytes += store.data(id).map_or(0, <[u8]>::len) as i64;
        open.extend(store.children(id));
    }
    (count, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_leniently() {
        assert_eq!(parse(b"count=3,bytes=17"), (3, 17));
        assert_eq!(parse(b"count=3,bytes=17=;byteHardLimit=1;countHardLimit=2"), (3, 17));
        assert_eq!(parse(b"count=,bytes=x"), (-1, -1));
        assert_eq!(parse(b"\xff"), (-1, -1));
        let padded = |length| format!("{:length$}", "count=3,bytes=17,");
        assert_eq!(parse(padded(DATA_BYTES_MAX).as_bytes()), (3, 17));
        assert_eq!(parse(padded(DATA_BYTES_MAX + 1).as_bytes()), (-1, -1));
        let limits = b"count=3,bytes=17=;byteHardLimit=1;countHardLimit=2";
        assert_eq!(parse_hard(limits), (2, 1));
        assert_eq!(parse_hard(b"count=3,bytes=17=;byteHardLimit=;countHardLimit=-1"), (-1, -1));
        assert_eq!(parse_hard(b"count=3,bytes=17"), (-1, -1));
    }

    #[test]
    fn the_nearest_quota_counts() {
        let quotas = Quotas { paths: ["/a".into(), "/a/b".into()].into(), ..Quotas::default() };
        assert_eq!(quotas.nearest("/a/b/c"), Some("/a/b"));
        assert_eq!(quotas.nearest("/a/bc"), Some("/a"));
        assert_eq!(quotas.nearest("/b"), None);
        assert_eq!(quotas.nearest("/"), None);
    }
}
