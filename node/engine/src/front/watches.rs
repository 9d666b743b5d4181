//! Who watches what on this node: standard, persistent and recursive watches.
//!
//! One entry per watched path holds its watchers, sorted by connection, each with the kinds it has.
//! ZooKeeper keeps two tables (data and child); here the kinds are bits of one, so that a deletion,
//! which fires in both, finds each connection once. Memory and order of nothing else depend on
//! this.

use std::rc::Rc;

use super::keyed_hash::{KeyedMap, KeyedSet, KeyedState};
use super::limits::{WATCHES_SWEPT_MAX, WATCHES_SWEPT_PER_ADD};
use crate::machine::EventKind;

/// A standard watch left by exists or getData; gone once fired.
pub const DATA: u8 = 1;
/// A standard watch left by getChildren; gone once fired.
pub const CHILD: u8 = 2;
/// Stays; fires for the path itself, as both standard kinds do.
pub const PERSISTENT: u8 = 4;
/// Stays; fires for the path and every descendant, but never for lists of children.
pub const RECURSIVE: u8 = 8;
/// The kinds that ZooKeeper keeps in its data table: its dumps show these.
pub const DATA_TABLE: u8 = DATA | PERSISTENT | RECURSIVE;
const CHILD_TABLE: u8 = CHILD | PERSISTENT;

/// (kinds that an event fires at the path itself, kinds that are gone then)
const fn kinds_of(event: EventKind) -> (u8, u8) {
    match event {
        EventKind::Created | EventKind::DataChanged => (DATA_TABLE, DATA),
        EventKind::Deleted => (DATA_TABLE | CHILD_TABLE, DATA | CHILD),
        EventKind::ChildrenChanged => (CHILD_TABLE, CHILD),
    }
}

#[derive(Clone, Copy, Debug)]
struct Watcher {
    conn: u64,
    kinds: u8,
}

#[derive(Debug)]
struct WatchedPath {
    path: Rc<str>,
    /// Sorted by connection: adding and finding stay cheap where thousands watch one path.
    watchers: Vec<Watcher>,
}

/// All watches of this node's connections.
#[derive(Debug)]
pub struct Watches {
    paths: Vec<WatchedPath>,
    free: Vec<u32>,
    by_path: KeyedMap<Rc<str>, u32>,
    by_conn: KeyedMap<u64, KeyedSet<u32>>,
    /// Lost connections, with the paths they still have to be forgotten at.
    leaving: Vec<(u64, Vec<u32>)>,
    hash: KeyedState,
    /// Recursive watches in all: while there are none, no ancestor is looked up.
    recursive_count: usize,
    data_table_count: usize,
    child_table_count: usize,
}

impl Watches {
    pub fn new(hash: KeyedState) -> Self {
        Self {
            paths: Vec::new(),
            free: Vec::new(),
            by_path: KeyedMap::with_hasher(hash),
            by_conn: KeyedMap::with_hasher(hash),
            leaving: Vec::new(),
            hash,
            recursive_count: 0,
            data_table_count: 0,
            child_table_count: 0,
        }
    }

    /// Adds kinds to what `conn` watches at `path`.
    pub fn add(&mut self, conn: u64, path: &str, kinds: u8) {
        if !self.leaving.is_empty() {
            self.sweep_some(WATCHES_SWEPT_PER_ADD);
        }
        let number = self.intern(path);
        let watchers = &mut self.paths[number as usize].watchers;
        let (before, after) = match watchers.binary_search_by_key(&conn, |watcher| watcher.conn) {
            Ok(at) => {
                let before = watchers[at].kinds;
                watchers[at].kinds |= kinds;
                (before, before | kinds)
            }
            Err(at) => {
                watchers.insert(at, Watcher { conn, kinds });
                let hash = self.hash;
                let watched = self.by_conn.entry(conn);
                watched.or_insert_with(|| KeyedSet::with_hasher(hash)).insert(number);
                (0, kinds)
            }
        };
        self.count(before, after);
    }

