//! What a store of a million znodes takes: memory for a znode, time for an operation.
//!
//! `cargo run --release --example store_figures [znodes]`. Memory is the growth of the resident set
//! (`/proc/self/statm`), so it counts everything. This is a measurement, not a test: it asserts
//! only that the work was done.

#![allow(clippy::cast_precision_loss, reason = "the figures are for people")]

use std::fs;
use std::time::Instant;

use raftkeeper_engine::jute::Reader;
use raftkeeper_engine::store::{Meta, NodeId, ROOT, Store};

const PAGE_BYTES: usize = 4096;
const DATA: [u8; 100] = [0x5A; 100];
const START_MS: i64 = 1_795_000_000_000;

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|field| field.parse::<usize>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

fn path(n: usize) -> String {
    format!("/bench/n{n:06}")
}

fn fresh(zxid: i64) -> Meta {
    let ctime = START_MS + zxid / 50;
    Meta { czxid: zxid, mzxid: zxid, pzxid: zxid, ctime, mtime: ctime, ..Meta::default() }
}

/// Prints the time that each of `count` calls took.
fn timed(what: &str, count: usize, mut call: impl FnMut(usize)) {
    let start = Instant::now();
    (0..count).for_each(&mut call);
    let each = start.elapsed().as_nanos() as f64 / count as f64;
    println!("{what:<34} {each:8.0} ns");
}

/// The worst single call, to see that nothing pauses.
fn worst(what: &str, count: usize, mut call: impl FnMut(usize)) {
    let mut longest = 0;
    for at in 0..count {
        let start = Instant::now();
        call(at);
        longest = longest.max(start.elapsed().as_micros());
    }
    println!("{what:<34} {longest:8} us at the worst");
}

fn print_memory(what: &str, before: usize, count: usize, store: &Store) {
    let each = resident_bytes().saturating_sub(before) as f64 / count as f64;
    let own = store.memory_bytes() as f64 / count as f64;
    println!("{what:<34} {each:8.1} bytes resident a znode, {own:.1} by its own count");
}

fn fill(store: &mut Store, bench: NodeId, n: usize) {
    let zxid = n as i64 + 10;
    let parent = Meta { pzxid: zxid, creates: n as i32 + 1, ..store.meta(bench) };
    let made = store.insert(bench, &path(n)["/bench/".len()..], Some(&DATA), &fresh(zxid));
    assert!(made.is_ok());
    store.set_meta(bench, &parent);
}

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    // Touches every path once in no order: 7919 is a prime that does not divide the count.
    let order: Vec<String> = (0..count).map(|n| path(n * 7919 % count)).collect();
    let before = resident_bytes();
    let mut store = Store::new(1);
    let Ok(bench) = store.insert(ROOT, "bench", None, &fresh(1)) else { return };
    timed("insert (and parent's stamps)", count, |n| fill(&mut store, bench, n));
    print_memory("memory, fresh", before, count, &store);
    let mut found = 0;
    timed("lookup, random", count, |n| found += u64::from(store.lookup(&order[n]).is_some()));
    assert_eq!(found, count as u64);
    timed("lookup + read, random", count, |n| {
        let znode = store.lookup(&order[n]).and_then(|id| store.read(id));
        found += znode.and_then(|znode| znode.data).map_or(0, <[u8]>::len) as u64;
    });
    timed("set data, random", count, |n| {
        let Some(id) = store.lookup(&order[n]) else { return };
        let (zxid, old) = ((count + n) as i64, store.meta(id));
        let meta = Meta { mzxid: zxid, mtime: old.mtime + 60_000, version: 1, ..old };
        assert_eq!(store.set_data(id, Some(&DATA), &meta), Ok(()));
    });
    print_memory("memory, all set once", before, count, &store);
    let start = Instant::now();
    let names: usize = store.children(bench).map(|id| store.name_bytes(id).len()).sum();
    let each = start.elapsed().as_nanos() as f64 / count as f64;
    println!("{:<34} {each:8.1} ns a child ({names} bytes)", "list children");
    snapshot(&mut store, count);
    timed("remove, random", count, |n| {
        if let Some(id) = store.lookup(&order[n]) {
            store.remove(id);
        }
    });
    println!("{:<34} {:8} KiB kept", "after removal", store.memory_bytes() / 1024);
    worst("insert again, one by one", count, |n| fill(&mut store, bench, n));
}

fn snapshot(store: &mut Store, count: usize) {
    let mut out = Vec::with_capacity(count * 160 + 1024);
    let start = Instant::now();
    store.walk_begin();
    println!("{:<34} {:8} us", "walk begin", start.elapsed().as_micros());
    while store.walk_next(&mut out, 256 * 1024) {}
    let took = start.elapsed().as_millis();
    println!("{:<34} {took:8} ms, {} bytes", "walk, all", out.len());
    let start = Instant::now();
    let (mut copy, mut reader) = (Store::new(1), Reader::new(&out));
    while !reader.is_empty() {
        assert_eq!(copy.restore(&mut reader), Ok(()));
    }
    let took = start.elapsed().as_millis();
    assert_eq!(copy.restore_end(store.node_count()), Ok(()));
    let all = start.elapsed().as_millis();
    println!("{:<34} {took:8} ms, with its end {all} ms", "restore, all");
    assert_eq!(copy.data_bytes(), store.data_bytes());
}