    /// The kinds that `conn` watches at `path`.
    pub fn kinds(&self, conn: u64, path: &str) -> u8 {
        self.by_path.get(path).map_or(0, |&number| {
            let watchers = &self.paths[number as usize].watchers;
            watchers
                .binary_search_by_key(&conn, |watcher| watcher.conn)
                .map_or(0, |at| watchers[at].kinds)
        })
    }

    /// Takes kinds away from what `conn` watches at `path`; false when it had none of them.
    pub fn remove(&mut self, conn: u64, path: &str, kinds: u8) -> bool {
        let had = self.kinds(conn, path) & kinds != 0;
        if let Some(&number) = self.by_path.get(path).filter(|_| had) {
            self.clear(number, conn, kinds);
        }
        had
    }

    /// Gathers the connections that an event reaches, each once, and drops the watches it uses up.
    pub fn fire(&mut self, event: EventKind, path: &str, reached: &mut Vec<u64>) {
        reached.clear();
        if self.by_path.is_empty() {
            return;
        }
        let (fired, used_up) = kinds_of(event);
        if let Some(&number) = self.by_path.get(path) {
            self.fire_at(number, fired, used_up, reached);
        }
        if self.recursive_count > 0 && event != EventKind::ChildrenChanged {
            self.fire_at_ancestors(path, reached);
        }
    }

    fn fire_at(&mut self, number: u32, fired: u8, used_up: u8, reached: &mut Vec<u64>) {
        let entry = &mut self.paths[number as usize];
        let (mut data_gone, mut child_gone) = (0, 0);
        let by_conn = &mut self.by_conn;
        entry.watchers.retain_mut(|watcher| {
            if watcher.kinds & fired == 0 {
                return true;
            }
            reached.push(watcher.conn);
            let gone = watcher.kinds & used_up;
            data_gone += usize::from(gone & DATA != 0);
            child_gone += usize::from(gone & CHILD != 0);
            watcher.kinds &= !used_up;
            if watcher.kinds == 0 {
                forget(by_conn, watcher.conn, number);
            }
            watcher.kinds != 0
        });
        let empty = entry.watchers.is_empty();
        self.data_table_count -= data_gone;
        self.child_table_count -= child_gone;
        if empty {
            self.free_path(number);
        }
    }

    fn fire_at_ancestors(&self, path: &str, reached: &mut Vec<u64>) {
        let own = reached.len();
        let mut rest = path;
        while let Some(at) = rest.rfind('/') {
            if rest == "/" {
                break;
            }
            rest = if at == 0 { "/" } else { &rest[..at] };
            if let Some(&number) = self.by_path.get(rest) {
                let watchers = &self.paths[number as usize].watchers;
                let recursive = watchers.iter().filter(|watcher| watcher.kinds & RECURSIVE != 0);
                reached.extend(recursive.map(|watcher| watcher.conn));
            }
        }
        if reached.len() > own {
            reached.sort_unstable();
            reached.dedup();
        }
    }

    /// Forgets what `conn` watched: up to a bound now, the rest by `sweep`. Until then an event may
    /// still name the connection, whose id nobody else ever has.
    pub fn disconnect(&mut self, conn: u64) {
        if let Some(numbers) = self.by_conn.remove(&conn) {
            self.leaving.push((conn, numbers.into_iter().collect()));
            self.sweep();
        }
    }

    /// Goes on forgetting the watches of lost connections.
    pub fn sweep(&mut self) {
        self.sweep_some(WATCHES_SWEPT_MAX);
    }

    fn sweep_some(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let Some((conn, numbers)) = self.leaving.last_mut() else { return };
            let conn = *conn;
            if let Some(number) = numbers.pop() {
                left -= 1;
                self.forget_path(conn, number);
            } else {
                self.leaving.pop();
            }
        }
    }

    fn forget_path(&mut self, conn: u64, number: u32) {
        let entry = &mut self.paths[number as usize];
        if let Ok(at) = entry.watchers.binary_search_by_key(&conn, |watcher| watcher.conn) {
            let kinds = entry.watchers.remove(at).kinds;
            let empty = entry.watchers.is_empty();
            self.count(kinds, 0);
            if empty {
                self.free_path(number);
            }
        }
    }

    fn intern(&mut self, path: &str) -> u32 {
        if let Some(&number) = self.by_path.get(path) {
            return number;
        }
        let path: Rc<str> = path.into();
        let entry = WatchedPath { path: Rc::clone(&path), watchers: Vec::new() };
        let number = if let Some(number) = self.free.pop() {
            self.paths[number as usize] = entry;
            number
        } else {
            self.paths.push(entry);
            self.paths.len() as u32 - 1
        };
        self.by_path.insert(path, number);
        number
    }

    fn clear(&mut self, number: u32, conn: u64, kinds: u8) {
        let watchers = &mut self.paths[number as usize].watchers;
        let Ok(at) = watchers.binary_search_by_key(&conn, |watcher| watcher.conn) else {
            return;
        };
        let before = watchers[at].kinds;
        let after = before & !kinds;
        watchers[at].kinds = after;
        if after == 0 {
            watchers.remove(at);
            forget(&mut self.by_conn, conn, number);
        }
        let empty = self.paths[number as usize].watchers.is_empty();
        self.count(before, after);
        if empty {
            self.free_path(number);
        }
    }

    fn free_path(&mut self, number: u32) {
        let entry = &mut self.paths[number as usize];
        self.by_path.remove(&entry.path);
        entry.path = Rc::from("");
        entry.watchers = Vec::new();
        self.free.push(number);
    }

    /// Keeps the counts when one connection's kinds at one path change.
    fn count(&mut self, before: u8, after: u8) {
        let data = |kinds: u8| (kinds & DATA_TABLE).count_ones() as usize;
        let child = |kinds: u8| (kinds & CHILD_TABLE).count_ones() as usize;
        let recursive = |kinds: u8| usize::from(kinds & RECURSIVE != 0);
        self.data_table_count = self.data_table_count + data(after) - data(before);
        self.child_table_count = self.child_table_count + child(after) - child(before);
        self.recursive_count = self.recursive_count + recursive(after) - recursive(before);
    }

    /// Watches in all, counted as ZooKeeper counts its two tables.
    pub const fn watch_count(&self) -> usize {
        self.data_table_count + self.child_table_count
    }

    /// (connections, paths, watches) of the data table, as `wchs` shows them.
    pub fn data_counts(&self) -> (usize, usize, usize) {
        let of_data = |watcher: &&Watcher| watcher.kinds & DATA_TABLE != 0;
        let mut conns: Vec<u64> = Vec::new();
        let mut paths = 0;
        for entry in &self.paths {
            let before = conns.len();
            conns.extend(entry.watchers.iter().filter(of_data).map(|watcher| watcher.conn));
            paths += usize::from(conns.len() > before);
        }
        conns.sort_unstable();
        conns.dedup();
        (conns.len(), paths, self.data_table_count)
    }

    /// The paths in the data table of each connection, sorted.
    pub fn data_paths(&self) -> Vec<(u64, Vec<&str>)> {
        let mut dump: Vec<(u64, Vec<&str>)> = Vec::with_capacity(self.by_conn.len());
        for (&conn, numbers) in &self.by_conn {
            let paths = numbers.iter().map(|&number| &self.paths[number as usize]);
            let mut names: Vec<&str> = paths
                .filter(|entry| self.kinds(conn, &entry.path) & DATA_TABLE != 0)
                .map(|entry| &*entry.path)
                .collect();
            names.sort_unstable();
            if !names.is_empty() {
                dump.push((conn, names));
            }
        }
        dump.sort_unstable();
        dump
    }
}

/// Drops one path from what a connection watches.
fn forget(by_conn: &mut KeyedMap<u64, KeyedSet<u32>>, conn: u64, number: u32) {
    if let Some(numbers) = by_conn.get_mut(&conn) {
        numbers.remove(&number);
        if numbers.is_empty() {
            by_conn.remove(&conn);
        }
    }
}

#[cfg(test)]
#[path = "watches_tests.rs"]
mod tests;
